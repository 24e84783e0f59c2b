#include "symbols/elffile.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32.h"

#define BUILD_ID_MAX 64 /* bytes */

static bool is_mapped_kind(Elf *elf)
{
    GElf_Ehdr header;
    return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
           (header.e_type == ET_DYN || header.e_type == ET_EXEC);
}

bool mt_elffile_take(struct mt_elffile *file, int fd)
{
    struct stat status;
    *file = (struct mt_elffile){NULL, fd};
    /* Anything but a regular file may block or never end. */
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && elf_version(EV_CURRENT) != EV_NONE)
        file->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (file->elf && is_mapped_kind(file->elf))
        return true;
    mt_elffile_close(file);
    return false;
}

bool mt_elffile_open(struct mt_elffile *file, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *file = (struct mt_elffile){NULL, -1};
    return fd >= 0 && mt_elffile_take(file, fd);
}

void mt_elffile_close(struct mt_elffile *file)
{
    if (file->elf)
        elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct mt_elffile){NULL, -1};
}

bool mt_elffile_is(const struct mt_elffile *file, const char *build_id)
{
    const void *bytes = NULL;
    ssize_t size = dwelf_elf_gnu_build_id(file->elf, &bytes);
    char hex[2 * BUILD_ID_MAX + 1] = "";
    for (ssize_t i = 0; i < size && i < BUILD_ID_MAX; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
    return strcmp(hex, build_id) == 0;
}

bool mt_elffile_has(const struct mt_elffile *file, const char *section)
{
    size_t names;
    if (elf_getshdrstrndx(file->elf, &names) < 0)
        return false;
    for (Elf_Scn *scn = elf_nextscn(file->elf, NULL); scn; scn = elf_nextscn(file->elf, scn)) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(scn, &header) ? elf_strptr(file->elf, names, header.sh_name) : NULL;
        if (name && strcmp(name, section) == 0)
            return header.sh_type != SHT_NOBITS && header.sh_size > 0;
    }
    return false;
}

const char *mt_elffile_debuglink(const struct mt_elffile *file, uint32_t *crc)
{
    GElf_Word sum = 0;
    const char *name = dwelf_elf_gnu_debuglink(file->elf, &sum);
    *crc = sum;
    return name && *name && !strchr(name, '/') ? name : NULL;
}

bool mt_elffile_has_crc(const struct mt_elffile *file, uint32_t crc)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0 || status.st_size <= 0)
        return false;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    bool same = mt_crc32(bytes, (size_t)status.st_size) == crc;
    munmap(bytes, (size_t)status.st_size);
    return same;
}
