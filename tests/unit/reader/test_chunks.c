/* From the index or by going through the file: the same chunks. */
#include "reader/chunks.h"

#include <string.h>

#include "memfile.h"
#include "tracewriter.h"
#include "unit.h"

struct file {
    unsigned char *bytes;
    size_t size;
};

static struct file make(bool cut)
{
    char path[] = "/tmp/memtrace-test-XXXXXX";
    struct mt_tracefile_options options = {.chunk_events = 10, .cut = cut};
    struct file file;
    close(mkstemp(path));
    struct mt_tracewriter *writer = mt_tracewriter_new(path, &options);
    mt_tracewriter_meta(writer, "key", "value");
    mt_tracewriter_flush(writer);
    for (unsigned i = 0; i < 95; i++)
        MT_TRACEWRITER_ADD(writer, 0, i, lost, .events = i);
    mt_tracewriter_free(writer);
    file.bytes = slurp(path, &file.size);
    unlink(path);
    return file;
}

static struct mt_chunks find(const struct file *file)
{
    struct mt_source_file source;
    struct mt_chunks chunks;
    char name[MEMFILE_NAME];
    int fd = memfile(name, file->bytes, file->size);
    ck_assert_int_eq(mt_source_open(&source, name, NULL), 0);
    ck_assert_int_eq(mt_chunks_find(&chunks, &source), 0);
    mt_source_close(&source);
    close(fd);
    return chunks;
}

START_TEST(index_and_walk_agree)
{
    struct file with = make(false), without = make(true);
    struct mt_chunks indexed = find(&with), walked = find(&without);
    ck_assert_uint_eq(indexed.count, 11);
    ck_assert_uint_eq(walked.count, 11);
    ck_assert(indexed.complete);
    ck_assert(!walked.complete);
    ck_assert_mem_eq(indexed.entry, walked.entry, 11 * sizeof indexed.entry[0]);
    with.bytes[with.size - 60] ^= 1; /* in the index */
    struct mt_chunks fallen_back = find(&with);
    ck_assert_uint_eq(fallen_back.count, 11);
    ck_assert(fallen_back.complete); /* the trailer is there */
    ck_assert_mem_eq(indexed.entry, fallen_back.entry, 11 * sizeof indexed.entry[0]);
    mt_chunks_release(&indexed);
    mt_chunks_release(&walked);
    mt_chunks_release(&fallen_back);
    free(with.bytes);
    free(without.bytes);
}
END_TEST

START_TEST(finds_its_way_behind_damage)
{
    struct file file = make(true);
    struct mt_chunks whole = find(&file);
    uint64_t third = whole.entry[3].offset, fourth = whole.entry[4].offset;
    file.bytes[third + 5] ^= 1; /* in the header */
    struct mt_chunks chunks = find(&file);
    ck_assert_uint_eq(chunks.count, 10);
    ck_assert_uint_eq(chunks.bytes_skipped, fourth - third);
    ck_assert_uint_eq(chunks.first_damage, third);
    ck_assert_mem_eq(&chunks.entry[3], &whole.entry[4], sizeof whole.entry[0]);
    mt_chunks_release(&chunks);
    mt_chunks_release(&whole);
    free(file.bytes);
}
END_TEST

/* Bytes missing from a frame: the next chunk begins before the damaged one should end. */
START_TEST(finds_chunks_inside_what_a_header_claims)
{
    struct file file = make(true);
    struct mt_chunks whole = find(&file);
    uint64_t at = whole.entry[3].offset + 70;
    memmove(file.bytes + at, file.bytes + at + 9, file.size - at - 9);
    file.size -= 9;
    struct mt_chunks chunks = find(&file);
    ck_assert_uint_eq(chunks.count, 11);
    ck_assert_uint_eq(chunks.entry[4].offset, whole.entry[4].offset - 9);
    mt_chunks_release(&chunks);
    mt_chunks_release(&whole);
    free(file.bytes);
}
END_TEST

START_TEST(the_chunk_that_is_cut)
{
    struct file file = make(true);
    file.size -= 3;
    struct mt_chunks chunks = find(&file);
    ck_assert_uint_eq(chunks.count, 10);
    ck_assert_uint_eq(chunks.cut.magic, MT_CHUNK_MAGIC);
    ck_assert_uint_eq(chunks.cut.events, 5);
    ck_assert_uint_eq(chunks.tail_skipped, chunks.bytes_skipped);
    ck_assert_uint_gt(chunks.bytes_skipped, 64);
    mt_chunks_release(&chunks);
    free(file.bytes);
}
END_TEST

UNIT_MAIN("chunks", index_and_walk_agree, finds_its_way_behind_damage,
          finds_chunks_inside_what_a_header_claims, the_chunk_that_is_cut)
