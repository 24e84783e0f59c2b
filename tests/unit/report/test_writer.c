#include "report/writer.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

static const struct mt_column columns[] = {
    {"id", "a number", MT_T_UINT, MT_U_NONE},    {"size_bytes", "a size", MT_T_UINT, MT_U_BYTES},
    {"at_ns", "a time", MT_T_UINT, MT_U_NS},     {"change", "signed", MT_T_INT, MT_U_COUNT},
    {"address", "where", MT_T_HEX, MT_U_NONE},   {"share", "of all", MT_T_REAL, MT_U_SHARE},
    {"name", "free text", MT_T_TEXT, MT_U_NONE},
};
static const struct mt_table table = {"sample", "a sample", columns, 7, false};

static char folder[] = "/tmp/mt-writer-XXXXXX";
static char content[1 << 20];

static const char *read_back(const char *path)
{
    int fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t size = read(fd, content, sizeof content - 1);
    close(fd);
    ck_assert_int_ge(size, 0);
    content[size] = 0;
    return content;
}

static struct mt_value row_of(struct mt_value *cells, uint64_t id, const char *name)
{
    cells[0] = mt_uint(id);
    cells[1] = mt_uint(1536);
    cells[2] = mt_null();
    cells[3].i = -5;
    cells[3].null = false;
    cells[4] = mt_uint(0x7f00);
    cells[5] = mt_real(0.5);
    cells[6] = mt_text(name);
    return cells[6];
}

/* Write rows with these names; what the file holds. */
static const char *written(const char *format, const char *const *names)
{
    struct mt_error error = {0};
    char path[64];
    strcpy(folder, "/tmp/mt-writer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sample.%s", folder, format);
    struct mt_output *output = mt_output_new(path, &error);
    ck_assert_ptr_nonnull(output);
    struct mt_sink *sink = mt_writer_new(format, output, &error);
    ck_assert_ptr_nonnull(sink);
    ck_assert_int_eq(sink->begin(sink, &table), 0);
    for (uint64_t id = 0; names[id]; id++) {
        struct mt_value cells[7];
        row_of(cells, id, names[id]);
        ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    }
    ck_assert_int_ne(access(path, F_OK), 0); /* nothing half-written under its name */
    ck_assert_int_eq(sink->end(sink, &table), 0);
    mt_sink_free(sink);
    read_back(path);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* and nothing else left behind */
    return content;
}

#define HEADER "id,size_bytes,at_ns,change,address,share,name\n"

START_TEST(csv_quotes_what_it_must)
{
    const char *names[] = {"plain", "a,b",          "say \"x\"", "two\nlines",
                           "",      "bad \xff\x1b", "\xc3\xa9",  NULL};
    ck_assert_str_eq(written("csv", names), HEADER "0,1536,,-5,0x7f00,0.5,plain\n"
                                                   "1,1536,,-5,0x7f00,0.5,\"a,b\"\n"
                                                   "2,1536,,-5,0x7f00,0.5,\"say \"\"x\"\"\"\n"
                                                   "3,1536,,-5,0x7f00,0.5,\"two\nlines\"\n"
                                                   "4,1536,,-5,0x7f00,0.5,\"\"\n"
                                                   "5,1536,,-5,0x7f00,0.5,bad \\xff\\x1b\n"
                                                   "6,1536,,-5,0x7f00,0.5,\xc3\xa9\n");
}
END_TEST

/* A word is neither measured nor looked through; a number behind a large one has its own digits. */
START_TEST(csv_puts_words_as_they_are)
{
    static const struct mt_word word = MT_WORD_OF("a_word_of_15___");
    const uint64_t ids[] = {99999999, 100000000, 1234567890123, 18446744073709551615u,
                            9,        100000001};
    struct mt_error error = {0};
    char path[] = "/tmp/mt-writer-XXXXXX";
    close(mkstemp(path));
    struct mt_sink *sink = mt_writer_new("csv", mt_output_new(path, &error), &error);
    ck_assert_ptr_nonnull(sink);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct mt_value cells[7];
        row_of(cells, ids[i], NULL);
        cells[6] = i % 2 ? mt_null() : mt_word(&word);
        ck_assert_int_eq(sink->row(sink, &table, cells), 0);
    }
    ck_assert_int_eq(sink->end(sink, &table), 0);
    mt_sink_free(sink);
    ck_assert_str_eq(read_back(path), "99999999,1536,,-5,0x7f00,0.5,a_word_of_15___\n"
                                      "100000000,1536,,-5,0x7f00,0.5,\n"
                                      "1234567890123,1536,,-5,0x7f00,0.5,a_word_of_15___\n"
                                      "18446744073709551615,1536,,-5,0x7f00,0.5,\n"
                                      "9,1536,,-5,0x7f00,0.5,a_word_of_15___\n"
                                      "100000001,1536,,-5,0x7f00,0.5,\n");
    unlink(path);
}
END_TEST

START_TEST(csv_of_no_rows_has_a_header)
{
    const char *names[] = {NULL};
    ck_assert_str_eq(written("csv", names), HEADER);
}
END_TEST

START_TEST(json_escapes_what_it_must)
{
    const char *names[] = {"a\"b\\c", "line\n\x01", "bad \xff", NULL};
#define JSON(id, name)                                                                             \
    "{\"id\":" #id ",\"size_bytes\":1536,\"at_ns\":null,\"change\":-5,\"address\":\"0x7f00\","     \
    "\"share\":0.5,\"name\":\"" name "\"}"
    ck_assert_str_eq(written("json", names),
                     "[\n" JSON(0, "a\\\"b\\\\c") ",\n" JSON(1, "line\\u000a\\u0001") ",\n" JSON(
                         2, "bad \\\\xff") "\n]\n");
}
END_TEST

