/* What src/symbols says of addresses, for names.py.
 * usage: symbol-names SYSROOT DEBUG-PATH PATH BUILD-ID <ADDRESSES   ("" stands for none)
 * Prints, for each address in hex, a line FUNCTION TAB FILE:LINE for each place, and a dot. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "symbols/symbols.h"

static const char *text(const char *string)
{
    return string ? string : "?";
}

static void put(const struct mt_places *places)
{
    if (places->signal_return)
        puts("signal");
    for (uint32_t i = 0; i < places->n; i++)
        printf("%s\t%s:%" PRIu32 "\n", text(places->place[i].function),
               text(places->place[i].file), places->place[i].line);
    puts(".");
}

int main(int argc, char **argv)
{
    uint64_t address;
    if (argc != 5)
        return 2;
    struct mt_symbols_options options = {*argv[1] ? argv[1] : NULL, *argv[2] ? argv[2] : NULL};
    struct mt_symbols *symbols = mt_symbols_new(&options);
    uint32_t module = symbols ? mt_symbols_module(symbols, argv[3], argv[4]) : MT_NO_MODULE;
    while (module != MT_NO_MODULE && scanf("%" SCNx64, &address) == 1) {
        const struct mt_places *places = mt_symbols_at(symbols, module, address);
        if (!places || places != mt_symbols_at(symbols, module, address))
            return 1; /* an answer is kept */
        put(places);
    }
    mt_symbols_free(symbols);
    return module == MT_NO_MODULE;
}
