/* usage: known-growth PATH: 40 iterations of a job with stacks that forgets blocks, so that it is
 * known who holds the most, who leaks and what could leave:
 *
 *   train.py:10  a weight of 1 MiB, for ever
 *   net.py:20    an activation of 8 MiB, made at the begin of each iteration, used at its end
 *   net.py:21    another of 1 MiB in its middle, by two stacks: the peak
 *   train.py:30  one block of 4 KiB an iteration, forgotten
 *   log.py:7     two blocks of 4 KiB an iteration, forgotten */
#include <stddef.h>

#include "tracewriter.h"

enum { ALLOC = 1, ITERATIONS = 40, KIB = 1024, MIB = 1024 * 1024 };
enum { MAIN = 1, NET, LOG, LINEAR };
enum { AT_WEIGHT = 1, AT_CALL, AT_FIRST, AT_SECOND, AT_LOSS, AT_LOG, AT_SECOND_DEEP };

#define PERIOD UINT64_C(2000000)
#define SEGMENT UINT64_C(0x10000000)
#define WEIGHT SEGMENT
#define FIRST (SEGMENT + 1 * MIB)
#define SECOND (SEGMENT + 16 * MIB)
#define LEAKED (SEGMENT + 32 * MIB)

static uint64_t allocated;

static void frame(struct mt_tracewriter *w, uint64_t id, uint64_t caller, uint64_t code,
                  uint64_t line)
{
    MT_TRACEWRITER_ADD(w, 0, 1000, frame, id, caller, code, line, 0);
}

static void write_frames(struct mt_tracewriter *w)
{
    mt_tracewriter_code(w, 0, 1000, MAIN, 5, "/home/me/train.py", "main");
    mt_tracewriter_code(w, 0, 1000, NET, 15, "/home/me/net.py", "Net.forward");
    mt_tracewriter_code(w, 0, 1000, LOG, 5, "/home/me/log.py", "remember");
    mt_tracewriter_code(w, 0, 1000, LINEAR, 120,
                        "/usr/lib/python3/dist-packages/torch/nn/modules/linear.py",
                        "Linear.forward");
    frame(w, AT_WEIGHT, 0, MAIN, 10);
    frame(w, AT_CALL, 0, MAIN, 20);
    frame(w, AT_FIRST, AT_CALL, NET, 20);
    frame(w, AT_SECOND, AT_CALL, NET, 21);
    frame(w, AT_LOSS, 0, MAIN, 30);
    frame(w, AT_LOG, AT_LOSS, LOG, 7);
    frame(w, AT_SECOND_DEEP, AT_SECOND, LINEAR, 125);
}

static void born(struct mt_tracewriter *w, uint64_t time_ns, uint64_t address, uint64_t size,
                 uint64_t stack)
{
    allocated += size;
    MT_TRACEWRITER_ADD(w, 0, time_ns, block_alloc, address, size, allocated, 64 * MIB, 0, stack);
}

static void freed(struct mt_tracewriter *w, uint64_t time_ns, uint64_t address, uint64_t size)
{
    allocated -= size;
    MT_TRACEWRITER_ADD(w, 0, time_ns, block_free, address, size, allocated, 64 * MIB, 0);
}

static void launch(struct mt_tracewriter *w, uint64_t time_ns, uint64_t kernel, uint64_t one,
                   uint64_t two)
{
    uint64_t word[] = {MT_WORD(one, 0), MT_WORD(two, 8)};
    mt_tracewriter_launch(w, 0, time_ns, kernel, 0, word, 2);
}

static void iterate(struct mt_tracewriter *w, uint64_t at, uint64_t leaked)
{
    born(w, at, FIRST, 8 * MIB, AT_FIRST);
    launch(w, at + 1000, 1, FIRST, WEIGHT);
    born(w, at + 900000, SECOND, 640 * KIB, AT_SECOND);
    born(w, at + 910000, SECOND + MIB, 384 * KIB, AT_SECOND_DEEP);
    launch(w, at + 920000, 2, SECOND, SECOND + MIB);
    freed(w, at + 930000, SECOND, 640 * KIB);
    freed(w, at + 940000, SECOND + MIB, 384 * KIB);
    born(w, at + 950000, leaked, 4 * KIB, AT_LOSS);
    born(w, at + 960000, leaked + 4 * KIB, 4 * KIB, AT_LOG);
    born(w, at + 970000, leaked + 8 * KIB, 4 * KIB, AT_LOG);
    launch(w, at + 1900000, 3, FIRST, WEIGHT);
    freed(w, at + 1910000, FIRST, 8 * MIB);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct mt_tracewriter *w = mt_tracewriter_new(argv[1], NULL);
    mt_tracewriter_meta(w, "command", "python train.py");
    mt_tracewriter_meta(w, "pid", "4711");
    mt_tracewriter_meta(w, "api.1", "cuMemAlloc_v2");
    write_frames(w);
    mt_tracewriter_kernel(w, 0, 1000, 1, "forward", 0, NULL);
    mt_tracewriter_kernel(w, 0, 1000, 2, "middle", 0, NULL);
    mt_tracewriter_kernel(w, 0, 1000, 3, "backward", 0, NULL);
    MT_TRACEWRITER_ADD(w, 0, 2000, alloc, ALLOC, SEGMENT, 64 * MIB, 0, 0, AT_WEIGHT);
    born(w, 2100, WEIGHT, 1 * MIB, AT_WEIGHT);
    for (uint64_t i = 0; i < ITERATIONS; i++)
        iterate(w, (i + 1) * PERIOD, LEAKED + i * 12 * KIB);
    mt_tracewriter_free(w);
    return 0;
}
