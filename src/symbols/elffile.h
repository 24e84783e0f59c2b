/* A file opened as ELF, and whether it is the one that was meant. */
#ifndef MT_ELFFILE_H
#define MT_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Elf; /* libelf's */

struct mt_elffile {
    struct Elf *elf; /* NULL: not open */
    int fd;
};

/* Open a regular file; it is mapped, not read. False if it is no ELF program or library. */
bool mt_elffile_open(struct mt_elffile *file, const char *path);

/* The same from a descriptor, which is the file's from now on. */
bool mt_elffile_take(struct mt_elffile *file, int fd);

void mt_elffile_close(struct mt_elffile *file);

/* Whether its build-id is `build_id`, in hex; "" is that of a file without one. */
bool mt_elffile_is(const struct mt_elffile *file, const char *build_id);

/* Whether it has a section of that name which is not empty. */
bool mt_elffile_has(const struct mt_elffile *file, const char *section);

/* Name and checksum of the debug file that it asks for; NULL if it asks for none. */
const char *mt_elffile_debuglink(const struct mt_elffile *file, uint32_t *crc);

/* Whether the whole file has this checksum. */
bool mt_elffile_has_crc(const struct mt_elffile *file, uint32_t crc);

#endif
