/* Files of a test that lie in memory and are opened by name. */
#ifndef MT_MEMFILE_H
#define MT_MEMFILE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMFILE_NAME 64

/* A file of these bytes; its descriptor, and in `name` how to open it. */
static inline int memfile(char name[MEMFILE_NAME], const void *bytes, size_t size)
{
    int fd = memfd_create("memfile", 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
    snprintf(name, MEMFILE_NAME, "/proc/%d/fd/%d", (int)getpid(), fd);
    return fd;
}

/* All bytes of a file, malloc'ed. */
static inline unsigned char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    unsigned char *bytes = malloc(1 << 24);
    *size = fread(bytes, 1, 1 << 24, file);
    fclose(file);
    return bytes;
}

#endif
