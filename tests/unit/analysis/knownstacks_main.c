/* usage: known-stacks PATH [LIBRARY BUILD-ID ADDRESS]: a small trace with stacks whose answers are
 * known. The innermost frame of the native stack lies in LIBRARY, at the address in hex. PATH
 * "workspaces": with driver memory that two libraries asked for, without a stack. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tracewriter.h"

enum { ALLOC = 1, HOST };
enum { MAIN = 1, NET, LINEAR };
enum { TORCH = 1, C10, JOB };

static void write_facts(struct mt_tracewriter *w)
{
    mt_tracewriter_meta(w, "command", "python train.py");
    mt_tracewriter_meta(w, "pid", "4711");
    mt_tracewriter_meta(w, "api.1", "cuMemAlloc_v2");
    mt_tracewriter_meta(w, "api.2", "cuMemHostAlloc");
}

static void frame(struct mt_tracewriter *w, uint64_t id, uint64_t caller, uint64_t code,
                  uint64_t where, uint64_t module)
{
    MT_TRACEWRITER_ADD(w, 0, 1000, frame, id, caller, code, where, module);
}

#define PACKAGES "/usr/lib/python3/dist-packages/"

static void write_frames(struct mt_tracewriter *w, const char *library, const char *build_id,
                         uint64_t address)
{
    mt_tracewriter_code(w, 0, 1000, MAIN, 5, "/home/me/train.py", "main");
    mt_tracewriter_code(w, 0, 1000, NET, 15, "/home/me/net.py", "Net.forward");
    mt_tracewriter_code(w, 0, 1000, LINEAR, 120, PACKAGES "torch/nn/modules/linear.py",
                        "Linear.forward");
    mt_tracewriter_module(w, 0, 1000, TORCH, 0x7f0000000000, 0x1000, "/opt/lib/libtorch_cuda.so",
                          "00");
    mt_tracewriter_module(w, 0, 1000, C10, 0x7f0001000000, 0x1000, "/opt/lib/libc10_cuda.so", "");
    mt_tracewriter_module(w, 0, 1000, JOB, 0x7f0002000000, 0x1000, library, build_id);
    frame(w, 1, 0, MAIN, 10, 0);
    frame(w, 2, 1, NET, 20, 0);
    frame(w, 3, 2, LINEAR, 125, 0);
    frame(w, 4, 3, 0, 0x100, TORCH);
    frame(w, 5, 4, 0, 0x200, C10); /* a stack: the job's net.py:20 */
    frame(w, 6, 1, NET, 21, 0);
    frame(w, 7, 6, 0, 0x100, TORCH); /* net.py:21 */
    frame(w, 8, 0, 0, address, JOB);
    frame(w, 9, 8, 0, 0x200, C10); /* no Python: the library */
    frame(w, 10, 0, MAIN, 30, 0);  /* train.py:30 */
}

static void block(struct mt_tracewriter *w, uint64_t time_ns, uint64_t address, uint64_t size,
                  uint64_t allocated, uint64_t stack)
{
    MT_TRACEWRITER_ADD(w, 0, time_ns, block_alloc, address, size, allocated, 0x100000, 0, stack);
}

static void end(struct mt_tracewriter *w, uint64_t time_ns, uint64_t address, uint64_t size,
                uint64_t allocated)
{
    MT_TRACEWRITER_ADD(w, 0, time_ns, block_free, address, size, allocated, 0x100000, 0);
}

static void write_life(struct mt_tracewriter *w)
{
    MT_TRACEWRITER_ADD(w, 0, 2000, alloc, ALLOC, 0x10000000, 0x100000, 0, 0, 5);
    block(w, 2100, 0x10000000, 0x40000, 0x40000, 5);
    block(w, 2200, 0x10040000, 0x20000, 0x60000, 7); /* a peak, but not the last */
    end(w, 2300, 0x10000000, 0x40000, 0x20000);
    block(w, 2400, 0x10000000, 0x10000, 0x30000, 10);
    block(w, 2500, 0x10010000, 0x30000, 0x60000, 9);
    block(w, 2600, 0x10080000, 0x8000, 0x68000, 5); /* the peak */
    end(w, 3000, 0x10010000, 0x30000, 0x38000);
    block(w, 3100, 0x10010000, 0x1000, 0x39000, 0);
    MT_TRACEWRITER_ADD(w, 0, 3200, alloc_failed, ALLOC, 0x80000000, 2, 0, 5);
    MT_TRACEWRITER_ADD(w, 0, 3300, block_oom, 0x40000000, 0x39000, 0x100000, 0, 7);
    MT_TRACEWRITER_ADD(w, 0, 3400, host_alloc, HOST, 0x70000000, 0x1000, 10);
    mt_tracewriter_kernel(w, 0, 3500, 1, "relu", 0, NULL);
    uint64_t launch[] = {1, 0, 0, 7, MT_WORD(0x10040000, 0)};
    mt_tracewriter_words(w, 0, 3600, MT_launch, launch, 5);
    end(w, 4000, 0x10040000, 0x20000, 0x19000);
}

static void text(struct mt_tracewriter *w, uint64_t id, const char *string)
{
    uint64_t word[4] = {id};
    strncpy((char *)&word[1], string, sizeof word - 9);
    mt_tracewriter_words(w, 0, 4500, MT_string, word, 4);
}

static void write_workspaces(struct mt_tracewriter *w)
{
    text(w, 1, "libcublasLt.so.13");
    text(w, 2, "libcudnn.so.9");
    for (uint64_t i = 0; i < 4; i++)
        MT_TRACEWRITER_ADD(w, 0, 5000, alloc, ALLOC, 0x20000000 + (i << 24), (i + 1) << 16, 0, 0, 0,
                           i < 3 ? 1 + i / 2 : 0);
    MT_TRACEWRITER_ADD(w, 0, 9000000, free, ALLOC, 0x20000000);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        return 2;
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[1], NULL);
    write_facts(writer);
    write_frames(writer, argc > 2 ? argv[2] : "/opt/job/libjob.so", argc > 3 ? argv[3] : "0123",
                 argc > 4 ? strtoull(argv[4], NULL, 16) : 0x300);
    write_life(writer);
    if (strcmp(argv[1], "workspaces") == 0)
        write_workspaces(writer);
    mt_tracewriter_free(writer);
    return 0;
}
