/* Kernels and variables of a cubin, which is an ELF file. A kernel `k` has a section .nv.info.k of
 * attributes; those that describe parameters hold ordinal, offset and size. Variables are the
 * objects of the symbol table. A cubin is trusted: it comes from the program itself. */
#include "sim_image.h"

#include <elf.h>
#include <string.h>

enum {
    FORMAT_SIZED = 4,  /* attribute with a 16-bit size and that many bytes; else 16 bits of value */
    PARAM_INFO = 0x17, /* size in bits 18-31 of the last word */
    PARAM_INFO_LONG = 0x45, /* size is the last word; for parameters of more than 4 KiB in all */
    PARAM_INFO_BYTES = 12
};

static bool read_params(struct sim_entry *entry, const unsigned char *at, uint64_t bytes)
{
    const unsigned char *end = at + bytes;
    while (at + 4 <= end) {
        uint16_t size, ordinal, offset;
        uint32_t word;
        const unsigned char *payload = at + 4;
        memcpy(&size, at + 2, 2);
        unsigned attribute = at[1];
        at += 4 + (at[0] == FORMAT_SIZED ? size : 0);
        if ((attribute != PARAM_INFO && attribute != PARAM_INFO_LONG) || size < PARAM_INFO_BYTES)
            continue;
        memcpy(&ordinal, payload + 4, 2);
        memcpy(&offset, payload + 6, 2);
        memcpy(&word, payload + 8, 4);
        if (!sim_entry_set_param(entry, ordinal, offset,
                                 attribute == PARAM_INFO ? word >> 18 : word))
            return false;
    }
    return true;
}

static bool read_kernel(struct sim_image *image, const char *name, const unsigned char *data,
                        uint64_t bytes)
{
    struct sim_entry *entry = sim_image_add_entry(image, name, strlen(name));
    return entry && read_params(entry, data, bytes);
}

static bool read_variables(struct sim_image *image, const unsigned char *elf,
                           const Elf64_Shdr *table, const char *strings)
{
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table->sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, elf + table->sh_offset + at, sizeof(symbol));
        const char *name = strings + symbol.st_name;
        if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_shndx == SHN_UNDEF ||
            symbol.st_size == 0)
            continue;
        if (!sim_image_add_variable(image, name, strlen(name), symbol.st_size))
            return false;
    }
    return true;
}

enum sim_image_result sim_cubin_read(struct sim_image *image, const unsigned char *elf)
{
    static const char prefix[] = ".nv.info.";
    Elf64_Ehdr h;
    memcpy(&h, elf, sizeof(h));
    if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shstrndx >= h.e_shnum)
        return SIM_IMAGE_INVALID;
    Elf64_Shdr names, s, strings;
    memcpy(&names, elf + h.e_shoff + h.e_shstrndx * sizeof(s), sizeof(s));
    for (unsigned i = 0; i < h.e_shnum; i++) {
        memcpy(&s, elf + h.e_shoff + i * sizeof(s), sizeof(s));
        const char *name = (const char *)elf + names.sh_offset + s.sh_name;
        bool good = true;
        if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
            good = read_kernel(image, name + sizeof(prefix) - 1, elf + s.sh_offset, s.sh_size);
        else if (s.sh_type == SHT_SYMTAB) {
            memcpy(&strings, elf + h.e_shoff + s.sh_link * sizeof(s), sizeof(s));
            good = read_variables(image, elf, &s, (const char *)elf + strings.sh_offset);
        }
        if (!good)
            return SIM_IMAGE_NO_MEMORY;
    }
    return SIM_IMAGE_OK;
}
