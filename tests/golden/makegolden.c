/* Makes the golden traces: good ones, bad ones that break one rule of docs/memtrace-trace.5.md
 * each, and one of a newer version. usage: makegolden DIR
 *
 * Those in the tree were made by it; it is run again only when the format changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/varint.h"
#include "format/encode.h"
#include "format/ringfile.h"
#include "tracewriter.h"

static const char *folder;

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s.mtrace", folder, name);
    return path;
}

static struct mt_tracewriter *start(const char *name, struct mt_tracefile_options options)
{
    options.trace_id = 0x6d656d7472616365;
    options.pid = 4711;
    options.start_realtime_ns = 1700000000000000000;
    struct mt_tracewriter *writer = mt_tracewriter_new(path_of(name), &options);
    mt_tracewriter_meta(writer, "memtrace_version", "0.1.0");
    mt_tracewriter_meta(writer, "command", "python train.py 'two words'");
    mt_tracewriter_meta(writer, "host", "golden");
    mt_tracewriter_meta(writer, "api.0", "cuMemAlloc_v2");
    mt_tracewriter_meta(writer, "api.1", "cuMemFree_v2");
    mt_tracewriter_meta(writer, "api.2", "cuMemcpyHtoD_v2");
    return writer;
}

#define START(name, ...) start(name, (struct mt_tracefile_options){__VA_ARGS__})
#define LOST(writer, thread, time, n) MT_TRACEWRITER_ADD(writer, thread, time, lost, .events = n)

/* ---- good ---- */

/* Every kind once, its fields 1000, 1001, ... and its number, so that none is mistaken for another.
 */
static void all_kinds(void)
{
    struct mt_tracewriter *writer = START("good-all-kinds", 0);
    for (unsigned kind = 1; kind < MT_KINDS; kind++) {
        const struct mt_event_info *info = mt_event_info(kind);
        uint64_t word[MT_FIELDS_MAX + 2];
        uint32_t words = 0;
        if (!info)
            continue;
        for (; words < info->fields; words++)
            word[words] = info->field[words].type == MT_API ? words % 3 : 100 * kind + words;
        if (info->tail == MT_TAIL_WORDS)
            word[words++] = MT_WORD(0x7f0000001000, 16);
        if (info->tail == MT_TAIL_BYTES)
            memcpy(&word[words++], "name\0\0\0", 8);
        mt_tracewriter_words(writer, 0, 1000 * kind, (enum mt_kind)kind, word, words);
    }
    mt_tracewriter_free(writer);
}

static void kernels(void)
{
    static const uint16_t layout[] = {0, 8, 8, 4};
    struct mt_tracewriter *writer = START("good-kernels", 0);
    uint64_t word[] = {MT_WORD(0x7f0000000000, 0), MT_WORD(0x7f0000000200, 8)};
    mt_tracewriter_kernel(writer, 0, 10, 1, "_Z3addPfS_", 2, layout);
    mt_tracewriter_kernel(writer, 0, 20, 2, "a \"quoted\", name\n\xff", MT_PARAMS_UNKNOWN, NULL);
    mt_tracewriter_launch(writer, 0, 30, 1, 0x55aa, word, 2);
    mt_tracewriter_launch(writer, 0, 40, 2, 0x55aa, word, 0);
    mt_tracewriter_launch(writer, 0, 50, 3, 0, word, 1);
    mt_tracewriter_launch(writer, 0, 60, 1, 0x55aa, word, 2);
    mt_tracewriter_free(writer);
}

/* Two stacks with a common caller; one goes on natively. */
static void stacks(void)
{
    struct mt_tracewriter *writer = START("good-stacks", 0);
    mt_tracewriter_code(writer, 0, 10, 1, 1, "/job/train.py", "<module>");
    mt_tracewriter_code(writer, 0, 10, 2, 17, "/job/train.py", "Net.forward");
    mt_tracewriter_module(writer, 0, 10, 1, 0x7f0000000000, 0x5000, "/usr/lib/libjob.so", "c0ffee");
    mt_tracewriter_module(writer, 0, 10, 2, 0x7f0000100000, 0x1000, "/usr/lib/libplain.so", "");
    MT_TRACEWRITER_ADD(writer, 0, 20, frame, .id = 1, .code = 1, .where = 40);
    MT_TRACEWRITER_ADD(writer, 0, 20, frame, .id = 2, .caller = 1, .code = 2, .where = 19);
    MT_TRACEWRITER_ADD(writer, 0, 20, block_alloc, .address = 0x1000, .size = 512, .stack = 2);
    MT_TRACEWRITER_ADD(writer, 0, 30, frame, .id = 3, .caller = 2, .module = 1, .where = 0x1234);
    MT_TRACEWRITER_ADD(writer, 0, 30, frame, .id = 4, .caller = 3, .where = 0x7f00dead0000);
    MT_TRACEWRITER_ADD(writer, 0, 30, alloc, .address = 0x10000, .size = 4096, .stack = 4);
    MT_TRACEWRITER_ADD(writer, 0, 40, block_alloc, .address = 0x1200, .size = 512, .stack = 2);
    mt_tracewriter_free(writer);
}

