/* usage: known-job PATH: a trace of all that a job does beside computing, whose answers are known:
 * collectives of two communicators, of which the second has the handle of the first, done at once
 * and by a graph; ranges and marks, of which some lack their beginning or end; samples of what the
 * driver has given out. */
#include <stddef.h>
#include <string.h>

#include "tracewriter.h"

enum { ALL_REDUCE = 7, SEND, INIT, DESTROY };

static void write_facts(struct mt_tracewriter *writer)
{
    static const char *const facts[][2] = {
        {"command", "torchrun train.py"}, {"pid", "4711"},           {"api.1", "cuMemAlloc_v2"},
        {"api.7", "ncclAllReduce"},       {"api.8", "ncclSend"},     {"api.9", "ncclCommInitRank"},
        {"api.10", "ncclCommDestroy"},    {"api.2", "cuMemFree_v2"}, {"api.11", "cuMemAllocAsync"},
        {"api.12", "cuMemFreeAsync"},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        mt_tracewriter_meta(writer, facts[i][0], facts[i][1]);
}

static void exchange(struct mt_tracewriter *writer, uint64_t time_ns, uint64_t op, uint64_t bytes,
                     uint64_t flags)
{
    MT_TRACEWRITER_ADD(writer, 0, time_ns, collective, op, 0x10000000, op == SEND ? 0 : 0x10001000,
                       bytes, op == SEND ? 0 : bytes, MT_PEER_ALL, 0xc0, 0, flags);
}

static void write_collectives(struct mt_tracewriter *writer)
{
    MT_TRACEWRITER_ADD(writer, 0, 1000, alloc, 1, 0x10000000, 0x100000, 0, 0);
    MT_TRACEWRITER_ADD(writer, 0, 2000, communicator, INIT, 0xc0, 4, 3);
    exchange(writer, 2100, ALL_REDUCE, 4096, 0);
    exchange(writer, 2200, ALL_REDUCE, 100, 0);
    exchange(writer, 2300, ALL_REDUCE, 256, MT_COLLECTIVE_CAPTURED);
    exchange(writer, 2400, SEND, 64, 0);
    MT_TRACEWRITER_ADD(writer, 0, 2500, communicator, DESTROY, 0xc0, 0, 0);
    MT_TRACEWRITER_ADD(writer, 0, 2600, communicator, INIT, 0xc0, 2, 1);
    exchange(writer, 2700, ALL_REDUCE, 8, 0);
    MT_TRACEWRITER_ADD(writer, 0, 2750, graph, 1, 0x6a, 2, 0); /* launched three times */
    exchange(writer, 2760, SEND, 32, MT_COLLECTIVE_NODE);
    exchange(writer, 2770, ALL_REDUCE, 512, MT_COLLECTIVE_NODE);
    for (uint64_t i = 0; i < 3; i++)
        MT_TRACEWRITER_ADD(writer, 0, 2800 + i, graph_launch, 0x6a, 0);
    MT_TRACEWRITER_ADD(writer, 0, 2810, graph, 2, 0x6a, 0, 0); /* it is another one, of nothing */
    MT_TRACEWRITER_ADD(writer, 0, 2820, graph_launch, 0x6a, 0);
}

static void text(struct mt_tracewriter *writer, uint64_t time_ns, uint64_t id, const char *name)
{
    uint64_t word[5] = {id};
    memcpy(&word[1], name, strlen(name));
    mt_tracewriter_words(writer, 0, time_ns, MT_string, word, 5);
}

enum { STEP = 1, FORWARD, SAVED, DOMAIN, LOAD };

static void write_marks(struct mt_tracewriter *writer)
{
    text(writer, 5000, STEP, "step");
    text(writer, 5000, FORWARD, "forward");
    text(writer, 5000, SAVED, "saved");
    text(writer, 5000, DOMAIN, "data");
    text(writer, 5000, LOAD, "load");
    MT_TRACEWRITER_ADD(writer, 0, 5050, range_pop, 0); /* pushed before the trace */
    for (uint64_t step = 5100; step < 8000; step += 1000) {
        MT_TRACEWRITER_ADD(writer, 0, step, range_push, STEP, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 100, range_push, FORWARD, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 200, alloc, 1, 0x20000000, step, 0, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 250, copy, 1, 0x20000000, 0, 1, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 300, range_pop, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 400, free, 2, 0x20000000, 0);
        MT_TRACEWRITER_ADD(writer, 0, step + 500 + step % 1000, range_pop, 0);
    }
    MT_TRACEWRITER_ADD(writer, 0, 8200, range_start, LOAD, 77, DOMAIN);
    MT_TRACEWRITER_ADD(writer, 0, 8250, range_push, FORWARD, 0);
    MT_TRACEWRITER_ADD(writer, 0, 8300, mark, SAVED, 0);
    MT_TRACEWRITER_ADD(writer, 1, 8400, mark, 99, DOMAIN);
    MT_TRACEWRITER_ADD(writer, 1, 8500, range_end, 77);
}

/* 700 MiB: 300 of the context, 200 of modules, 100 that nobody knows of, 100 asked for. */
static void write_usage(struct mt_tracewriter *w)
{
    const uint64_t mib = 1 << 20;
    text(w, 9000, 10, "libcublas.so.13");
    text(w, 9000, 11, "libnccl.so.2");
    MT_TRACEWRITER_ADD(w, 0, 9010, free, 2, 0x10000000, 0);
    MT_TRACEWRITER_ADD(w, 0, 9100, usage, 1, 300 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9200, alloc, 1, 0x40000000, 40 * mib, 1, 0, 0, 10);
    MT_TRACEWRITER_ADD(w, 0, 9210, create, 0x51, 20 * mib, 1, 0, 11);
    MT_TRACEWRITER_ADD(w, 0, 9220, reserve, 0x50000000, 64 * mib);
    MT_TRACEWRITER_ADD(w, 0, 9230, map, 0x50000000, 20 * mib, 0, 0x51);
    MT_TRACEWRITER_ADD(w, 0, 9240, alloc, 1, 0x60000000, 39 * mib + 1, 1, 0, 0, 0);
    MT_TRACEWRITER_ADD(w, 0, 9250, block_alloc, 0x60000000, 30 * mib, 0, 0, 1);
    MT_TRACEWRITER_ADD(w, 0, 9260, copy, 1, 0x40000000, 0, 1, 0);
    mt_tracewriter_kernel(w, 0, 9270, 1, "first", 0, NULL);
    MT_TRACEWRITER_ADD(w, 0, 9300, usage, 1, 600 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9350, usage, 1, 600 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9400, usage, 1, 700 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9500, usage, 1, 650 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9600, usage, 2, 0, 1000 * mib, 0, MT_USAGE_DEVICE);
}

/* A pool keeps 40 MiB of what it was given back; then 20 of them, beside 7 of modules. */
static void write_pool(struct mt_tracewriter *w)
{
    const uint64_t mib = 1 << 20;
    MT_TRACEWRITER_ADD(w, 0, 9700, usage, 3, 300 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9710, alloc, 11, 0x70000000, 24 * mib, 3, 0, 0, 0);
    MT_TRACEWRITER_ADD(w, 0, 9720, alloc, 11, 0x70000000 + 24 * mib, 40 * mib, 3, 0, 0, 0);
    MT_TRACEWRITER_ADD(w, 0, 9730, free, 12, 0x70000000 + 24 * mib, 0);
    MT_TRACEWRITER_ADD(w, 0, 9740, usage, 3, 364 * mib, 0, 0, MT_USAGE_PROCESS);
    MT_TRACEWRITER_ADD(w, 0, 9750, alloc, 11, 0x70000000 + 24 * mib, 20 * mib, 3, 0, 0, 0);
    mt_tracewriter_kernel(w, 0, 9760, 2, "second", 0, NULL);
    MT_TRACEWRITER_ADD(w, 0, 9770, usage, 3, 371 * mib, 0, 0, MT_USAGE_PROCESS);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[1], NULL);
    write_facts(writer);
    write_collectives(writer);
    write_marks(writer);
    write_usage(writer);
    write_pool(writer);
    mt_tracewriter_free(writer);
    return 0;
}
