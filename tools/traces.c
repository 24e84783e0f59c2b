/* The launcher's last words. A pattern may match traces of other runs; the session in a trace's
 * meta data, not its time, tells whose it is, because clocks of file servers differ. */
#include "traces.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "memtrace/trace.h"
#include "plain.h"
#include "report/number.h"

/* The name as the user would write it: relative where it lies below the current folder. */
static const char *short_name(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) == 0 && path[length] == '/')
        return path + length + 1;
    return path;
}

static void print_line(const char *name, const struct mt_trace_stats *stats, const char *why)
{
    char events[MT_HUMAN_MAX], size[MT_HUMAN_MAX], lost[MT_HUMAN_MAX];
    fprintf(stderr, "memtrace: ");
    mt_put_plain(stderr, name);
    fprintf(stderr, ": %s events, %s, %s lost%s", mt_human_count(events, stats->events),
            mt_human_bytes(size, stats->file_bytes), mt_human_count(lost, stats->events_lost),
            stats->complete ? ""
            : why           ? ", not complete"
                            : ", not complete (its process was killed or still runs, or it "
                              "could not be written)");
    if (stats->events_lost && why) {
        fprintf(stderr, ": ");
        mt_put_plain(stderr, why);
    }
    fputc('\n', stderr);
}

/* Is the file a trace of this session? Prints its line if so. */
static bool report_one(const char *path, const char *session, const char *folder)
{
    struct mt_trace *trace;
    if (mt_trace_open(&trace, path, NULL) < 0)
        return false;
    const char *found = mt_trace_meta(trace, "session");
    bool ours = found && strcmp(found, session) == 0;
    if (ours) {
        struct mt_trace_stats stats;
        mt_trace_stats(trace, &stats);
        print_line(short_name(path, folder), &stats, mt_trace_meta(trace, "lost_reason"));
    }
    mt_trace_free(trace);
    return ours;
}

/* A name of the second form may be one of the first form as well; it was found twice then. */
static bool is_repeated(const struct mt_pattern *pattern, const char *path, size_t i, size_t first)
{
    return i >= first && fnmatch(pattern->glob, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

/* Move the traces of this session to the front, telling of each; how many they are. */
static size_t keep_ours(glob_t *found, size_t plain, const struct mt_pattern *pattern,
                        const char *session, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        char *path = found->gl_pathv[i];
        if (is_repeated(pattern, path, i, plain) || !report_one(path, session, folder))
            continue;
        /* Swapped, not overwritten: globfree frees every entry. */
        found->gl_pathv[i] = found->gl_pathv[kept];
        found->gl_pathv[kept++] = path;
    }
    return kept;
}

/* Everything that the pattern and its numbered form match; *plain of them by the first. */
static void find_all(glob_t *found, const struct mt_pattern *pattern, size_t *plain)
{
    *found = (glob_t){0};
    *plain = 0;
    if (glob(pattern->glob, 0, NULL, found) == 0)
        *plain = found->gl_pathc;
    if (glob(pattern->numbered, *plain ? GLOB_APPEND : 0, NULL, found) != 0 && *plain == 0)
        *found = (glob_t){0};
}

bool mt_traces_report(const struct mt_pattern *pattern, const char *session, const char *folder,
                      const char *analyzer)
{
    glob_t found;
    size_t plain;
    find_all(&found, pattern, &plain);
    size_t kept = keep_ours(&found, plain, pattern, session, folder);
    if (kept > 0) {
        mt_put_quoted(stderr, analyzer);
        for (size_t i = 0; i < kept; i++) {
            fputc(' ', stderr);
            mt_put_quoted(stderr, short_name(found.gl_pathv[i], folder));
        }
        fputc('\n', stderr);
    }
    globfree(&found);
    return kept > 0;
}