/* Of equal times what ends something comes first, then the lower thread. */
static void ties(void)
{
    struct mt_tracewriter *writer = START("good-ties", 0);
    MT_TRACEWRITER_ADD(writer, 0, 100, block_alloc, .address = 0x1000, .size = 512);
    MT_TRACEWRITER_ADD(writer, 1, 100, block_alloc, .address = 0x2000, .size = 512);
    MT_TRACEWRITER_ADD(writer, 2, 100, block_free, .address = 0x3000, .size = 512);
    MT_TRACEWRITER_ADD(writer, 3, 100, free, .api = 1, .address = 0x4000);
    MT_TRACEWRITER_ADD(writer, 4, 100, unmap, .address = 0x5000, .size = 512);
    MT_TRACEWRITER_ADD(writer, 5, 99, release, .handle = 0x6000);
    mt_tracewriter_free(writer);
}

static void chunks(const char *name, bool cut)
{
    struct mt_tracewriter *writer = START(name, .chunk_events = 2, .time_shift = 5, .cut = cut);
    for (unsigned i = 0; i < 5; i++)
        MT_TRACEWRITER_ADD(writer, i % 2, 100 * i, host_alloc, .address = 0x7000 + i, .size = i);
    mt_tracewriter_lost(writer, 0, 3);
    LOST(writer, 0, 600, 4);
    mt_tracewriter_free(writer);
}

/* ---- a ring file ---- */

static void put_ring_record(char *ring, uint64_t *head, uint64_t ticks, uint64_t events)
{
    struct mt_ev_lost lost = {events};
    struct mt_record record = {.time = ticks, .kind = MT_lost, .words = 1};
    memcpy(ring + *head % 4096, &record, sizeof record);
    memcpy(ring + *head % 4096 + sizeof record, &lost, sizeof lost);
    *head += sizeof record + sizeof lost;
}

/* Thread 0: a chunk covers the first of three records; thread 7 is only in the ring file, and its
 * records go around the ring's end. */
static void ring(void)
{
    static char file[3 * MT_RINGFILE_PAGE + 2 * 4096];
    struct mt_ringfile_header *header = (void *)file;
    struct mt_ringfile_ring *one = (void *)(file + 4096), *two = (void *)(file + 3 * 4096);
    struct mt_tracewriter *writer = START("good-ring", .cut = true);
    LOST(writer, 0, 1000, 1);
    mt_tracewriter_free(writer);
    *header = (struct mt_ringfile_header){.magic = MT_RINGFILE_MAGIC,
                                          .trace_id = 0x6d656d7472616365,
                                          .pair = {{500, 0}, {1500, 2000}},
                                          .capacity = 4096,
                                          .rings = 2};
    *one = (struct mt_ringfile_ring){.state = MT_RING_LIVE, .lost = 5};
    for (unsigned i = 1; i <= 3; i++)
        put_ring_record(file + 2 * 4096, &one->head, 500 + 500 * i, i);
    two->thread = 7;
    two->state = MT_RING_CLOSED;
    two->tail = two->head = 4096 - 48;
    put_ring_record(file + 4 * 4096, &two->head, 1100, 70);
    struct mt_record fill = {.kind = MT_NONE, .words = 1};
    memcpy(file + 4 * 4096 + two->head, &fill, sizeof fill);
    two->head += 24;
    put_ring_record(file + 4 * 4096, &two->head, 1300, 71);
    char name[4200];
    snprintf(name, sizeof name, "%s.ring", path_of("good-ring"));
    FILE *out = fopen(name, "wb");
    if (!out || fwrite(file, sizeof file, 1, out) != 1 || fclose(out) != 0)
        perror(name), exit(1);
}

/* ---- chunks by hand ---- */

struct chunk {
    struct mt_chunk_header header;
    uint8_t raw[4096];
    size_t size;
};

