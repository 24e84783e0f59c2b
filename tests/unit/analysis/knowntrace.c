#include "knowntrace.h"

#include <string.h>

#include "tracewriter.h"

enum { ALLOC = 1, ASYNC, FREE, COPY, SET };

static void write_facts(struct mt_tracewriter *writer, const char *name)
{
    static const char *const facts[][2] = {
        {"pid", "4711"},
        {"host", "node1"},
        {"start_time", "2026-01-02T03:04:05Z"},
        {"device.0.name", "Sample GPU"},
        {"device.0.total_bytes", "1073741824"},
        {"api.1", "cuMemAlloc_v2"},
        {"api.2", "cuMemAllocAsync"},
        {"api.3", "cuMemFree_v2"},
        {"api.4", "cuMemcpyHtoD_v2"},
        {"api.5", "cuMemsetD8_v2"},
    };
    mt_tracewriter_meta(writer, "command", name);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        mt_tracewriter_meta(writer, facts[i][0], facts[i][1]);
}

static void write_variant(struct mt_tracewriter *writer, uint64_t time_ns)
{
    uint64_t word[3] = {12080};
    memcpy(&word[1], "cuMemFoo_v9", sizeof "cuMemFoo_v9");
    mt_tracewriter_words(writer, 0, time_ns, MT_variant, word, 3);
}

static void launch(struct mt_tracewriter *writer, uint64_t time_ns, uint64_t kernel, uint64_t first,
                   uint64_t second)
{
    uint64_t word[] = {MT_WORD(first, 0), MT_WORD(second, 8)};
    mt_tracewriter_launch(writer, 0, time_ns, kernel, 0, word, 2);
}

static void write_life(struct mt_tracewriter *w)
{
    mt_tracewriter_kernel(w, 0, 1000, 1, "_Z4gemmPfS_i", 0, NULL);
    mt_tracewriter_kernel(w, 0, 1000, 2, "relu", 0, NULL);
    mt_tracewriter_kernel(w, 0, 1000, 3, "relu", 0, NULL); /* the same one, loaded again */
    MT_TRACEWRITER_ADD(w, 0, 2000, alloc, ALLOC, 0x10000000, 0x100000, 0, 0);
    MT_TRACEWRITER_ADD(w, 0, 2100, block_alloc, 0x10000000, 0x40000, 0x40000, 0x100000, 0);
    MT_TRACEWRITER_ADD(w, 0, 2200, block_alloc, 0x10040000, 0x20000, 0x60000, 0x100000, 0);
    MT_TRACEWRITER_ADD(w, 0, 3000, copy, COPY, 0x10000100, 0x7fff0000, 4096, 0);
    launch(w, 4000, 1, 0x10000000, 0x10040000);
    launch(w, 5000, 2, 0x10040010, 0x10040020);
    uint64_t captured[] = {1, 0, MT_LAUNCH_CAPTURED, 0, MT_WORD(0x10000000, 0)};
    mt_tracewriter_words(w, 0, 6000, MT_launch, captured, 5);
    uint64_t word[] = {MT_WORD(0x10000000, 0)};
    mt_tracewriter_launch(w, 1, 6500, 3, 0x55, word, 1);
    MT_TRACEWRITER_ADD(w, 0, 7000, block_free, 0x10040000, 0x20000, 0x40000, 0x100000, 0);
    MT_TRACEWRITER_ADD(w, 0, 8000, alloc, ASYNC, 0x20000000, 0x10000, 0, 7);
    MT_TRACEWRITER_ADD(w, 0, 9000, set, SET, 0x20000000, 0x10000, 1, 0, 7);
    launch(w, 9500, 2, 0x10050000, 0x999000); /* a gap of the segment; nothing at all */
}

static void write_end(struct mt_tracewriter *w)
{
    MT_TRACEWRITER_ADD(w, 0, 9600, alloc_failed, ALLOC, 0x80000000, 2, 0);
    MT_TRACEWRITER_ADD(w, 0, 9610, block_oom, 0x40000000, 0x40000, 0x100000, 0);
    MT_TRACEWRITER_ADD(w, 0, 9630, free, FREE, 0x123000, 0);
    MT_TRACEWRITER_ADD(w, 0, 9630, free_failed, FREE, 0x123000, 1);
    MT_TRACEWRITER_ADD(w, 0, 9700, free, FREE, 0x20000000, 7);
    write_variant(w, 9800);
    MT_TRACEWRITER_ADD(w, 0, 10000, block_free, 0x10000000, 0x40000, 0, 0x100000, 0);
    MT_TRACEWRITER_ADD(w, 0, 10000, lost, 3);
}

void knowntrace_write(const char *path, const char *name, bool cut)
{
    struct mt_tracefile_options options = {.cut = cut, .pid = 4711};
    struct mt_tracewriter *writer = mt_tracewriter_new(path, &options);
    write_facts(writer, name);
    write_life(writer);
    write_end(writer);
    mt_tracewriter_free(writer);
}
