/* The files that a recording leaves, where it cannot, and what stands in them. */
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foreign.h"
#include "shim/cuda/resolve.h"
#include "unit/unit.h"

#define DONE 100u /* allocations of "victim plain" */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void must_contain(const char *path, const char *text)
{
    char *found = read_text(path);
    ck_assert_msg(strcmp(found, text) == 0, "%s was written to", path);
    free(found);
}

/* Run with t.mtrace as output in an own folder; `prepare` puts things there. */
static struct run run_as_t(const char *setting, void (*prepare)(void))
{
    const struct order order = {.environment = LIST("MEMTRACE_OUTPUT=t.mtrace", setting),
                                .arguments = LIST("victim", "plain"), .prepare = prepare};
    struct run run = run_order(&order);
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    return run;
}

static void check_trace(const struct run *run, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", run->folder, name);
    struct seen seen = compare_trace(path, run->ledger, 0, COMPARE_EXACT, 0);
    ck_assert_uint_eq(seen.events, 2 * DONE);
}

/* ---- names ---- */

static void put_old(void)
{
    write_text("t.mtrace", "old");
}

START_TEST(taken_name)
{
    struct run run = run_as_t("MEMTRACE_FORCE=0", put_old);
    char path[128];
    snprintf(path, sizeof path, "%s/t.mtrace", run.folder);
    must_contain(path, "old");
    check_trace(&run, "t-2.mtrace");
    run_free(&run);
    run = run_as_t("MEMTRACE_FORCE=1", put_old);
    check_trace(&run, "t.mtrace");
    ck_assert_uint_eq(run_files(&run, ""), 1);
    run_free(&run);
}
END_TEST

static void put_links(void)
{
    write_text("victim.target", "target");
    if (symlink("victim.target", "t.mtrace") < 0 || symlink("victim.target", "t-2.mtrace") < 0 ||
        symlink("victim.none", "t-3.mtrace") < 0 ||
        symlink("victim.target", "t-4.mtrace.ring") < 0)
        _exit(126);
}

static void check_links(const char *setting, const char *free_name)
{
    char path[128];
    struct run run = run_as_t(setting, put_links);
    snprintf(path, sizeof path, "%s/victim.target", run.folder);
    must_contain(path, "target");
    ck_assert(!run_has(&run, "victim.none"));
    check_trace(&run, free_name);
    run_free(&run);
}

START_TEST(planted_links)
{
    check_links("MEMTRACE_FORCE=0", "t-5.mtrace");
    check_links("MEMTRACE_FORCE=1", "t-4.mtrace");
}
END_TEST

static void put_ring(void)
{
    write_text("t.mtrace.ring", "of another time");
}

/* A trace beside it would be without the ring that outlives a kill. */
START_TEST(ring_file_that_was_left)
{
    struct run run = run_order(&(struct order){.environment = LIST("MEMTRACE_OUTPUT=t.mtrace"),
                                               .arguments = LIST("victim", "end", "_exit"),
                                               .prepare = put_ring});
    ck_assert_uint_eq(run.traces, 1);
    ck_assert(run_has(&run, "t-2.mtrace.ring"));
    struct seen seen = compare_trace(run.trace[0], run.ledger, 0, COMPARE_EXACT, 0);
    ck_assert_uint_eq(seen.events, 1000);
    run_free(&run);
}
END_TEST

START_TEST(placeholders)
{
    char host[256], name[512];
    struct run run = run_clean(LIST("MEMTRACE_OUTPUT=%h-%e-%r-%%.mtrace", "SLURM_PROCID=12"),
                               LIST("victim", "plain"));
    gethostname(host, sizeof host);
    snprintf(name, sizeof name, "%s-victim-12-%%.mtrace", host);
    ck_assert(run_has(&run, name));
    run_free(&run);
}
END_TEST

