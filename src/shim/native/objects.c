#include "shim/native/objects.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shim/guest/glibc.h"
#include "shim/probe/probe.h"

#if __GLIBC_PREREQ(2, 35)
typedef int find_fn(void *address, struct dl_find_object *found);
static find_fn *find_object;

void mt_objects_init(void)
{
    /* By its version: an older library of the job's machine may not have it. */
    find_object = (find_fn *)dlvsym(RTLD_DEFAULT, "_dl_find_object", "GLIBC_2.35");
}
#else
void mt_objects_init(void)
{
}
#endif

static void take_part(struct mt_object *object, const ElfW(Phdr) * part)
{
    uintptr_t begin = object->base + part->p_vaddr, end = begin + part->p_memsz;
    if (part->p_type == PT_GNU_EH_FRAME)
        object->unwind = begin;
    if (part->p_type != PT_LOAD)
        return;
    object->begin = begin < object->begin ? begin : object->begin;
    object->end = end > object->end ? end : object->end;
}

static void take_parts(struct mt_object *object)
{
    object->begin = UINTPTR_MAX;
    object->end = 0;
    object->unwind = 0;
    for (unsigned i = 0; i < object->parts; i++)
        take_part(object, &object->part[i]);
}

static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    struct {
        uintptr_t address;
        struct mt_object *object;
    } *search = data;
    struct mt_object found = {.base = info->dlpi_addr,
                              .name = info->dlpi_name,
                              .part = info->dlpi_phdr,
                              .parts = info->dlpi_phnum};
    (void)size;
    take_parts(&found);
    if (search->address - found.begin >= found.end - found.begin)
        return 0;
    *search->object = found;
    return 1;
}

static bool walk_list(uintptr_t address, struct mt_object *object)
{
    struct {
        uintptr_t address;
        struct mt_object *object;
    } search = {address, object};
    return dl_iterate_phdr(look_into, &search) == 1;
}

#if __GLIBC_PREREQ(2, 35)
/* The program headers, through the file's header where its first part is mapped. */
static bool has_headers(struct mt_object *object, uintptr_t start)
{
    ElfW(Ehdr) header;
    if (!MT_PROBE_READ(&header, start) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof(ElfW(Phdr)))
        return false;
    object->part = (const void *)(start + header.e_phoff);
    object->parts = header.e_phnum;
    return mt_probe((uintptr_t)object->part, header.e_phnum * sizeof(ElfW(Phdr)));
}

bool mt_object_find(uintptr_t address, struct mt_object *object)
{
    struct dl_find_object found;
    if (!find_object)
        return walk_list(address, object);
    if (find_object((void *)address, &found) != 0)
        return false;
    *object = (struct mt_object){.base = found.dlfo_link_map->l_addr,
                                 .name = found.dlfo_link_map->l_name};
    if (!has_headers(object, (uintptr_t)found.dlfo_map_start))
        return walk_list(address, object);
    take_parts(object);
    return true;
}
#else
bool mt_object_find(uintptr_t address, struct mt_object *object)
{
    return walk_list(address, object);
}
#endif

static const uint8_t *find_note(const uint8_t *at, const uint8_t *end, uint32_t *size)
{
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t name = (note.n_namesz + 3) & ~(size_t)3, body = (note.n_descsz + 3) & ~(size_t)3;
        at += sizeof note;
        if (name > (size_t)(end - at) || body > (size_t)(end - at) - name)
            return NULL;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at, "GNU", 4) == 0) {
            *size = note.n_descsz;
            return at + name;
        }
        at += name + body;
    }
    return NULL;
}

void mt_object_build_id(const struct mt_object *object, char text[MT_BUILD_ID_TEXT])
{
    *text = 0;
    for (unsigned i = 0; i < object->parts; i++) {
        const ElfW(Phdr) *part = &object->part[i];
        uintptr_t at = object->base + part->p_vaddr;
        uint32_t size = 0;
        /* Notes of a stripped or packed file may not be in memory. */
        if (part->p_type != PT_NOTE || part->p_memsz == 0 || !mt_probe(at, part->p_memsz))
            continue;
        const uint8_t *id =
            find_note((const uint8_t *)at, (const uint8_t *)at + part->p_memsz, &size);
        for (uint32_t b = 0; id && b < size && b < MT_BUILD_ID_TEXT / 2; b++)
            snprintf(text + 2 * b, 3, "%02x", id[b]);
        if (id)
            return;
    }
}

static int count(struct dl_phdr_info *info, size_t size, void *data)
{
    unsigned long long *unloads = data;
    *unloads = size > offsetof(struct dl_phdr_info, dlpi_subs) ? info->dlpi_subs : 0;
    return 1;
}

unsigned long long mt_objects_unloads(void)
{
    unsigned long long unloads = 0;
    dl_iterate_phdr(count, &unloads);
    return unloads;
}
