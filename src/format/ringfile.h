/* The ring file that lies beside a trace while it is being written: PATH.ring.
 *
 * It is mapped and shared, so what a thread has recorded outlives a SIGKILL of the process; a
 * reader that finds it beside a trace of the same trace_id reads from it what no chunk covers. It
 * is of the machine that wrote it (native byte order) and is removed at a clean end.
 *
 *   struct mt_ringfile_header (one page) | ring 0 | ring 1 | ...
 *   ring: struct mt_ringfile_ring (one page) | capacity bytes of records
 *
 * Positions count bytes ever written and only grow; a record lies at position modulo capacity and
 * never wraps: a record of kind 0 fills the rest of the ring where the next one would not fit (a
 * rest of 8 bytes, too short for a header, is passed over without one). */
#ifndef MT_RINGFILE_H
#define MT_RINGFILE_H

#include <stdint.h>

#include "base/clock.h"

#define MT_RINGFILE_MAGIC "MTRING\0\2"
#define MT_RINGFILE_SUFFIX ".ring"
#define MT_RINGFILE_PAGE 4096u
#define MT_RINGFILE_RINGS_MAX 1024u

struct mt_ringfile_header {
    char magic[8];
    uint64_t trace_id;
    struct mt_clock_pair pair[2]; /* ticks -> ns since the start of the trace: mt_clock_since */
    uint32_t capacity;            /* bytes of records of each ring, a power of two */
    uint32_t rings;               /* in the file; the file is that long */
    uint32_t time_shift; /* round times down to multiples of 2^time_shift ns, as the chunks do */
    uint32_t reserved;
};

enum mt_ring_state {
    MT_RING_UNUSED = 0, /* nothing of value in it */
    MT_RING_LIVE = 1,   /* a thread writes into it */
    MT_RING_CLOSED =
        2, /* its thread has ended; what lies between tail and head is still to be read */
};

struct mt_ringfile_ring {
    uint32_t thread; /* number of the thread in the trace */
    uint32_t state;  /* enum mt_ring_state */
    uint64_t os_tid;
    _Alignas(64) uint64_t head; /* written by the thread, release after the record */
    uint64_t lost;              /* events dropped and not yet told by a `lost` event */
    uint64_t reads;             /* for the recorder alone: the thread reads a table of it */
    _Alignas(64) uint64_t tail; /* written by the drain thread after the chunk is in the file */
};

_Static_assert(sizeof(struct mt_ringfile_header) <= MT_RINGFILE_PAGE, "header page");
_Static_assert(sizeof(struct mt_ringfile_ring) <= MT_RINGFILE_PAGE, "ring page");

#endif
