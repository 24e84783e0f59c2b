/* usage: known-job PATH: a trace of all that a job does beside computing, whose answers are known:
 * collectives of two communicators, of which the second has the handle of the first. */
#include <stddef.h>

#include "tracewriter.h"

enum { ALL_REDUCE = 7, SEND, INIT, DESTROY };

static void write_facts(struct mt_tracewriter *writer)
{
    static const char *const facts[][2] = {
        {"command", "torchrun train.py"}, {"pid", "4711"},       {"api.1", "cuMemAlloc_v2"},
        {"api.7", "ncclAllReduce"},       {"api.8", "ncclSend"}, {"api.9", "ncclCommInitRank"},
        {"api.10", "ncclCommDestroy"},
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
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[1], NULL);
    write_facts(writer);
    write_collectives(writer);
    mt_tracewriter_free(writer);
    return 0;
}
