/* Symbols from text, for tests: a letter is a launch of a kernel, capitals on thread 1; a digit is
 * a block of so many KiB that is handed out. */
#ifndef LETTERS_H
#define LETTERS_H

#include <ctype.h>

#include "rhythm/symbols/symbol.h"

static inline struct mt_symbol symbol_of(char letter, uint64_t number)
{
    struct mt_symbol symbol = {.event = number, .time_ns = 1000 * number, .kind = MT_launch};
    symbol.thread = isupper((unsigned char)letter) != 0;
    symbol.what = (uint32_t)tolower((unsigned char)letter);
    if (isdigit((unsigned char)letter)) {
        symbol.kind = MT_block_alloc;
        symbol.what = 0;
        symbol.size = 1024u * (unsigned)(letter - '0');
    }
    return symbol;
}

#endif