static void column(struct chunk *chunk, unsigned id, const char *bytes, size_t size)
{
    uint8_t *to = chunk->raw + chunk->size;
    to = mt_varint_put(mt_varint_put(to, id), size);
    memcpy(to, bytes, size);
    chunk->size = (size_t)(to - chunk->raw) + size;
}

#define COLUMN(chunk, kind, slot, bytes)                                                           \
    column(chunk, MT_COLUMN(kind, slot), bytes, sizeof(bytes) - 1)

/* A chunk of two `lost` events at 0 and 5 ns, of 1 and 3; its columns are still to be written. */
static struct chunk two_events(void)
{
    struct chunk chunk = {.header = {.magic = MT_CHUNK_MAGIC,
                                     .type = MT_CHUNK_EVENTS,
                                     .events = 2,
                                     .ring_end = 48,
                                     .time_last = 5}};
    return chunk;
}

static void put(struct mt_tracewriter *writer, struct chunk *chunk)
{
    struct mt_chunk_header packed;
    const void *frame;
    void *memory = aligned_alloc(64, mt_encoder_size(1, 1 << 20));
    struct mt_encoder *encoder = mt_encoder_init(memory, 1, 1 << 20, 3, 0);
    mt_encoder_plain(encoder, MT_CHUNK_META, chunk->raw, chunk->size, &packed, &frame);
    chunk->header.raw_size = packed.raw_size;
    chunk->header.stored_size = packed.stored_size;
    mt_chunk_seal(&chunk->header);
    mt_tracewriter_raw(writer, &chunk->header, sizeof chunk->header);
    mt_tracewriter_raw(writer, frame, packed.stored_size);
    free(memory);
}

/* A trace of that chunk between two events of other chunks, which must still be read. */
static void between(const char *name, struct chunk chunk)
{
    struct mt_tracewriter *writer = START(name, .cut = true);
    LOST(writer, 1, 1, 101);
    mt_tracewriter_flush(writer);
    put(writer, &chunk);
    LOST(writer, 2, 2, 102);
    mt_tracewriter_free(writer);
}

#define KINDS(chunk) COLUMN(chunk, 0, MT_SLOT_KINDS, "\2\2")
#define TIMES(chunk) COLUMN(chunk, 0, MT_SLOT_TIMES, "\0\12")
#define FIELDS(chunk) COLUMN(chunk, MT_lost, 0, "\1\3")

#define BETWEEN(name, ...)                                                                         \
    do {                                                                                           \
        struct chunk chunk = two_events();                                                         \
        __VA_ARGS__;                                                                               \
        between(name, chunk);                                                                      \
    } while (0)

