/* The bytes of a trace. docs/memtrace-trace.5.md is the specification; this is its header.
 *
 *   file header | chunk | chunk | ... | index chunk | trailer
 *
 * Little-endian. A chunk is a 64-byte header and one zstd frame that carries its own checksum.
 * Chunks stand alone: none needs another to be decoded, and any prefix of a file is readable to its
 * last whole chunk. Index and trailer are written at a clean end and only save a scan.
 *
 * An events chunk holds consecutive events of one thread as columns. Decompressed it is a sequence
 * of
 *   varint column id | varint length in bytes | bytes
 * with column id = kind * 16 + slot, ids ascending, no empty column. Of kind 0 are:
 *   slot 0  kinds, one byte an event           slot 1  times, one byte an event
 *   slot 2  long times, varint                 (tempo.h)
 * Slots of the other kinds: 0..11 fields, 12 shapes, 13 tail addresses or bytes, 14 word offsets.
 *
 *   COUNT, API, SIZE   varint; a column of nothing but zeros is left out
 *   TOTAL              varint zigzag of the change since the last TOTAL field of the same name in
 *                      any event of the chunk (starting from 0)
 *   HANDLE             varint place among the last values of this column, or a literal (handles.h)
 *   ADDRESS, WORDS     varint distance to its last occurrence among the addresses of the chunk, in
 *                      record order and whatever their column, or a literal (addresses.h).
 *                      Distances repeat from iteration to iteration even where addresses do not,
 *                      which is what lets zstd see the rhythm.
 *   WORDS shape        varint: 0, as many words at the same offsets as the last launch of
 *                      the kernel; n + 1, n words whose offsets stand in slot 14 (shapes.h)
 *   BYTES shape        varint length in words; the bytes in slot 13
 */
#ifndef MT_LAYOUT_H
#define MT_LAYOUT_H

#include <stdint.h>

#define MT_FILE_MAGIC "\x89MTRACE\n"
#define MT_VERSION_MAJOR 2         /* raised when older readers would go wrong */
#define MT_VERSION_MINOR 0         /* raised when they would only miss something */
#define MT_CHUNK_MAGIC 0x4b43544du /* "MTCK" */
#define MT_TRAILER_MAGIC "MTRACEIX"

/* Limits that a writer keeps and a reader may impose. */
#define MT_CHUNK_EVENTS_MAX (1u << 17)
#define MT_CHUNK_RAW_MAX (64u << 20)
#define MT_CHUNK_STORED_MAX (65u << 20)
#define MT_THREADS_MAX (1u << 20)
#define MT_KERNELS_MAX (1u << 20)
#define MT_FRAMES_MAX (1u << 24)
#define MT_CODES_MAX (1u << 20)
#define MT_MODULES_MAX (1u << 16)
#define MT_TIME_SHIFT_MAX 20u

struct mt_file_header {
    char magic[8];
    uint16_t version_major, version_minor;
    uint32_t size;               /* of this header: 64 */
    uint64_t trace_id;           /* random; the ring file beside the trace carries the same */
    uint64_t start_realtime_ns;  /* CLOCK_REALTIME at time 0 of the trace */
    uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC at time 0 */
    uint32_t pid;
    uint8_t time_shift; /* times are multiples of 2^time_shift ns (a quantum) */
    uint8_t reserved[15];
    uint32_t crc; /* of the bytes before it */
};

enum mt_chunk_type {
    MT_CHUNK_META = 1,   /* key NUL value NUL ...; a later value replaces an earlier one */
    MT_CHUNK_EVENTS = 2, /* columns, see above */
    MT_CHUNK_INDEX = 3,  /* struct mt_index_entry of every chunk before it */
};

struct mt_chunk_header {
    uint32_t magic;
    uint16_t type;        /* enum mt_chunk_type */
    uint8_t flags;        /* MT_CHUNK_DEFINES or 0 */
    uint8_t time_shift;   /* as in the file header: a chunk stands alone; META, INDEX: 0 */
    uint32_t stored_size; /* bytes of the zstd frame that follows */
    uint32_t raw_size;    /* its decompressed size */
    uint32_t thread;      /* number of the thread in this trace, from 0; META, INDEX: 0 */
    uint32_t events;
    uint64_t ring_begin, ring_end;  /* the part of the thread's ring this covers, positions */
    uint64_t time_first, time_last; /* ns since the start; multiples of the quantum */
    uint32_t lost; /* events of this thread lost just before this chunk because writing failed */
    uint32_t crc;  /* of the bytes before it */
};

#define MT_CHUNK_DEFINES                                                                           \
    1u /* holds definitions (MT_DEFINITIONS): needed whatever time is asked for */

struct mt_index_entry {
    uint64_t offset; /* of the chunk header in the file */
    struct mt_chunk_header header;
};

struct mt_trailer {
    uint64_t index_offset; /* of the index chunk's header */
    uint32_t reserved;
    uint32_t crc; /* of the bytes before it */
    char magic[8];
};

_Static_assert(sizeof(struct mt_file_header) == 64, "file header");
_Static_assert(sizeof(struct mt_chunk_header) == 64, "chunk header");
_Static_assert(sizeof(struct mt_index_entry) == 72, "index entry");
_Static_assert(sizeof(struct mt_trailer) == 24, "trailer");

/* Column ids. */
#define MT_COLUMN(kind, slot) ((unsigned)(kind) << 4 | (unsigned)(slot))
#define MT_SLOT_KINDS 0      /* of kind 0 */
#define MT_SLOT_TIMES 1      /* of kind 0 */
#define MT_SLOT_LONG_TIMES 2 /* of kind 0 */
#define MT_SLOT_SHAPE 12
#define MT_SLOT_TAIL 13
#define MT_SLOT_OFFSETS 14
#define MT_COLUMNS (64u << 4) /* one past the largest id */

#endif
