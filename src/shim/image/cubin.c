/* A cubin is an ELF file; its section .nv.info.K holds attributes of kernel K, those that describe
 * parameters among them. An image is given without its length: the driver has read it, so what its
 * headers say is believed, up to a limit, and a text that stands alone ends with a zero. */
#include "shim/image/cubin.h"

#include <elf.h>
#include <string.h>

#include "shim/image/lz4.h"
#include "shim/image/ptx.h"
#include "shim/image/unzstd.h"

#define WRAPPER_MAGIC 0x466243b1u
#define FATBIN_MAGIC 0xba55ed50u
#define BYTES_MAX ((uint64_t)2 << 30)
#define PARAMS_MAX 4096u
#define DEPTH_MAX 4 /* wrappers around fat binaries around cubins */

enum {
    FORMAT_SIZED = 4, /* an attribute with a 16-bit size and as many bytes; else 16 bits of value */
    PARAM = 0x17,     /* size in bits 18 to 31 of the last word */
    PARAM_LONG = 0x45, /* size is the last word */
    PART_PTX = 1,
    PART_ELF = 2,
    PART_LZ4 = 0x2000,
    PART_ZSTD = 0x8000,
};

struct wrapper { /* what nvcc's programs register */
    uint32_t magic, version;
    const void *data;
};

struct fatbin {
    uint32_t magic;
    uint16_t version, header_bytes;
    uint64_t bytes; /* behind the header */
};

struct part {
    uint16_t kind, version;
    uint32_t header_bytes;
    uint64_t bytes; /* behind this header */
    uint32_t packed_bytes, options;
    uint16_t minor, major;
    uint32_t arch, name, name_bytes;
    uint64_t flags, reserved, unpacked_bytes;
};

static void read_image(struct mt_image_kernels *kernels, const void *image, uint64_t bytes,
                       int depth);

/* Room for a kernel with as many parameters as there may be; NULL where memory is out. */
static struct mt_image_kernel *room_for(struct mt_image_kernels *kernels, size_t name_bytes)
{
    size_t most = sizeof(struct mt_image_kernel) + 4 * PARAMS_MAX + name_bytes + 8;
    char *at = mt_pile_room(&kernels->pile, kernels->bytes + most);
    return at ? (void *)(at + kernels->bytes) : NULL;
}

/* Its layout has been written; the name goes behind it. One that is known already, of another
 * architecture, is laid out alike. */
static void keep(struct mt_image_kernels *kernels, struct mt_image_kernel *kernel, uint32_t params,
                 const char *name, size_t name_bytes)
{
    char *to = (char *)&kernel->layout[2 * params];
    kernel->params = params;
    memcpy(to, name, name_bytes);
    to[name_bytes] = 0;
    if (mt_image_find(kernels, to))
        return;
    size_t size = sizeof *kernel + 4 * (size_t)params + name_bytes + 1;
    kernel->size = (uint32_t)((size + 7) & ~(size_t)7);
    kernels->bytes += kernel->size;
}

/* ---- cubins ---- */

/* Parameters come in any order, the last one first as a rule. Their number; 0 where one is odd. */
static uint32_t read_params(const uint8_t *at, uint64_t bytes, uint16_t *layout)
{
    const uint8_t *end = at + bytes;
    uint32_t n = 0;
    while (end - at >= 4) {
        uint16_t size, ordinal, offset;
        uint32_t word;
        const uint8_t *payload = at + 4;
        unsigned attribute = at[1];
        memcpy(&size, at + 2, 2);
        at += 4 + (at[0] == FORMAT_SIZED ? size : 0);
        if ((attribute != PARAM && attribute != PARAM_LONG) || size < 12 || at > end)
            continue;
        memcpy(&ordinal, payload + 4, 2);
        memcpy(&offset, payload + 6, 2);
        memcpy(&word, payload + 8, 4);
        if (ordinal >= PARAMS_MAX)
            return 0;
        if (n <= ordinal) {
            memset(&layout[2 * n], 0, 4 * (ordinal + 1 - n));
            n = ordinal + 1u;
        }
        layout[2 * ordinal] = offset;
        layout[2 * ordinal + 1] = (uint16_t)(attribute == PARAM ? word >> 18 : word);
    }
    return n;
}

static void add(struct mt_image_kernels *kernels, const char *name, const uint8_t *info,
                uint64_t bytes)
{
    struct mt_image_kernel *kernel = room_for(kernels, strlen(name));
    if (kernel)
        keep(kernels, kernel, read_params(info, bytes, kernel->layout), name, strlen(name));
}

