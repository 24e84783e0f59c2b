/* Source lines and inlined functions of one file, from its DWARF. */
#ifndef MT_DWARFLINES_H
#define MT_DWARFLINES_H

#include <stdbool.h>
#include <stdint.h>

#include "symbols/object.h"

struct Elf;
struct mt_dwarflines;

/* NULL if the file has no usable DWARF, or memory is out. `elf` must outlive it. */
struct mt_dwarflines *mt_dwarflines_new(struct Elf *elf);
void mt_dwarflines_free(struct mt_dwarflines *lines); /* NULL is allowed */

/* Fill *found, which is empty, with what is known of an address. Names are as the compiler wrote
 * them: mangled as a rule. `*plain` is set if the last one's is not: a symbol may know more. */
void mt_dwarflines_at(struct mt_dwarflines *lines, uint64_t address, struct mt_found *found,
                      bool *plain);

#endif