START_TEST(missing_folders)
{
    struct run run = run_order(&(struct order){
        .environment = LIST("MEMTRACE_OUTPUT=d/%r/%%.mtrace", "RANK=3"),
        .arguments = LIST("victim", "plain")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    check_trace(&run, "d/3/%.mtrace");
    run_free(&run);
}
END_TEST

static void wide_mask(void)
{
    umask(0);
}

START_TEST(nobody_else_reads_them)
{
    struct stat status;
    char path[256];
    struct run run = run_order(
        &(struct order){.arguments = LIST("victim", "end", "_exit"), .prepare = wide_mask});
    ck_assert_uint_eq(run.traces, 1);
    ck_assert(stat(run.trace[0], &status) == 0);
    ck_assert_uint_eq(status.st_mode, S_IFREG | 0600);
    snprintf(path, sizeof path, "%s.ring", run.trace[0]);
    ck_assert(stat(path, &status) == 0);
    ck_assert_uint_eq(status.st_mode, S_IFREG | 0600);
    run_free(&run);
}
END_TEST

START_TEST(trace_that_vanishes)
{
    struct run run = run_order(&(struct order){.environment = LIST("MEMTRACE_OUTPUT=t.mtrace"),
                                               .arguments = LIST("victim", "delete", "t.mtrace")});
    run_must_succeed(&run);
    ck_assert_msg(strstr(run.err, "/t.mtrace was deleted") != NULL, "said: %s", run.err);
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

/* ---- where it cannot ---- */

/* One line that names the setting and says what follows; the job is as ever. */
static void check_refused(const char *setting, const char *named, void (*prepare)(void))
{
    const struct order order = {.environment = LIST(setting, "SIMCUDA_DEVICES=2"),
                                .arguments = LIST("victim", "doors", "1"), .prepare = prepare};
    struct run run = run_order(&order);
    char said[32];
    run_must_succeed(&run);
    snprintf(said, sizeof said, "%d functions\n", MT_APIS);
    ck_assert_str_eq(run.out, said);
    const char *end = strchr(run.err, '\n');
    ck_assert_msg(end && end[1] == 0, "%s: said: %s", setting, run.err);
    ck_assert_msg(strncmp(run.err, "memtrace: ", 10) == 0 && strstr(run.err, named) &&
                      strstr(run.err, "this process is not recorded"),
                  "%s: said: %s", setting, run.err);
    ck_assert_uint_eq(run_files(&run, "mtrace"), 0);
    run_free(&run);
}

static void lose_folder(void)
{
    if (mkdir("gone", 0700) < 0 || chdir("gone") < 0 || rmdir("../gone") < 0)
        _exit(126);
}

START_TEST(impossible_places)
{
    check_refused("MEMTRACE_OUTPUT=/proc/at/all/t.mtrace", "/proc/at/all/t.mtrace: No such",
                  NULL);
    check_refused("MEMTRACE_OUTPUT=/dev/null/t.mtrace", "/dev/null/t.mtrace: Not a directory",
                  NULL);
    check_refused("MEMTRACE_OUTPUT=/proc/t.mtrace", "/proc/t.mtrace", NULL);
    check_refused("MEMTRACE_OUTPUT=t.mtrace", "the working directory is gone", lose_folder);
    check_refused("MEMTRACE_OUTPUT=%q.mtrace", "%q.mtrace: after %", NULL);
    check_refused("MEMTRACE_OUTPUT=t%", "after %", NULL);
}
END_TEST

START_TEST(wrong_settings)
{
    static const char *const wrong[] = {
        "MEMTRACE_RING_KIB=much",  "MEMTRACE_RING_KIB=100",   "MEMTRACE_RING_KIB=32",
        "MEMTRACE_RING_KIB=16384", "MEMTRACE_RING_KIB=",      "MEMTRACE_RING_KIB=-64",
        "MEMTRACE_RING_KIB=64k",   "MEMTRACE_ZSTD_LEVEL=99",  "MEMTRACE_TIME_SHIFT=21",
        "MEMTRACE_ENABLE=maybe",   "MEMTRACE_LAUNCHES=2",     "MEMTRACE_WAIT_US=99999999999",
        "MEMTRACE_RINGKIB=64",     "MEMTRACE_=1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i += foreign_is() ? 4 : 1)
        check_refused(wrong[i], wrong[i], NULL);
}
END_TEST

START_TEST(not_wanted)
{
    struct run run = run_order(&(struct order){.environment = LIST("MEMTRACE_ENABLE=0"),
                                               .arguments = LIST("victim", "plain")});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

static void small_files(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000});
}

static void tiny_files(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 100});
}

/* No SIGXFSZ, and what fits is there. */
START_TEST(small_files_are_allowed)
{
    struct order order = {.environment = LIST("MEMTRACE_RING_KIB=64"),
                          .arguments = LIST("victim", "flood", "60000"), .prepare = small_files};
    struct run run = run_order(&order);
    run_must_succeed(&run);
    ck_assert_str_eq(run.out, "60000\n");
    ck_assert_ptr_nonnull(strstr(run.err, "File too large"));
    ck_assert_uint_eq(run.traces, 1);
    ck_assert_uint_gt(count_events(run.trace[0], MT_alloc), 1000);
    run_free(&run);
    order.prepare = tiny_files;
    run = run_order(&order);
    run_must_succeed(&run);
    ck_assert_str_eq(run.out, "60000\n");
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

static void break_stderr(void)
{
    int ends[2];
    if (pipe(ends) < 0 || dup2(ends[1], 2) < 0)
        _exit(126);
    close(ends[0]);
    close(ends[1]);
}

START_TEST(nobody_reads_stderr)
{
    struct run run = run_order(&(struct order){.environment = LIST("MEMTRACE_OUTPUT=/proc/no/t"),
                                               .arguments = LIST("victim", "flood", "10"),
                                               .prepare = break_stderr});
    run_must_succeed(&run);
    ck_assert_str_eq(run.out, "10\n");
    run_free(&run);
}
END_TEST

/* ---- meta data ---- */

#define SECRET "swordfish-4711"

static void check_meta(const struct mt_trace *trace, const char *key, const char *value)
{
    const char *found = mt_trace_meta(trace, key);
    ck_assert_msg(found && strcmp(found, value) == 0, "%s is %s, not %s", key,
                  found ? found : "missing", value);
}

static void check_modules(const struct mt_trace *trace)
{
    bool victim = false, driver = false;
    for (uint32_t i = 0; mt_trace_meta_key(trace, i); i++) {
        const char *key = mt_trace_meta_key(trace, i), *value = mt_trace_meta(trace, key);
        ck_assert_msg(!strstr(value, SECRET), "%s is %s", key, value);
        unsigned long long base;
        char id[128], path[512];
        if (strncmp(key, "module.", 7) != 0)
            continue;
        ck_assert_int_eq(sscanf(value, "%llx %127s %511s", &base, id, path), 3);
        victim |= strcmp(path, "[exe]") == 0 && strlen(id) == 40;
        driver |= strstr(path, "/libcuda.so.1") && base != 0;
    }
    ck_assert(victim && driver);
}

START_TEST(meta_data)
{
    char host[256], number[16];
    struct run run = run_clean(LIST("TOKEN=" SECRET, "MEMTRACE_SESSION=s-1", "RANK=7",
                                    "MEMTRACE_ZSTD_LEVEL=5", "SIMCUDA_DEVICES=2"),
                               LIST("victim", "plain", "10", "it's", "a b", ""));
    struct mt_trace *trace = open_trace(run.trace[0]);
    gethostname(host, sizeof host);
    snprintf(number, sizeof number, "%d", (int)run.pid);
    check_meta(trace, "pid", number);
    check_meta(trace, "host", host);
    check_meta(trace, "command", "victim plain 10 'it'\\''s' 'a b' ''");
    check_meta(trace, "session", "s-1");
    check_meta(trace, "rank", "7");
    check_meta(trace, "driver_version", "13.5");
    check_meta(trace, "setting.ZSTD_LEVEL", "5");
    for (unsigned i = 0; i < MT_APIS; i++)
        ck_assert_str_ne(mt_trace_api(trace, i), "?");
    ck_assert_str_eq(mt_trace_api(trace, MT_API_cuMemAlloc_v2), "cuMemAlloc_v2");
    ck_assert_ptr_nonnull(mt_trace_meta(trace, "start_time"));
    ck_assert_ptr_nonnull(mt_trace_meta(trace, "memtrace_version"));
    ck_assert_ptr_nonnull(strstr(mt_trace_meta(trace, "exe"), "/victim"));
    for (const char *const *key = LIST("device.0.name", "device.1.name", "device.1.total_bytes",
                                       "device.1.uuid"); *key; key++)
        ck_assert_msg(mt_trace_meta(trace, *key) != NULL, "no %s", *key);
    ck_assert_ptr_null(mt_trace_meta(trace, "device.2.name"));
    check_modules(trace);
    mt_trace_free(trace);
    run_free(&run);
}
END_TEST

UNIT_MAIN("files", taken_name, planted_links, ring_file_that_was_left, placeholders,
          missing_folders, nobody_else_reads_them, trace_that_vanishes, impossible_places,
          wrong_settings, not_wanted, small_files_are_allowed, nobody_reads_stderr, meta_data)