static void read_cubin(struct mt_image_kernels *kernels, const uint8_t *elf)
{
    static const char prefix[] = ".nv.info.";
    Elf64_Ehdr h;
    Elf64_Shdr names, section;
    memcpy(&h, elf, sizeof h);
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_shentsize != sizeof section ||
        h.e_shstrndx >= h.e_shnum || h.e_shoff > BYTES_MAX)
        return;
    memcpy(&names, elf + h.e_shoff + h.e_shstrndx * sizeof names, sizeof names);
    for (unsigned i = 0; i < h.e_shnum && names.sh_offset < BYTES_MAX; i++) {
        memcpy(&section, elf + h.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_name >= names.sh_size || section.sh_offset > BYTES_MAX ||
            section.sh_size > BYTES_MAX)
            continue;
        const char *name = (const char *)elf + names.sh_offset + section.sh_name;
        if (strncmp(name, prefix, sizeof prefix - 1) == 0)
            add(kernels, name + sizeof prefix - 1, elf + section.sh_offset, section.sh_size);
    }
}

/* ---- PTX ---- */

static void read_ptx(struct mt_image_kernels *kernels, const char *text, uint64_t bytes)
{
    struct mt_ptx ptx = {text, text + strnlen(text, bytes)};
    struct mt_ptx_kernel found;
    struct mt_image_kernel *kernel = room_for(kernels, (size_t)(ptx.end - ptx.at));
    while (kernel && mt_ptx_next(&ptx, &found, kernel->layout, PARAMS_MAX)) {
        if (found.params != MT_PTX_ODD)
            keep(kernels, kernel, found.params, found.name, found.name_bytes);
        kernel = room_for(kernels, (size_t)(ptx.end - ptx.at));
    }
}

/* ---- fat binaries ---- */

static size_t unpack(const struct part *part, const uint8_t *data, uint8_t *to, size_t bytes)
{
    return part->flags & PART_ZSTD ? mt_zstd_unpack(data, part->packed_bytes, to, bytes)
                                   : mt_lz4_unpack(data, part->packed_bytes, to, bytes);
}

static void read_packed(struct mt_image_kernels *kernels, const struct part *part,
                        const uint8_t *data, int depth)
{
    struct mt_pile room = {0};
    size_t bytes = part->unpacked_bytes;
    if (bytes < sizeof(Elf64_Ehdr) || bytes > BYTES_MAX || part->packed_bytes > part->bytes)
        return;
    uint8_t *unpacked = mt_pile_room(&room, bytes);
    if (unpacked && unpack(part, data, unpacked, bytes) == bytes)
        read_image(kernels, unpacked, bytes, depth + 1);
    mt_pile_release(&room);
}

static void read_fatbin(struct mt_image_kernels *kernels, const uint8_t *data, int depth)
{
    struct fatbin h;
    struct part part;
    memcpy(&h, data, sizeof h);
    if (h.bytes > BYTES_MAX)
        return;
    const uint8_t *at = data + h.header_bytes, *end = at + h.bytes;
    while ((size_t)(end - at) >= sizeof part) {
        memcpy(&part, at, sizeof part);
        if (part.header_bytes < sizeof part || part.bytes > BYTES_MAX ||
            part.header_bytes + part.bytes > (uint64_t)(end - at))
            return;
        if (part.kind != PART_ELF && part.kind != PART_PTX)
            ; /* nothing that is launched */
        else if (part.flags & (PART_LZ4 | PART_ZSTD))
            read_packed(kernels, &part, at + part.header_bytes, depth);
        else
            read_image(kernels, at + part.header_bytes, part.bytes, depth + 1);
        at += part.header_bytes + part.bytes;
    }
}

static void read_image(struct mt_image_kernels *kernels, const void *image, uint64_t bytes,
                       int depth)
{
    struct wrapper wrapper;
    uint32_t magic;
    if (!image || depth > DEPTH_MAX || bytes < sizeof magic)
        return;
    memcpy(&magic, image, sizeof magic);
    if (magic == WRAPPER_MAGIC) {
        memcpy(&wrapper, image, sizeof wrapper);
        read_image(kernels, wrapper.data, BYTES_MAX, depth + 1);
    } else if (magic == FATBIN_MAGIC) {
        read_fatbin(kernels, image, depth);
    } else if (memcmp(image, ELFMAG, SELFMAG) == 0) {
        read_cubin(kernels, image);
    } else {
        read_ptx(kernels, image, bytes);
    }
}

void mt_image_read(struct mt_image_kernels *kernels, const void *image, uint64_t bytes)
{
    read_image(kernels, image, bytes < BYTES_MAX ? bytes : BYTES_MAX, 0);
}

const struct mt_image_kernel *mt_image_find(const struct mt_image_kernels *kernels,
                                            const char *name)
{
    const char *at = kernels->pile.at;
    for (size_t i = 0; i < kernels->bytes;) {
        const struct mt_image_kernel *kernel = (const void *)(at + i);
        if (strcmp(mt_image_name(kernel), name) == 0)
            return kernel;
        i += kernel->size;
    }
    return NULL;
}
