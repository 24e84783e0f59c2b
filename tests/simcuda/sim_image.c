/* See sim_image.h. */
#include "sim_image.h"

#include <stdlib.h>
#include <string.h>

enum {
    WRAPPER_MAGIC = 0x466243b1,
    PART_PTX = 1,
    PART_ELF = 2,
    PART_COMPRESSED = 0x2000 | 0x8000 /* LZ4 | zstd */
};

#define FATBIN_MAGIC 0xba55ed50u

struct wrapper { /* what __cudaRegisterFatBinary and cuModuleLoadFatBinary get */
    uint32_t magic, version;
    const void *data;
    void *unused;
};

struct fatbin_header {
    uint32_t magic;
    uint16_t version, header_bytes;
    uint64_t bytes; /* that follow the header */
};

struct part_header {
    uint16_t kind, version;
    uint32_t header_bytes;
    uint64_t bytes; /* that follow this header */
    uint32_t compressed_bytes, options_offset;
    uint16_t minor, major;
    uint32_t arch;
    uint32_t name_offset, name_bytes;
    uint64_t flags, reserved, uncompressed_bytes;
};

struct sim_entry *sim_image_add_entry(struct sim_image *image, const char *name, size_t length)
{
    size_t bytes = (image->n_entries + 1) * sizeof(*image->entries);
    struct sim_entry *grown = realloc(image->entries, bytes);
    char *copy = strndup(name, length);
    if (grown)
        image->entries = grown;
    if (!grown || !copy) {
        free(copy);
        return NULL;
    }
    struct sim_entry *e = &grown[image->n_entries++];
    *e = (struct sim_entry){.name = copy};
    return e;
}

struct sim_variable *sim_image_add_variable(struct sim_image *image, const char *name,
                                            size_t length, uint64_t bytes)
{
    size_t room = (image->n_variables + 1) * sizeof(*image->variables);
    struct sim_variable *grown = realloc(image->variables, room);
    char *copy = strndup(name, length);
    if (grown)
        image->variables = grown;
    if (!grown || !copy) {
        free(copy);
        return NULL;
    }
    struct sim_variable *v = &grown[image->n_variables++];
    *v = (struct sim_variable){.name = copy, .bytes = bytes};
    return v;
}

bool sim_entry_set_param(struct sim_entry *e, unsigned index, uint32_t offset, uint32_t size)
{
    if (index >= 4096)
        return false;
    if (index >= e->n_params) {
        struct sim_param *grown = realloc(e->params, (index + 1) * sizeof(*grown));
        if (!grown)
            return false;
        memset(grown + e->n_params, 0, (index + 1 - e->n_params) * sizeof(*grown));
        e->params = grown;
        e->n_params = index + 1;
    }
    e->params[index] = (struct sim_param){offset, size};
    return true;
}

const struct sim_entry *sim_image_entry(const struct sim_image *image, const char *name)
{
    for (unsigned i = 0; i < image->n_entries; i++)
        if (strcmp(image->entries[i].name, name) == 0)
            return &image->entries[i];
    return NULL;
}

void sim_image_release(struct sim_image *image)
{
    for (unsigned i = 0; i < image->n_entries; i++) {
        free(image->entries[i].name);
        free(image->entries[i].params);
    }
    for (unsigned i = 0; i < image->n_variables; i++)
        free(image->variables[i].name);
    free(image->entries);
    free(image->variables);
    *image = (struct sim_image){0};
}

/* A cubin is preferred to PTX: its parameter offsets are the ones the real driver uses. */
static enum sim_image_result read_fatbin(struct sim_image *image, const unsigned char *data)
{
    struct fatbin_header h;
    struct part_header part;
    memcpy(&h, data, sizeof(h));
    const unsigned char *at = data + h.header_bytes, *end = at + h.bytes, *ptx = NULL, *elf = NULL;
    bool compressed = false;
    for (; at + sizeof(part) <= end; at += part.header_bytes + part.bytes) {
        memcpy(&part, at, sizeof(part));
        if (part.flags & PART_COMPRESSED)
            compressed = true;
        else if (part.kind == PART_ELF && !elf)
            elf = at + part.header_bytes;
        else if (part.kind == PART_PTX && !ptx)
            ptx = at + part.header_bytes;
    }
    if (elf)
        return sim_cubin_read(image, elf);
    if (ptx)
        return sim_ptx_read(image, (const char *)ptx);
    return compressed ? SIM_IMAGE_COMPRESSED : SIM_IMAGE_OK; /* a program may have no kernels */
}

enum sim_image_result sim_image_read(struct sim_image *image, const void *data)
{
    struct wrapper w;
    uint32_t magic;
    *image = (struct sim_image){0};
    memcpy(&magic, data, sizeof(magic));
    if (magic == WRAPPER_MAGIC) {
        memcpy(&w, data, sizeof(w));
        data = w.data;
        memcpy(&magic, data, sizeof(magic));
    }
    enum sim_image_result result;
    if (magic == FATBIN_MAGIC)
        result = read_fatbin(image, data);
    else if (memcmp(data, "\177ELF", 4) == 0)
        result = sim_cubin_read(image, data);
    else
        result = sim_ptx_read(image, data);
    if (result != SIM_IMAGE_OK)
        sim_image_release(image);
    return result;
}
