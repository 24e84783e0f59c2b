/* memtrace-dump: the events of a trace, one a line. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "dump.h"
#include "memtrace/trace.h"
#include "options.h"
#include "plain.h"
#include "timespan.h"

enum { EXIT_INPUT = 1 };

#define say(...) mt_options_say("memtrace-dump", __VA_ARGS__)
#define die(...) mt_options_stop("memtrace-dump", MT_EXIT_USAGE, __VA_ARGS__)

static const struct mt_option rows[] = {
    {'f', 'f', "format", "FORMAT", "text (default), jsonl or csv", false},
    {'s', 's', "since", "TIME", "only events at or after TIME (1.5s, 200ms, 10us, 123ns)", false},
    {'u', 'u', "until", "TIME", "only events before TIME", false},
    {'k', 'k', "kind", "KIND,...", "only events of these kinds", false},
    {'n', 'n', "limit", "N", "at most N events", false},
    {'m', 'm', "meta", NULL, "the facts about the recording instead of the events", false},
    MT_OPTIONS_COMMON,
};

struct request {
    const char *path;
    const struct mt_dump_format *format;
    uint64_t since, until, limit;
    uint64_t kinds; /* bit k: events of kind k */
    bool meta;
};

static void print_kinds(FILE *out, const char *indent)
{
    for (unsigned kind = 0; kind < MT_KINDS; kind++)
        if (mt_event_info(kind))
            fprintf(out, "%s%s", indent, mt_event_info(kind)->name);
}

static void help(void)
{
    puts("usage: memtrace-dump [OPTION...] TRACE\n\n"
         "Print the events of a trace in the order of time. Times count from the start of the\n"
         "recording.\n");
    mt_options_help(rows, sizeof rows / sizeof *rows);
    fputs("\nKinds:", stdout);
    print_kinds(stdout, " ");
    puts("\n\nExit: 0, 1 (the trace is damaged or cannot be read), 2 (usage).");
}

