/* What a code object says in words: file, qualified name, lines. For first looks: everything is
 * probed before it is read, and looked at before it is believed. */
#ifndef MT_PYTEXT_H
#define MT_PYTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/python/pylayout.h"

#define MT_PYTEXT_MAX 2048 /* bytes of a text, its NUL included; what is longer is cut */

struct mt_pycode {
    char *file, *name; /* room for MT_PYTEXT_MAX bytes each */
    uint32_t first_line;
};

/* Whether a code object with its texts and its table of lines lies at `code`. */
bool mt_pytext_is_code(const struct mt_pylayout *layout, uintptr_t code);

/* Fill in *text, in UTF-8; the name is the qualified one from 3.11 on. False where there is no
 * code object. */
bool mt_pytext_code(const struct mt_pylayout *layout, uintptr_t code, struct mt_pycode *text);

/* The line of the instruction at byte `at`, 0: it has none. */
uint32_t mt_pytext_line(const struct mt_pylayout *layout, uintptr_t code, uint32_t at);

#endif
