/* The functions of a symbol table, sorted by address. */
#ifndef MT_ELFSYMS_H
#define MT_ELFSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Elf;
struct mt_elfsym;

struct mt_elfsyms {
    struct Elf *elf;
    struct mt_elfsym *symbol;
    size_t n, room;
};

/* Read .symtab, or .dynsym where there is none. False: it has neither, or memory is out. */
bool mt_elfsyms_load(struct mt_elfsyms *symbols, struct Elf *elf);
void mt_elfsyms_release(struct mt_elfsyms *symbols);

/* Mangled name of the function around an address, NULL if there is none. It lies in the file. */
const char *mt_elfsyms_at(const struct mt_elfsyms *symbols, uint64_t address);

#endif