static const struct mt_dump_format *format_called(const char *name)
{
#define ROW(format, doc)                                                                           \
    if (strcmp(name, #format) == 0)                                                                \
        return &mt_dump_##format;
    MT_DUMP_FORMATS(ROW)
#undef ROW
    die("--format: '%s' is none of text, jsonl, csv", name);
}

static uint64_t time_called(const char *option, const char *text)
{
    uint64_t ns;
    if (!mt_timespan(text, &ns))
        die("%s: '%s' is no time; write it like 1.5s, 200ms, 10us or 123ns", option, text);
    return ns;
}

static uint64_t number_called(const char *option, const char *text)
{
    uint64_t number;
    if (!mt_parse_whole(text, &number))
        die("%s: '%s' is no number", option, text);
    return number;
}

static uint64_t kinds_called(const char *list)
{
    uint64_t kinds = 0;
    char name[64];
    for (;; list++) {
        size_t size = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", size < 63 ? (int)size : 63, list);
        enum mt_kind kind = mt_event_kind(name);
        if (kind == MT_NONE) {
            fprintf(stderr, "memtrace-dump: --kind: '");
            mt_put_plain(stderr, name);
            fputs("' is none of", stderr);
            print_kinds(stderr, " ");
            fputc('\n', stderr);
            exit(MT_EXIT_USAGE);
        }
        kinds |= UINT64_C(1) << kind;
        list += size;
        if (!*list)
            return kinds;
    }
}

static void take(void *state, int id, const char *value)
{
    struct request *request = state;
    switch (id) {
    case 'f':
        request->format = format_called(value);
        break;
    case 's':
        request->since = time_called("--since", value);
        break;
    case 'u':
        request->until = time_called("--until", value);
        break;
    case 'k':
        request->kinds = kinds_called(value);
        break;
    case 'n':
        request->limit = number_called("--limit", value);
        break;
    default:
        request->meta = true;
        break;
    }
}

static void parse(struct request *request, int argc, char **argv)
{
    struct mt_options options = MT_OPTIONS("memtrace-dump", rows, request);
    int first = mt_options_parse(&options, argc, argv);
    if (first == argc)
        mt_options_die("memtrace-dump", "no trace to read");
    if (first + 1 < argc)
        die("one trace at a time, please: %s is one too many", argv[first + 1]);
    if (request->since >= request->until)
        die("--since is not before --until: no event is both");
    request->path = argv[first];
}

static void put_pair(const struct request *request, struct mt_output *output, const char *key,
                     uint64_t value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    request->format->pair(output, key, digits);
}

/* The pairs of the trace, then what the reader knows of it. */
static void dump_meta(const struct request *request, struct mt_trace *trace,
                      struct mt_output *output)
{
    struct mt_trace_stats stats;
    const char *key;
    if (request->format->pair_begin)
        request->format->pair_begin(output);
    for (uint32_t i = 0; (key = mt_trace_meta_key(trace, i)); i++)
        request->format->pair(output, key, mt_trace_meta(trace, key));
    mt_trace_stats(trace, &stats);
#define PAIR(name) put_pair(request, output, "trace." #name, stats.name);
    PAIR(file_bytes)
    PAIR(events)
    PAIR(events_salvaged)
    PAIR(events_lost)
    PAIR(events_damaged)
    PAIR(chunks)
    PAIR(threads)
    PAIR(first_ns)
    PAIR(last_ns)
    PAIR(start_realtime_ns)
    PAIR(quantum_ns)
    PAIR(complete)
#undef PAIR
}

static void dump_events(const struct request *request, struct mt_trace *trace,
                        struct mt_output *output)
{
    const struct mt_record *record;
    uint64_t printed = 0;
    uint32_t thread;
    mt_trace_window(trace, request->since, request->until);
    mt_trace_rewind(trace);
    if (request->format->begin)
        request->format->begin(output);
    while (printed < request->limit && mt_output_status(output) == 0 &&
           (record = mt_trace_next(trace, &thread))) {
        if (request->kinds >> record->kind & 1) {
            request->format->event(output, trace, record, thread);
            printed++;
        }
    }
}

/* One line on standard error about what is not there, if anything; the exit code. */
static int judge(const struct request *request, struct mt_trace *trace)
{
    struct mt_trace_stats stats;
    mt_trace_stats(trace, &stats);
    bool damaged = stats.chunks_damaged || stats.bytes_skipped || stats.events_damaged;
    if (!damaged && !stats.events_lost && stats.complete)
        return 0;
    fprintf(stderr, "memtrace-dump: ");
    mt_put_plain(stderr, request->path);
    fputc(':', stderr);
    if (damaged)
        fprintf(stderr,
                " damaged from byte %" PRIu64 " on: %" PRIu64 " events in %" PRIu64
                " chunks and %" PRIu64 " bytes could not be read;",
                stats.first_damage, stats.events_damaged, stats.chunks_damaged,
                stats.bytes_skipped);
    const char *why = mt_trace_meta(trace, "lost_reason");
    if (stats.events_lost)
        fprintf(stderr, " the recorder lost %" PRIu64 " events", stats.events_lost);
    if (stats.events_lost && why) {
        fputs(" (", stderr);
        mt_put_plain(stderr, why);
        fputc(')', stderr);
    }
    if (stats.events_lost)
        fputc(';', stderr);
    if (!stats.complete)
        fprintf(stderr,
                " the recorder did not come to its end, %" PRIu64 " events are from the ring file;",
                stats.events_salvaged);
    fputs(" all else was read\n", stderr);
    return damaged ? EXIT_INPUT : 0;
}

static int run(const struct request *request, struct mt_trace *trace)
{
    struct mt_error error = {0};
    struct mt_output *output = mt_output_new(NULL, &error);
    int code = output ? 0 : EXIT_INPUT;
    if (output && request->meta)
        dump_meta(request, trace, output);
    else if (output)
        dump_events(request, trace, output);
    if (output && mt_output_close(output) < 0 && !mt_output_deserted(output))
        code = EXIT_INPUT;
    mt_output_free(output);
    if (code)
        say("%s", error.message);
    int judged = judge(request, trace);
    return code ? code : judged;
}

int main(int argc, char **argv)
{
    struct request request = {
        .format = &mt_dump_text, .until = UINT64_MAX, .limit = UINT64_MAX, .kinds = UINT64_MAX};
    struct mt_error error;
    struct mt_trace *trace;
    parse(&request, argc, argv);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away ends the writing, quietly */
    if (mt_trace_open(&trace, request.path, &error) < 0) {
        say("%s", error.message);
        return EXIT_INPUT;
    }
    int code = run(&request, trace);
    mt_trace_free(trace);
    return code;
}