static void by_hand(void)
{
    BETWEEN("good-by-hand", KINDS(&chunk); TIMES(&chunk); FIELDS(&chunk));
    BETWEEN("good-zero-column", KINDS(&chunk); TIMES(&chunk));
    BETWEEN("good-unknown-kind", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\77"); TIMES(&chunk);
            COLUMN(&chunk, MT_lost, 0, "\1"); COLUMN(&chunk, 63, 0, "\x80\x80"));
    BETWEEN("bad-column-order", COLUMN(&chunk, 0, MT_SLOT_TIMES, "\0\12"); KINDS(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-column-twice", KINDS(&chunk); TIMES(&chunk); TIMES(&chunk); FIELDS(&chunk));
    BETWEEN("bad-column-empty", KINDS(&chunk); TIMES(&chunk); column(&chunk, 2, "", 0);
            FIELDS(&chunk));
    BETWEEN("bad-column-id", KINDS(&chunk); TIMES(&chunk); FIELDS(&chunk);
            column(&chunk, 1024, "x", 1));
    BETWEEN("bad-column-long", KINDS(&chunk); TIMES(&chunk); FIELDS(&chunk);
            chunk.raw[chunk.size - 3] = 3);
    BETWEEN("bad-column-rest", KINDS(&chunk); TIMES(&chunk); COLUMN(&chunk, MT_lost, 0, "\1\3\4"));
    BETWEEN("bad-column-short", KINDS(&chunk); TIMES(&chunk); COLUMN(&chunk, MT_lost, 0, "\1"));
    BETWEEN("bad-varint", KINDS(&chunk); TIMES(&chunk);
            COLUMN(&chunk, MT_lost, 0, "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"));
    BETWEEN("bad-kinds", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\2\2"); TIMES(&chunk); FIELDS(&chunk));
    BETWEEN("bad-kind-zero", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\0"); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-kind-large", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\100"); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-times", KINDS(&chunk); COLUMN(&chunk, 0, MT_SLOT_TIMES, "\0"); FIELDS(&chunk));
    BETWEEN("bad-time-last", chunk.header.time_last = 6; KINDS(&chunk); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-long-time", KINDS(&chunk); COLUMN(&chunk, 0, MT_SLOT_TIMES, "\0\377");
            FIELDS(&chunk));
    BETWEEN("bad-handle", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\27"); TIMES(&chunk);
            COLUMN(&chunk, MT_lost, 0, "\1"); COLUMN(&chunk, MT_release, 0, "\1"));
    BETWEEN("bad-address", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\31"); TIMES(&chunk);
            COLUMN(&chunk, MT_lost, 0, "\1"); COLUMN(&chunk, MT_unmap, 0, "\2");
            COLUMN(&chunk, MT_unmap, 1, "\1"));
    BETWEEN("bad-shape", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\50"); TIMES(&chunk);
            COLUMN(&chunk, MT_lost, 0, "\1"); COLUMN(&chunk, MT_launch, 0, "\1");
            COLUMN(&chunk, MT_launch, 1, "\0\1"); COLUMN(&chunk, MT_launch, 2, "\0");
            COLUMN(&chunk, MT_launch, MT_SLOT_SHAPE, "\xff\xff\3"));
    BETWEEN("bad-text", COLUMN(&chunk, 0, MT_SLOT_KINDS, "\2\1"); TIMES(&chunk);
            COLUMN(&chunk, MT_thread, 0, "\1"); COLUMN(&chunk, MT_thread, MT_SLOT_SHAPE, "\2");
            COLUMN(&chunk, MT_thread, MT_SLOT_TAIL, "too short"); COLUMN(&chunk, MT_lost, 0, "\1"));
    BETWEEN("bad-events-zero", chunk.header.events = 0; KINDS(&chunk); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-thread", chunk.header.thread = MT_THREADS_MAX; KINDS(&chunk); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-time-shift", chunk.header.time_shift = 21; KINDS(&chunk); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-chunk-type", chunk.header.type = 9; KINDS(&chunk); TIMES(&chunk); FIELDS(&chunk));
    BETWEEN("bad-chunk-flags", chunk.header.flags = 2; KINDS(&chunk); TIMES(&chunk);
            FIELDS(&chunk));
    BETWEEN("bad-chunk-magic", chunk.header.magic++; KINDS(&chunk); TIMES(&chunk); FIELDS(&chunk));
    BETWEEN("bad-meta", chunk.header = (struct mt_chunk_header){.magic = MT_CHUNK_MAGIC, .type = 1};
            memcpy(chunk.raw, "half\0a pair", 11); chunk.size = 11);
}

/* ---- a good file, bent ---- */

static void bend(const char *name, long at, int byte, long size)
{
    static char bytes[1 << 16];
    struct mt_file_header *header = (void *)bytes;
    FILE *in = fopen(path_of("good-chunks"), "rb");
    size_t whole = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    if (in)
        fclose(in);
    size_t offset = (size_t)(at < 0 ? (long)whole + at : at);
    if (offset >= whole)
        fprintf(stderr, "%s: good-chunks is too short\n", name), exit(1);
    bytes[offset] = (char)(bytes[offset] + byte);
    if (offset == offsetof(struct mt_file_header, version_major))
        header->crc = mt_crc32(header, offsetof(struct mt_file_header, crc));
    FILE *out = fopen(path_of(name), "wb");
    if (!out || fwrite(bytes, size ? (size_t)size : whole, 1, out) != 1 || fclose(out) != 0)
        perror(name), exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    all_kinds();
    kernels();
    stacks();
    ties();
    chunks("good-chunks", false);
    chunks("good-cut", true);
    mt_tracewriter_free(START("good-no-events", 0));
    ring();
    by_hand();
    bend("bad-magic-alone", 0, 1, 0);
    bend("bad-header-crc", 60, 1, 0);
    bend("bad-header-cut", 0, 0, 40);
    bend("bad-chunk-crc", 64 + 60, 1, 0);
    bend("bad-frame", 64 + 64 + 12, 1, 0);
    bend("bad-end", -1, 1, 0);
    bend("bad-cut", 0, 0, 330);
    bend("unsupported-version", offsetof(struct mt_file_header, version_major), 1, 0);
    return 0;
}
