/* memtrace-import: a log that another program wrote becomes a trace. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "import/import.h"
#include "interrupt.h"
#include "options.h"
#include "report/number.h"
#include "report/output.h"

enum { EXIT_INPUT = 1, BAD_SHOWN = 10, CHUNK_EVENTS = 65536 };

static const struct mt_option rows[] = {
    {'o', 'o', "output", "TRACE", "the trace to write; must be given", false},
    {'d', 'd', "device", "N", "the device whose memory it is (not said where not given)", false},
    {'f', 'f', "force", NULL, "replace TRACE if it is there", false},
    {'q', 'q', "quiet", NULL, "say nothing but what is wrong", false},
    MT_OPTIONS_COMMON,
};

#define say(...) mt_options_say("memtrace-import", __VA_ARGS__)
#define die(...) mt_options_die("memtrace-import", __VA_ARGS__)

struct request {
    struct mt_import_request import;
    const char *format, *output;
    uint64_t bad; /* rows complained about */
    bool force, quiet;
};

static void help(void)
{
    puts("usage: memtrace-import FORMAT LOG -o TRACE [OPTION...]\n\n"
         "Make a trace of a log of memory that another program wrote; LOG may be - for standard\n"
         "input. FORMAT is one of\n");
#define ROW(name, doc) printf("  %-5s %s\n", #name, doc);
    MT_IMPORT_FORMATS(ROW)
#undef ROW
    puts("");
    mt_options_help(rows, sizeof rows / sizeof *rows);
    puts("\nExit: 0; 1 if rows were left out (the trace holds the others), or the log cannot be\n"
         "read or the trace not written; 2 for a wrong command line.");
}

static uint64_t device_called(const char *text)
{
    long device;
    if (!mt_parse_number(text, 0, 63, &device))
        die("--device: '%s' is no number from 0 to 63", text);
    return (uint64_t)device;
}

static void take(void *state, int id, const char *value)
{
    struct request *request = state;
    switch (id) {
    case 'o':
        request->output = value;
        break;
    case 'd':
        request->import.device = device_called(value);
        break;
    case 'f':
        request->force = true;
        break;
    default:
        request->quiet = true;
        break;
    }
}

static void parse(struct request *request, int argc, char **argv)
{
    struct mt_options options = MT_OPTIONS("memtrace-import", rows, request);
    int first = mt_options_parse(&options, argc, argv);
    if (argc - first < 2)
        die("FORMAT and LOG must be given");
    if (argc - first > 2)
        die("one log at a time, please: %s is one too many", argv[first + 2]);
    request->format = argv[first];
    request->import.name = argv[first + 1];
}

