/* The plain loop: the same events over and over, nothing between the iterations. */
#ifndef MT_PLAIN_H
#define MT_PLAIN_H

#include "rhythm/rhythm.h"
#include "rhythm/symbol.h"

struct mt_symbols {
    const struct mt_symbol *symbol;
    size_t symbols;
    uint64_t end_ns, events; /* of the trace */
};

/* Fills *rhythm, which is zero, or leaves it so. */
int mt_plain_find(const struct mt_symbols *symbols, struct mt_rhythm *rhythm);

#endif
