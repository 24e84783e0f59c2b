/* memtrace-analyze: what a trace says, on the screen and as tables. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/engine.h"
#include "base/folders.h"
#include "base/parse.h"
#include "format/ringfile.h"
#include "interrupt.h"
#include "options.h"
#include "plots.h"
#include "progress.h"
#include "reference.h"
#include "report/stacksinks.h"
#include "report/writer.h"
#include "screen.h"

enum { EXIT_PROBLEM = 1, TABLES_MAX = 64, PATH_BYTES = 4096 };

/* X(letter or 0, id, long name, argument or NULL, text) */
#define SWAP_ROW(name, option, value, unit, text)                                                  \
    ROW(0, SWAP_##name, option, unit, text " (default " #value ")")

#define OPTIONS(X)                                                                                 \
    X(0, CSV, "csv", "DIR", "write every table to DIR as NAME.csv")                                \
    X(0, JSON, "json", "DIR", "write every table to DIR as NAME.json")                             \
    X(0, WITH, "with", "NAME", "with --csv, --json: write table NAME too, which is large")         \
    X(0, TABLE, "table", "NAME", "write only table NAME, to standard output")                      \
    X(0, FORMAT, "format", "FORMAT", "of --table: text (default), csv or json")                    \
    X(0, PLOTS, "plots", "DIR", "draw lifetimes, memory and access intervals to DIR as *.svg")     \
    X(0, ITERATION, "iteration", "N", "of --plots: that iteration, not a typical one")             \
    X(0, LIST, "list-tables", NULL, "list the tables (with --format markdown: all about them)")    \
    X(0, COLUMNS, "columns", "NAME", "list the columns of table NAME")                             \
    X(0, FOLDED, "folded", "FILE", "write stacks to FILE as lines for flame graphs; -: stdout")    \
    X(0, FLAMEGRAPH, "flamegraph", "FILE", "write stacks to FILE as a flame graph (SVG)")          \
    X(0, WEIGHT, "folded-value", "VALUE",                                                          \
      "of both: bytes-at-peak (default), bytes-allocated, count")                                  \
    X(0, SYSROOT, "sysroot", "DIR", "look for programs and libraries in DIR first")                \
    X(0, DEBUG_PATH, "debug-path", "DIR[:DIR]", "look for programs and debug files there too")     \
    MT_SWAP_OPTIONS(SWAP_ROW)                                                                      \
    X('x', EXPLAIN, "explain", NULL, "tell all that the ten lines tell, and more, at length")      \
    X('q', QUIET, "quiet", NULL, "do not print the summary")

/* What the width of a flame graph's box may mean: X(name, column of table stacks, title). */
#define WEIGHTS(X)                                                                                 \
    X("bytes-at-peak", "at_peak_bytes", "Bytes at the peak of allocated memory, by stack")         \
    X("bytes-allocated", "allocated_bytes", "Bytes ever allocated, by stack")                      \
    X("count", "blocks", "Blocks ever allocated, by stack")

struct weight {
    const char *name, *column, *title;
};

enum option_id {
    OPTION_FIRST = 256,
#define ROW(letter, id, name, argument, text) OPTION_##id,
    OPTIONS(ROW)
#undef ROW
};

static const struct mt_option option_rows[] = {
#define ROW(letter, id, name, argument, text) {OPTION_##id, letter, name, argument, text, false},
    OPTIONS(ROW)
#undef ROW
        MT_OPTIONS_COMMON};

struct request {
    const char *csv, *json, *format, *folded, *flamegraph, *weight, *plots;
    struct mt_symbols_options symbols;
    struct mt_swaprule swap;
    uint64_t iteration; /* UINT64_MAX: a typical one */
    const struct mt_table *table, *columns;
    const struct mt_table *with[TABLES_MAX];
    size_t withs;
    bool list, quiet, explain;
    char **traces; /* NULL-terminated */
};

struct analysis {
    const struct request *request;
    struct mt_error error;
    struct mt_engine *engine;
    struct mt_output *screen; /* standard output; a table's writer owns it with --table */
    struct screen says;
    struct mt_sink *stacks[2]; /* folded, flame graph; the engine's. NULL: not wanted */
    size_t analyzed;           /* traces */
    struct plots plots;
    int exit_code;
};

#define complain(...) mt_options_say("memtrace-analyze", __VA_ARGS__)
#define stop(...) mt_options_stop("memtrace-analyze", MT_EXIT_USAGE, __VA_ARGS__)

/* ---- the command line ---- */

static void help(void)
{
    puts("usage: memtrace-analyze [OPTION...] TRACE...\n\n"
         "Say what TRACE holds: when each block of GPU memory lived, and what touched it.\n"
         "Several traces are read one after the other, into the same tables.\n");
    mt_options_help(option_rows, sizeof option_rows / sizeof *option_rows);
    puts("\nExit code: 0; 1 if a trace is damaged, cut or cannot be read (what can be read is\n"
         "reported), or a report cannot be written; 2 for a wrong command line.");
}

static const struct mt_table *find_table(const char *name)
{
    const struct mt_table *table = mt_table_find(name);
    if (!table)
        stop("no table is called '%s'; see --list-tables", name);
    return table;
}

static void add_with(struct request *request, const char *name)
{
    const struct mt_table *table = find_table(name);
    for (size_t i = 0; i < request->withs; i++)
        if (request->with[i] == table)
            return;
    if (request->withs < TABLES_MAX)
        request->with[request->withs++] = table;
}

static const char *folder(const char *option, const char *value)
{
    if (!mt_options_has_folder(value))
        mt_options_die("memtrace-analyze", "--%s: there is no folder '%s'", option, value);
    return value;
}

static void take(void *state, int id, const char *value)
{
    struct request *request = state;
    switch (id) {
    case OPTION_CSV:
        request->csv = value;
        break;
    case OPTION_JSON:
        request->json = value;
        break;
    case OPTION_WITH:
        add_with(request, value);
        break;
    case OPTION_TABLE:
        if (request->table)
            mt_options_die("memtrace-analyze",
                           "--table is given twice; --csv DIR and --json DIR write all tables");
        request->table = find_table(value);
        break;
    case OPTION_FORMAT:
        request->format = value;
        break;
    case OPTION_PLOTS:
        request->plots = value;
        break;
    case OPTION_ITERATION:
        if (!mt_parse_whole(value, &request->iteration))
            stop("--iteration: '%s' is no number", value);
        break;
    case OPTION_LIST:
        request->list = true;
        break;
    case OPTION_COLUMNS:
        request->columns = find_table(value);
        break;
    case OPTION_FOLDED:
        request->folded = value;
        break;
    case OPTION_FLAMEGRAPH:
        request->flamegraph = value;
        break;
    case OPTION_WEIGHT:
        request->weight = value;
        break;
    case OPTION_SYSROOT:
        request->symbols.sysroot = folder("sysroot", value);
        break;
    case OPTION_DEBUG_PATH:
        request->symbols.debug_path = folder("debug-path", value);
        break;
#define SWAP_CASE(name, option, standard, unit, text)                                              \
    case OPTION_SWAP_##name:                                                                       \
        if (mt_swaprule_set(&request->swap, MT_SWAP_##name, value))                                \
            break;                                                                                 \
        stop("--%s is a number of %s, not '%s'", option, unit, value);
        MT_SWAP_OPTIONS(SWAP_CASE)
#undef SWAP_CASE
    case OPTION_EXPLAIN:
        request->explain = true;
        break;
    case OPTION_QUIET:
        request->quiet = true;
        break;
    default:
        break;
    }
}

static void parse(struct request *request, int argc, char **argv)
{
    struct mt_options options = MT_OPTIONS("memtrace-analyze", option_rows, request);
    request->traces = argv + mt_options_parse(&options, argc, argv);
}

static bool is_format(const char *name)
{
#define SAME(format, doc)                                                                          \
    if (strcmp(name, #format) == 0)                                                                \
        return true;
    MT_FORMATS(SAME)
#undef SAME
    return false;
}

static const struct weight *find_weight(const char *name)
{
#define ROW(name, column, title) {name, column, title},
    static const struct weight weights[] = {WEIGHTS(ROW)};
#undef ROW
    for (size_t i = 0; name && i < sizeof weights / sizeof *weights; i++)
        if (strcmp(weights[i].name, name) == 0)
            return &weights[i];
    return name ? NULL : weights;
}

static bool is_standard_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Of the options for stacks. */
static const char *stack_contradiction(const struct request *request)
{
    if (!find_weight(request->weight))
        return "--folded-value is bytes-at-peak, bytes-allocated or count";
    if (request->weight && !request->folded && !request->flamegraph)
        return "--folded-value belongs to --folded FILE or --flamegraph FILE";
    if (is_standard_output(request->folded) && request->table)
        return "--folded=- and --table both write to standard output";
    if (is_standard_output(request->flamegraph))
        return "--flamegraph needs the name of a file";
    return NULL;
}

/* What the command line asks for, all at once, must make sense. */
static const char *contradiction(const struct request *request)
{
    bool files = request->csv || request->json;
    if (request->list)
        return request->format && strcmp(request->format, "markdown") != 0 &&
                       strcmp(request->format, "text") != 0
                   ? "--list-tables has the formats text and markdown"
                   : NULL;
    if (request->columns)
        return request->format ? "--columns has no formats" : NULL;
    if (request->format && !is_format(request->format))
        return "--format is text, csv or json";
    if (request->format && !request->table)
        return "--format belongs to --table NAME";
    if (request->withs && !files)
        return "--with belongs to --csv DIR or --json DIR";
    if (!*request->traces)
        return "no trace to analyze";
    if (request->plots && request->traces[1])
        return "--plots DIR draws one trace at a time";
    if (request->iteration != UINT64_MAX && !request->plots)
        return "--iteration belongs to --plots DIR";
    return stack_contradiction(request);
}

/* ---- where tables go ---- */

static int make_directory(struct analysis *analysis, const char *path)
{
    struct stat there;
    char folder[PATH_BYTES];
    if (!path)
        return 0;
    if (!*path)
        return mt_fail(&analysis->error, MT_ERR_USAGE,
                       "the name of a directory to write to is empty");
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
        return mt_fail(&analysis->error, MT_ERR_USAGE, "%s: the name is too long", path);
    int code = mt_folders_make(folder);
    if (code < 0)
        return mt_fail(&analysis->error, MT_ERR_SYSTEM,
                       "cannot create directory %s: %s; create it or name another place", path,
                       strerror(-code));
    if (stat(path, &there) == 0 && !S_ISDIR(there.st_mode))
        return mt_fail(&analysis->error, MT_ERR_SYSTEM,
                       "cannot write into %s: it is no directory; name another place", path);
    return 0;
}

static int want_file(struct analysis *analysis, const struct mt_table *table, const char *directory,
                     const char *format)
{
    char path[PATH_BYTES];
    if (!directory)
        return 0;
    if (snprintf(path, sizeof path, "%s/%s.%s", directory, table->name, format) >= (int)sizeof path)
        return mt_fail(&analysis->error, MT_ERR_USAGE, "%s: the name is too long", directory);
    struct mt_output *output = mt_output_new(path, &analysis->error);
    struct mt_sink *sink = output ? mt_writer_new(format, output, &analysis->error) : NULL;
    return sink ? mt_engine_want(analysis->engine, table, sink) : analysis->error.code;
}

static int want_files(struct analysis *analysis, const struct mt_table *table)
{
    RETURN_IF_ERROR(want_file(analysis, table, analysis->request->csv, "csv"));
    return want_file(analysis, table, analysis->request->json, "json");
}

static bool is_with(const struct request *request, const struct mt_table *table)
{
    for (size_t i = 0; i < request->withs; i++)
        if (request->with[i] == table)
            return true;
    return false;
}

static int want_directories(struct analysis *analysis)
{
    const struct request *request = analysis->request;
    RETURN_IF_ERROR(make_directory(analysis, request->csv));
    RETURN_IF_ERROR(make_directory(analysis, request->json));
    for (const struct mt_table *const *table = mt_tables; *table; table++)
        if (!(*table)->on_request || is_with(request, *table))
            RETURN_IF_ERROR(want_files(analysis, *table));
    return 0;
}

static int want_screen(struct analysis *analysis)
{
    analysis->screen = mt_output_new(NULL, &analysis->error);
    if (!analysis->screen)
        return MT_ERR_MEMORY;
    analysis->says.at_length = analysis->request->explain;
    return screen_want(&analysis->says, analysis->engine, analysis->screen,
                       analysis->request->traces, &analysis->error);
}

static int want_table(struct analysis *analysis)
{
    const struct request *request = analysis->request;
    const char *format = request->format ? request->format : "text";
    analysis->screen = mt_output_new(NULL, &analysis->error);
    if (!analysis->screen)
        return MT_ERR_MEMORY;
    struct mt_sink *sink = mt_writer_new(format, analysis->screen, &analysis->error);
    if (!sink)
        analysis->screen = NULL; /* gone with the writer */
    return sink ? mt_engine_want(analysis->engine, request->table, sink) : analysis->error.code;
}

static int want_stacks(struct analysis *analysis, struct mt_sink **sink)
{
    if (!*sink)
        return mt_fail(&analysis->error, MT_ERR_MEMORY, "out of memory");
    return mt_engine_want(analysis->engine, &mt_table_stacks, *sink);
}

static int want_folded(struct analysis *analysis)
{
    const char *path = analysis->request->folded;
    struct mt_output *output =
        mt_output_new(is_standard_output(path) ? NULL : path, &analysis->error);
    if (!output)
        return analysis->error.code;
    analysis->stacks[0] =
        mt_folded_sink_new(output, find_weight(analysis->request->weight)->column);
    return want_stacks(analysis, &analysis->stacks[0]);
}

static int want_flamegraph(struct analysis *analysis)
{
    const struct request *request = analysis->request;
    const struct weight *weight = find_weight(request->weight);
    struct mt_flame_title title = {weight->title, *request->traces, strstr(weight->name, "bytes")};
    struct mt_output *output = mt_output_new(request->flamegraph, &analysis->error);
    if (!output)
        return analysis->error.code;
    analysis->stacks[1] = mt_flame_sink_new(output, weight->column, &title);
    return want_stacks(analysis, &analysis->stacks[1]);
}

static int want_all(struct analysis *analysis)
{
    const struct request *request = analysis->request;
    mt_engine_symbols(analysis->engine, &request->symbols);
    mt_engine_swap(analysis->engine, &request->swap);
    if (request->folded)
        RETURN_IF_ERROR(want_folded(analysis));
    if (request->flamegraph)
        RETURN_IF_ERROR(want_flamegraph(analysis));
    if (request->csv || request->json)
        RETURN_IF_ERROR(want_directories(analysis));
    if (request->plots) {
        RETURN_IF_ERROR(make_directory(analysis, request->plots));
        mt_engine_picture(analysis->engine, request->iteration);
        RETURN_IF_ERROR(
            plots_want(&analysis->plots, analysis->engine, request->plots, &analysis->error));
    }
    if (request->table)
        return want_table(analysis);
    return request->quiet || is_standard_output(request->folded) ? 0 : want_screen(analysis);
}

/* ---- the work ---- */

/* A killed process leaves what its threads told last in a file beside the trace, if it could. */
static const char no_ring_file[] = "what its threads told last is missing, as there is no file "
                                   MT_RINGFILE_SUFFIX " beside it; the rest is reported";

static bool has_ring_file(const char *path)
{
    char name[PATH_MAX + sizeof MT_RINGFILE_SUFFIX];
    snprintf(name, sizeof name, "%s" MT_RINGFILE_SUFFIX, path);
    return access(name, F_OK) == 0;
}

/* What was not as it should be goes to standard error, also where no summary is printed. */
static void judge(struct analysis *analysis, const char *path, const struct mt_trace_stats *stats)
{
    bool damaged = stats->chunks_damaged || stats->bytes_skipped || stats->events_damaged;
    bool cut = !stats->complete && !stats->events_salvaged;
    if (damaged)
        complain(
            "%s: damaged from offset %llu on: %llu chunks and %llu bytes were passed over, the "
            "rest is reported",
            path, (unsigned long long)stats->first_damage,
            (unsigned long long)stats->chunks_damaged, (unsigned long long)stats->bytes_skipped);
    else if (cut)
        complain("%s: the recorder did not close it: it was killed, or the file is cut; %s",
                 path, has_ring_file(path) ? "what is there is reported" : no_ring_file);
    if (damaged || cut)
        analysis->exit_code = EXIT_PROBLEM;
}

static int analyze_one(struct analysis *analysis, const char *path)
{
    struct mt_trace_stats stats = {0};
    struct progress progress;
    analysis->error.code = 0;
    progress_start(&progress, path);
    int code = mt_engine_run(analysis->engine, path, progress_show, &progress, &stats);
    progress_end(&progress);
    if (code < 0) {
        analysis->exit_code = EXIT_PROBLEM;
        if (mt_engine_usable(analysis->engine))
            complain("%s", analysis->error.message);
        return 0;
    }
    analysis->analyzed++;
    judge(analysis, path, &stats);
    return screen_tell(&analysis->says, path, &stats, &analysis->error);
}

/* Files of stacks are not written where there are none. */
static void judge_stacks(struct analysis *analysis)
{
    const struct mt_sink *sink = analysis->stacks[0] ? analysis->stacks[0] : analysis->stacks[1];
    if (!sink || mt_stack_sink_filled(sink))
        return;
    complain("%s holds no stacks: record with 'memtrace --stacks=auto'",
             analysis->analyzed == 1 ? "the trace" : "no trace");
    analysis->exit_code = EXIT_PROBLEM;
}

static int analyze(struct analysis *analysis)
{
    RETURN_IF_ERROR(want_all(analysis));
    for (char **path = analysis->request->traces; *path; path++) {
        RETURN_IF_ERROR(analyze_one(analysis, *path));
        if (!mt_engine_usable(analysis->engine))
            return analysis->error.code;
    }
    if (analysis->analyzed == 0) /* empty tables must not replace those of another day */
        return 0;
    analysis->error.code = 0;
    screen_end(&analysis->says);
    RETURN_IF_ERROR(mt_engine_finish(analysis->engine));
    judge_stacks(analysis);
    if (analysis->request->plots)
        RETURN_IF_ERROR(plots_write(&analysis->plots, &analysis->error));
    return analysis->says.output ? mt_output_close(analysis->screen) : 0;
}

static int run(const struct request *request)
{
    struct analysis analysis = {.request = request};
    int code = MT_ERR_MEMORY;
    analysis.engine = mt_engine_new(&analysis.error);
    if (analysis.engine)
        code = analyze(&analysis);
    bool deserted = analysis.screen && code < 0 && mt_output_deserted(analysis.screen);
    /* A pipe that its reader has closed is how `| head` ends: nothing to complain about. */
    if (code < 0 && !deserted) {
        complain("%s", analysis.error.message);
        analysis.exit_code = EXIT_PROBLEM;
    }
    mt_engine_free(analysis.engine);
    plots_release(&analysis.plots);
    screen_release(&analysis.says);
    if (!request->table)
        mt_output_free(analysis.screen);
    return analysis.exit_code;
}

static int list(const struct request *request)
{
    struct mt_error error = {0};
    struct mt_output *output = mt_output_new(NULL, &error);
    if (output && request->columns)
        reference_columns(output, request->columns);
    else if (output && request->format && strcmp(request->format, "markdown") == 0)
        reference_markdown(output);
    else if (output)
        reference_list(output);
    int code = output ? mt_output_close(output) : MT_ERR_MEMORY;
    bool failed = code < 0 && !(output && mt_output_deserted(output));
    if (failed)
        complain("%s", error.message);
    mt_output_free(output);
    return failed ? EXIT_PROBLEM : 0;
}

int main(int argc, char **argv)
{
    static struct request request = {.iteration = UINT64_MAX};
    request.swap = mt_swaprule_default();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    mt_interrupt_cleanly();
    parse(&request, argc, argv);
    const char *problem = contradiction(&request);
    if (problem)
        mt_options_die("memtrace-analyze", "%s", problem);
    return request.list || request.columns ? list(&request) : run(&request);
}