START_TEST(json_of_no_rows_is_an_array)
{
    const char *names[] = {NULL};
    ck_assert_str_eq(written("json", names), "[\n]\n");
}
END_TEST

START_TEST(text_is_aligned_and_readable)
{
    const char *names[] = {"x", "esc\x1b[2J", NULL};
    ck_assert_str_eq(written("text", names),
                     "id  size_bytes  at_ns  change  address   share  name\n"
                     " 0    1.50 KiB      -      -5   0x7f00  50.0 %  x\n"
                     " 1    1.50 KiB      -      -5   0x7f00  50.0 %  esc\\x1b[2J\n");
}
END_TEST

START_TEST(text_cuts_long_names)
{
    static char name[400];
    const char *names[] = {name, NULL};
    memset(name, 'n', sizeof name - 1);
    const char *text = written("text", names);
    const char *last = strrchr(text, ' ') + 1;
    ck_assert_uint_eq(strlen(last), 61); /* 60 and the line's end */
    ck_assert_str_eq(last + 57, "...\n");
}
END_TEST

START_TEST(text_streams_after_the_first_rows)
{
    static const char *names[3001];
    for (int i = 0; i < 3000; i++)
        names[i] = "row";
    const char *text = written("text", names);
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    ck_assert_uint_eq(lines, 3001);
}
END_TEST

START_TEST(infinite_is_no_number)
{
    struct mt_error error = {0};
    struct mt_value cells[7];
    row_of(cells, 1, "n");
    cells[5] = mt_real(INFINITY);
    char path[] = "/tmp/mt-writer-inf-XXXXXX";
    close(mkstemp(path));
    struct mt_sink *sink = mt_writer_new("json", mt_output_new(path, &error), &error);
    sink->begin(sink, &table);
    sink->row(sink, &table, cells);
    ck_assert_int_eq(sink->end(sink, &table), 0);
    mt_sink_free(sink);
    ck_assert_ptr_nonnull(strstr(read_back(path), "\"share\":null"));
    unlink(path);
}
END_TEST

START_TEST(an_abandoned_table_leaves_nothing)
{
    struct mt_error error = {0};
    strcpy(folder, "/tmp/mt-writer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/t.csv", folder);
    struct mt_sink *sink = mt_writer_new("csv", mt_output_new(path, &error), &error);
    sink->begin(sink, &table);
    mt_sink_free(sink);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(errors_say_where_and_what_to_do)
{
    struct mt_error error = {0};
    ck_assert_ptr_null(mt_output_new("/nowhere/at/all.csv", &error));
    ck_assert_ptr_nonnull(strstr(error.message, "/nowhere/at/all.csv"));
    ck_assert_ptr_nonnull(strstr(error.message, "create the directory"));
    ck_assert_ptr_null(mt_writer_new("xml", NULL, &error));
    ck_assert_int_eq(error.code, MT_ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(error.message, "'xml'"));
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    struct mt_error error = {0};
    struct mt_output *output = mt_output_new(NULL, &error);
    int full = open("/dev/full", O_WRONLY), kept = dup(STDOUT_FILENO);
    ck_assert_int_ge(full, 0);
    dup2(full, STDOUT_FILENO);
    for (int i = 0; i < 100000; i++)
        mt_put_uint(output, 123456789);
    int code = mt_output_close(output);
    dup2(kept, STDOUT_FILENO);
    ck_assert_int_eq(code, MT_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(error.message, "No space left"));
    ck_assert(!mt_output_deserted(output));
    mt_output_free(output);
}
END_TEST

/* Byte number i of what the next test writes. */
static char byte_at(size_t i)
{
    return (char)('a' + (i ^ i >> 7 ^ i >> 16) % 26);
}

START_TEST(a_large_output_keeps_every_byte)
{
    struct mt_error error = {0};
    char path[] = "/tmp/mt-writer-XXXXXX";
    static char bytes[900000];
    size_t at = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(i);
    close(mkstemp(path));
    struct mt_output *output = mt_output_new(path, &error);
    ck_assert_ptr_nonnull(output);
    for (size_t size = 1; at + size <= sizeof bytes; size = size * 5 % 4093) {
        char *room = mt_output_room(output, size);
        memcpy(room, bytes + at, size);
        mt_output_filled(output, room + size);
        mt_put_char(output, bytes[at + size]);
        at += size + 1;
        if (at > 400000)
            break;
    }
    mt_put(output, bytes + at, 300000); /* more than any buffer has */
    mt_put(output, bytes + at + 300000, 150000);
    at += 450000;
    ck_assert_int_eq(mt_output_close(output), 0);
    mt_output_free(output);
    ck_assert_int_eq(strlen(read_back(path)), at);
    ck_assert_int_eq(memcmp(content, bytes, at), 0);
    unlink(path);
}
END_TEST

UNIT_MAIN("writer", csv_quotes_what_it_must, csv_of_no_rows_has_a_header, json_escapes_what_it_must,
          json_of_no_rows_is_an_array, text_is_aligned_and_readable, text_cuts_long_names,
          text_streams_after_the_first_rows, infinite_is_no_number,
          an_abandoned_table_leaves_nothing, errors_say_where_and_what_to_do,
          a_full_disk_is_an_error, a_large_output_keeps_every_byte, csv_puts_words_as_they_are)
