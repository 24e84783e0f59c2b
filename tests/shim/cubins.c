#include "cubins.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS 256
#define INFO_MAX (16 * 64)

static size_t put_info(uint8_t *to, const struct cubin_param *param, unsigned n)
{
    static const uint8_t other[4] = {3, 0x1b, 0xff, 0}; /* an attribute of another kind */
    memcpy(to, other, 4);
    for (unsigned i = 0; i < n; i++) { /* the last one first, as ptxas does */
        unsigned which = n - 1 - i;
        uint16_t ordinal = (uint16_t)which, offset = param[which].offset;
        uint32_t last = (uint32_t)param[which].size << 18 | 0x1f000;
        uint8_t *at = to + 4 + 16 * i;
        memcpy(at, (const uint8_t[]){4, 0x17, 12, 0, 0, 0, 0, 0}, 8);
        memcpy(at + 8, &ordinal, 2);
        memcpy(at + 10, &offset, 2);
        memcpy(at + 12, &last, 4);
    }
    return 4 + 16 * (size_t)n;
}

void *cubin_new(const char *name, const struct cubin_param *param, unsigned n, size_t *size)
{
    struct cubin {
        Elf64_Ehdr header;
        Elf64_Shdr section[3];
        char strings[STRINGS];
        uint8_t info[INFO_MAX];
        uint8_t zeros[512];
    } *cubin = calloc(1, sizeof *cubin);
    memcpy(cubin->header.e_ident, ELFMAG, SELFMAG);
    cubin->header.e_ident[EI_CLASS] = ELFCLASS64;
    cubin->header.e_ident[EI_DATA] = ELFDATA2LSB;
    cubin->header.e_machine = 190; /* CUDA */
    cubin->header.e_shoff = offsetof(struct cubin, section);
    cubin->header.e_shentsize = sizeof(Elf64_Shdr);
    cubin->header.e_shnum = 3;
    cubin->header.e_shstrndx = 1;
    strcpy(cubin->strings + 1, ".shstrtab");
    strcpy(cubin->strings + 16, ".nv.info.");
    strcat(cubin->strings + 16, name);
    cubin->section[1] = (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_STRTAB, .sh_size = STRINGS,
                                     .sh_offset = offsetof(struct cubin, strings)};
    cubin->section[2] = (Elf64_Shdr){.sh_name = 16, .sh_type = 0x70000000,
                                     .sh_size = put_info(cubin->info, param, n),
                                     .sh_offset = offsetof(struct cubin, info)};
    *size = sizeof *cubin;
    return cubin;
}

/* Literals up to the zeros at the end, one zero and a match of distance 1, five literals to end. */
static size_t pack(uint8_t *to, const uint8_t *from, size_t size)
{
    uint8_t *at = to;
    size_t zeros = 300, literals = size - zeros - 5;
    *at++ = 0xff;
    for (size_t left = literals - 15;; left -= 255) {
        *at++ = left < 255 ? (uint8_t)left : 255;
        if (left < 255)
            break;
    }
    memcpy(at, from, literals);
    at += literals;
    *at++ = 1;
    *at++ = 0;
    size_t left = zeros - 4 - 15;
    for (; left >= 255; left -= 255)
        *at++ = 255;
    *at++ = (uint8_t)left;
    *at++ = 0x50;
    memcpy(at, from + size - 5, 5);
    return (size_t)(at + 5 - to);
}

void *fatbin_of(int kind, const void *part, size_t size, size_t unpacked, uint64_t packed_by)
{
    struct fatbin {
        uint32_t magic;
        uint16_t version, header_bytes;
        uint64_t bytes;
        uint16_t kind, part_version;
        uint32_t part_header_bytes;
        uint64_t part_bytes;
        uint32_t packed_bytes, options;
        uint16_t minor, major;
        uint32_t arch, name, name_bytes;
        uint64_t flags, reserved, unpacked_bytes;
        uint8_t data[];
    } *fatbin = calloc(1, sizeof *fatbin + size + 64);
    memcpy(fatbin->data, part, size);
    fatbin->magic = 0xba55ed50u;
    fatbin->version = 1;
    fatbin->header_bytes = 16;
    fatbin->kind = (uint16_t)kind;
    fatbin->part_version = 0x101;
    fatbin->part_header_bytes = sizeof *fatbin - 16;
    fatbin->part_bytes = (size + 7) & ~(size_t)7;
    fatbin->packed_bytes = packed_by ? (uint32_t)size : 0;
    fatbin->flags = packed_by | 0x11;
    fatbin->unpacked_bytes = packed_by ? unpacked : 0;
    fatbin->bytes = fatbin->part_header_bytes + fatbin->part_bytes;
    return fatbin;
}

void *fatbin_new(const void *part, size_t size, int packed)
{
    int kind = memcmp(part, ELFMAG, SELFMAG) == 0 ? FATBIN_CUBIN : FATBIN_PTX;
    if (!packed)
        return fatbin_of(kind, part, size, size, 0);
    uint8_t *room = malloc(size + 64);
    void *fatbin = fatbin_of(kind, room, pack(room, part, size), size, FATBIN_LZ4);
    free(room);
    return fatbin;
}
