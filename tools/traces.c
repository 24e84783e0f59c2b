/* The launcher's last words. A pattern may match traces of other runs; the session in a trace's
 * meta data, not its time, tells whose it is, because clocks of file servers differ. */
#include "traces.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "memtrace/trace.h"

/* A size as a person reads it. */
static void format_size(char *text, size_t room, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, room, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* The name as the user would write it: relative where it lies below the current folder. */
static const char *short_name(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) == 0 && path[length] == '/')
        return path + length + 1;
    return path;
}

static void print_quoted(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        *word == '\'' ? fputs("'\\''", out) : fputc(*word, out);
    fputc('\'', out);
}

static void print_line(const char *name, const struct mt_trace_stats *stats)
{
    char size[32];
    format_size(size, sizeof size, stats->file_bytes);
    fprintf(stderr, "memtrace: %s: %llu events, %s, %llu lost%s\n", name,
            (unsigned long long)stats->events, size, (unsigned long long)stats->events_lost,
            stats->complete ? "" : ", not complete (its process was killed or still runs)");
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
        print_line(short_name(path, folder), &stats);
    }
    mt_trace_free(trace);
    return ours;
}

/* Forget the found files that are not of this session, telling of the others; how many are left. */
static size_t keep_ours(glob_t *found, const char *session, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        char *path = found->gl_pathv[i];
        if (!report_one(path, session, folder))
            continue;
        /* Swapped, not overwritten: globfree frees every entry. */
        found->gl_pathv[i] = found->gl_pathv[kept];
        found->gl_pathv[kept++] = path;
    }
    return kept;
}

void mt_traces_report(const struct mt_pattern *pattern, const char *session, const char *folder,
                      const char *analyzer)
{
    glob_t found = {0};
    size_t kept = 0;
    if (glob(pattern->glob, 0, NULL, &found) == 0)
        kept = keep_ours(&found, session, folder);
    if (kept > 0) {
        print_quoted(stderr, analyzer);
        for (size_t i = 0; i < kept; i++) {
            fputc(' ', stderr);
            print_quoted(stderr, short_name(found.gl_pathv[i], folder));
        }
        fputc('\n', stderr);
    } else {
        fputs("memtrace: no trace was written: the command made no CUDA call\n", stderr);
    }
    globfree(&found);
}
