/* Size and speed of traces.
 *
 *   bench-trace write FILE ITERATIONS [NOISE [TIME_SHIFT [CHUNK_EVENTS]]]
 *                          the training job of tests/support, and what it took
 *   bench-trace pairs FILE PAIRS
 *                          blocks that are freed at once, and nothing else
 *   bench-trace read FILE  every event through the reader
 *   bench-trace lean FILE  the same without addresses
 *
 * Prints "name value" lines. Times are CPU times of this thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <memtrace/trace.h>

#include "base/error.h"
#include "training.h"

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void print_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak_mib %.1f\n", (double)usage.ru_maxrss / 1024);
}

static uint32_t number(char **argv, int argc, int i, uint32_t standard)
{
    return i < argc ? (uint32_t)strtoul(argv[i], NULL, 10) : standard;
}

static int write_trace(int argc, char **argv)
{
    const char *path = argv[2];
    const struct mt_tracefile_options how = {.chunk_events = number(argv, argc, 6, 1 << 16),
                                             .time_shift = (uint8_t)number(argv, argc, 5, 6),
                                             .level = 5};
    const struct mt_training_options job = {.iterations = number(argv, argc, 3, 0),
                                            .noise = number(argv, argc, 4, 0),
                                            .stacks = number(argv, argc, 7, 0)};
    static struct mt_training_facts facts;
    double start = cpu_seconds();
    struct mt_tracewriter *writer = mt_tracewriter_new(path, &how);
    mt_training_write(writer, &job, &facts);
    uint64_t bytes = mt_tracewriter_free(writer);
    printf("events %" PRIu64 "\n", facts.events);
    printf("bytes_per_event %.3f\n", (double)bytes / (double)facts.events);
    printf("generated_and_written_meps %.2f\n",
           (double)facts.events / (cpu_seconds() - start) / 1e6);
    return 0;
}

static int write_pairs(const char *path, uint64_t pairs)
{
    const struct mt_tracefile_options how = {.chunk_events = 1 << 16, .time_shift = 6, .level = 5};
    struct mt_tracewriter *writer = mt_tracewriter_new(path, &how);
    for (uint64_t i = 0; i < pairs; i++) {
        uint64_t size = 16 + i % 512, address = 0x7f0000000000 + (size + 511) / 512 * 4096;
        MT_TRACEWRITER_ADD(writer, 0, 1000 + 2000 * i, block_alloc, .address = address,
                           .size = size, .allocated = size, .reserved = 2 << 20);
        MT_TRACEWRITER_ADD(writer, 0, 2000 + 2000 * i, block_free, .address = address, .size = size,
                           .reserved = 2 << 20);
    }
    mt_tracewriter_free(writer);
    printf("events %" PRIu64 "\n", 2 * pairs);
    return 0;
}

static int read_trace(const char *path, bool lean)
{
    struct mt_trace *trace;
    struct mt_error error;
    uint64_t events = 0, words = 0;
    struct mt_trace_run run;
    double start = cpu_seconds();
    if (mt_trace_open(&trace, path, &error) < 0) {
        fprintf(stderr, "bench-trace: %s\n", error.message);
        return 1;
    }
    mt_trace_lean(trace, lean);
    mt_trace_rewind(trace);
    for (int n; (n = mt_trace_next_run(trace, &run)) > 0; events += (uint64_t)n)
        for (const struct mt_record *at = run.first; at < run.end; at = mt_record_next(at))
            words += at->words;
    double seconds = cpu_seconds() - start;
    printf("events %" PRIu64 "\nwords %" PRIu64 "\n", events, words);
    printf("read_meps %.2f\n", (double)events / seconds / 1e6);
    mt_trace_free(trace);
    print_memory();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "write") == 0)
        return write_trace(argc, argv);
    if (argc == 4 && strcmp(argv[1], "pairs") == 0)
        return write_pairs(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return read_trace(argv[2], false);
    if (argc == 3 && strcmp(argv[1], "lean") == 0)
        return read_trace(argv[2], true);
    fprintf(stderr, "usage: bench-trace write FILE ITERATIONS [NOISE [TIME_SHIFT [CHUNK_EVENTS]]]\n"
                    "       bench-trace pairs FILE PAIRS\n"
                    "       bench-trace read|lean FILE\n");
    return 2;
}