static void choose_format(struct request *request)
{
#define ROW(word, doc)                                                                             \
    if (strcmp(request->format, #word) == 0) {                                                     \
        request->import.format = MT_IMPORT_##word;                                                 \
        return;                                                                                    \
    }
    MT_IMPORT_FORMATS(ROW)
#undef ROW
    die("'%s' is no format", request->format);
}

/* ---- the work ---- */

static void complain(void *context, uint64_t line, const char *reason)
{
    struct request *request = context;
    if (request->bad++ < BAD_SHOWN)
        say("%s:%llu: %s", request->import.name, (unsigned long long)line, reason);
}

static int put(void *output, const void *bytes, size_t size)
{
    mt_put(output, bytes, size);
    return mt_output_status(output);
}

static int open_log(struct request *request, struct mt_error *error)
{
    if (strcmp(request->import.name, "-") == 0) {
        request->import.name = "standard input";
        return 0;
    }
    request->import.fd = open(request->import.name, O_RDONLY | O_CLOEXEC);
    if (request->import.fd < 0)
        return mt_fail(error, MT_ERR_SYSTEM, "cannot read %s: %s; check the name",
                       *request->import.name ? request->import.name : "'' (the empty name)",
                       strerror(errno));
    return 0;
}

/* A log is the only one of its kind; --force must not cost it. */
static bool is_log(const struct request *request)
{
    struct stat log, trace;
    return fstat(request->import.fd, &log) == 0 && stat(request->output, &trace) == 0 &&
           log.st_dev == trace.st_dev && log.st_ino == trace.st_ino;
}

static int write_trace(struct request *request, struct mt_tracefile *file,
                       struct mt_import_result *result, struct mt_error *error)
{
    mt_tracefile_meta(file, "imported", request->format);
    mt_tracefile_meta(file, "imported_from", request->import.name);
    RETURN_IF_ERROR(mt_import(&request->import, file, result, error));
    return mt_tracefile_finish(file);
}

/* What is no regular file cannot be replaced: mt_output_new says so, and --force would not help. */
static bool is_file(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISREG(there.st_mode);
}

static int import(struct request *request, struct mt_import_result *result, uint64_t *bytes,
                  struct mt_error *error)
{
    struct mt_tracefile_options options = {.chunk_events = CHUNK_EVENTS};
    if (!request->force && is_file(request->output))
        return mt_fail(error, MT_ERR_USAGE, "%s is already there; --force replaces it",
                       request->output);
    RETURN_IF_ERROR(open_log(request, error));
    if (is_log(request))
        return mt_fail(error, MT_ERR_USAGE, "%s is the log itself; give the trace another name",
                       request->output);
    struct mt_output *output = mt_output_new(request->output, error);
    struct mt_tracefile *file = output ? mt_tracefile_new(put, output, &options, error) : NULL;
    int code = file ? write_trace(request, file, result, error) : error->code;
    if (code == 0) {
        *bytes = mt_tracefile_size(file);
        code = mt_output_close(output);
    }
    mt_tracefile_free(file);
    mt_output_free(output); /* what was not closed leaves no file */
    return code;
}

static void tell(const struct request *request, const struct mt_import_result *result,
                 uint64_t bytes)
{
    char number[4][MT_HUMAN_MAX];
    if (result->bad > BAD_SHOWN)
        say("%s: and %s more rows", request->import.name,
            mt_human_count(number[0], result->bad - BAD_SHOWN));
    if (result->bad)
        say("%s: %s of %s rows were left out", request->import.name,
            mt_human_count(number[0], result->bad), mt_human_count(number[1], result->rows));
    if (request->quiet)
        return;
    printf("%s: %s %s, %s %s, %s %s, %s\n", request->output,
           mt_human_count(number[0], result->rows), mt_human_noun(result->rows, "row", "rows"),
           mt_human_count(number[1], result->blocks),
           mt_human_noun(result->blocks, "block", "blocks"),
           mt_human_count(number[2], result->accesses),
           mt_human_noun(result->accesses, "access", "accesses"), mt_human_bytes(number[3], bytes));
    if (result->unknown_frees)
        printf("  %s %s of what the log did not see allocated\n",
               mt_human_count(number[0], result->unknown_frees),
               mt_human_noun(result->unknown_frees, "free", "frees"));
    if (result->backward)
        printf("  %s %s with a time before that of the row above, by %s at most: taken in the "
               "order of the log\n",
               mt_human_count(number[0], result->backward),
               mt_human_noun(result->backward, "row", "rows"),
               mt_human_ns(number[1], result->backward_ns));
    printf("memtrace-analyze %s\n", request->output);
}

int main(int argc, char **argv)
{
    struct request request = {.import = {.device = MT_DEVICE_UNKNOWN, .bad = complain}};
    struct mt_import_result result = {0};
    struct mt_error error = {0};
    uint64_t bytes = 0;
    request.import.context = &request;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    mt_interrupt_cleanly();
    parse(&request, argc, argv);
    choose_format(&request);
    if (!request.output)
        die("where to write the trace must be said with -o TRACE");
    int code = import(&request, &result, &bytes, &error);
    if (code < 0) {
        say("%s", error.message);
        return EXIT_INPUT;
    }
    tell(&request, &result, bytes);
    mt_options_end("memtrace-import", result.bad ? EXIT_INPUT : 0);
}
