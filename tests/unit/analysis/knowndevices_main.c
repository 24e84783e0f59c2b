/* usage: known-devices PATH: 40 iterations of a job on eight devices, so that it is known what is
 * about the one with the highest peak, device 0, and what about all:
 *
 *   net.py:31...34  1 to 4 MiB on device 0, for ever: no other line holds as little
 *   net.py:20       9 MiB on each other device, for ever, used once in 40 ms
 *   log.py:7        4 KiB an iteration on each device, forgotten
 *
 * Device 0 has room for 1024 MiB, each other one for 20. */
#include <stdio.h>

#include "tracewriter.h"

enum { ALLOC = 1, DEVICES = 8, ITERATIONS = 40, LINES = 4, KIB = 1024, MIB = 1024 * 1024 };
enum { NET = 1, LOG };
enum { AT_OTHERS = 1, AT_LOG, AT_FIRST };

#define PERIOD UINT64_C(2000000)
#define ROOM UINT64_C(0x10000000) /* of addresses, for each device */
#define LEAKED UINT64_C(0x8000000)

static void taken(struct mt_tracewriter *w, uint64_t time_ns, uint64_t device, uint64_t offset,
                  uint64_t size, uint64_t stack)
{
    MT_TRACEWRITER_ADD(w, 0, time_ns, alloc, ALLOC, (device + 1) * ROOM + offset, size, device, 0,
                       stack);
}

static void launch(struct mt_tracewriter *w, uint64_t time_ns, uint64_t kernel, uint64_t device)
{
    uint64_t word[] = {MT_WORD((device + 1) * ROOM, 0)};
    mt_tracewriter_launch(w, 0, time_ns, kernel, 0, word, 1);
}

static void write_facts(struct mt_tracewriter *w)
{
    char key[40];
    mt_tracewriter_meta(w, "command", "python train.py");
    mt_tracewriter_meta(w, "api.1", "cuMemAlloc_v2");
    for (unsigned i = 0; i < DEVICES; i++) {
        snprintf(key, sizeof key, "device.%u.name", i);
        mt_tracewriter_meta(w, key, "Known GPU");
        snprintf(key, sizeof key, "device.%u.total_bytes", i);
        mt_tracewriter_meta(w, key, i ? "20971520" : "1073741824");
    }
    mt_tracewriter_code(w, 0, 1000, NET, 15, "/home/me/net.py", "Net.forward");
    mt_tracewriter_code(w, 0, 1000, LOG, 5, "/home/me/log.py", "remember");
    MT_TRACEWRITER_ADD(w, 0, 1000, frame, AT_OTHERS, 0, NET, 20, 0);
    MT_TRACEWRITER_ADD(w, 0, 1000, frame, AT_LOG, 0, LOG, 7, 0);
    for (unsigned i = 0; i < LINES; i++)
        MT_TRACEWRITER_ADD(w, 0, 1000, frame, AT_FIRST + i, 0, NET, 31 + i, 0);
}

static void iterate(struct mt_tracewriter *w, uint64_t at, uint64_t leaked)
{
    launch(w, at + 1000, 1, 0);
    for (uint64_t device = 0; device < DEVICES; device++)
        taken(w, at + 900000 + device * 1000, device, LEAKED + leaked, 4 * KIB, AT_LOG);
    launch(w, at + 1900000, 2, 0);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct mt_tracewriter *w = mt_tracewriter_new(argv[1], NULL);
    write_facts(w);
    mt_tracewriter_kernel(w, 0, 1000, 1, "forward", 0, NULL);
    mt_tracewriter_kernel(w, 0, 1000, 2, "backward", 0, NULL);
    for (uint64_t i = 0; i < LINES; i++)
        taken(w, 2000, 0, i * 16 * MIB, (i + 1) * MIB, AT_FIRST + i);
    for (uint64_t device = 1; device < DEVICES; device++)
        taken(w, 3000, device, 0, 9 * MIB, AT_OTHERS);
    for (uint64_t device = 1; device < DEVICES; device++)
        launch(w, 4000, 1, device);
    for (uint64_t i = 0; i < ITERATIONS; i++)
        iterate(w, (i + 1) * PERIOD, i * 4 * KIB);
    for (uint64_t device = 1; device < DEVICES; device++)
        launch(w, (ITERATIONS + 1) * PERIOD, 1, device);
    mt_tracewriter_free(w);
    return 0;
}
