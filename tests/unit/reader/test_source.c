#include "reader/source.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "format/layout.h"
#include "memfile.h"
#include "unit.h"

START_TEST(a_file)
{
    struct mt_source_file source;
    char name[MEMFILE_NAME], bytes[16];
    int fd = memfile(name, "0123456789", 10);
    ck_assert_int_eq(mt_source_open(&source, name, NULL), 0);
    ck_assert_uint_eq(source.size, 10);
    ck_assert_uint_eq(mt_source_read(&source, 4, bytes, 16), 6);
    ck_assert_mem_eq(bytes, "456789", 6);
    ck_assert_uint_eq(mt_source_read(&source, 10, bytes, 16), 0);
    ck_assert_uint_eq(mt_source_read(&source, UINT64_C(1) << 40, bytes, 16), 0);
    mt_source_close(&source);
    mt_source_close(&source);
    close(fd);
}
END_TEST

START_TEST(beyond_four_gibibytes)
{
    struct mt_source_file source;
    char name[MEMFILE_NAME], bytes[4];
    int fd = memfile(name, "", 0);
    ck_assert_int_eq(pwrite(fd, "far", 3, (off_t)5 << 30), 3);
    ck_assert_int_eq(mt_source_open(&source, name, NULL), 0);
    ck_assert_uint_eq(source.size, (UINT64_C(5) << 30) + 3);
    ck_assert_uint_eq(mt_source_read(&source, UINT64_C(5) << 30, bytes, 4), 3);
    ck_assert_mem_eq(bytes, "far", 3);
    mt_source_close(&source);
    close(fd);
}
END_TEST

static char sent[200000];

static void *send(void *fd)
{
    for (size_t done = 0; done < sizeof sent; done += 1000)
        if (write(*(int *)fd, sent + done, 1000) != 1000)
            break;
    close(*(int *)fd);
    return NULL;
}

START_TEST(a_pipe_is_copied)
{
    struct mt_source_file source;
    static char back[sizeof sent];
    char name[MEMFILE_NAME];
    int ends[2];
    pthread_t thread;
    memcpy(sent, MT_FILE_MAGIC, 8);
    for (size_t i = 8; i < sizeof sent; i++)
        sent[i] = (char)(i * 7);
    ck_assert_int_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    pthread_create(&thread, NULL, send, &ends[1]);
    ck_assert_int_eq(mt_source_open(&source, name, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(source.size, sizeof sent);
    ck_assert_uint_eq(mt_source_read(&source, 0, back, sizeof back), sizeof sent);
    ck_assert_mem_eq(sent, back, sizeof sent);
    mt_source_close(&source);
    close(ends[0]);
}
END_TEST

START_TEST(what_is_no_trace_is_not_copied)
{
    struct mt_source_file source;
    ck_assert_int_eq(mt_source_open(&source, "/dev/zero", NULL), 0);
    ck_assert_uint_le(source.size, 1 << 16);
    mt_source_close(&source);
}
END_TEST

START_TEST(errors_name_the_file)
{
    struct mt_source_file source;
    struct mt_error error;
    ck_assert_int_eq(mt_source_open(&source, "/nowhere/x", &error), MT_ERR_SYSTEM);
    ck_assert_str_eq(error.message,
                     "cannot open /nowhere/x: No such file or directory; check the name");
    ck_assert_int_eq(mt_source_open(&source, "/", &error), MT_ERR_SYSTEM);
    ck_assert_str_eq(error.message, "cannot read /: Is a directory; name a trace in it");
    ck_assert_int_eq(source.fd, -1);
}
END_TEST

UNIT_MAIN("source", a_file, beyond_four_gibibytes, a_pipe_is_copied, what_is_no_trace_is_not_copied,
          errors_name_the_file)
