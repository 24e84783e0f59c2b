#include "report/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool follows(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t mt_utf8_length(const char *text)
{
    const uint8_t *byte = (const uint8_t *)text;
    if (byte[0] < 0x80)
        return byte[0] != 0;
    size_t length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    uint32_t code = byte[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (!follows(byte[i]))
            return 0;
        code = code << 6 | (byte[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool lead = byte[0] >= 0xc2 && byte[0] <= 0xf4;
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return lead && code >= least[length] && code <= 0x10ffff && !surrogate ? length : 0;
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f;
}

size_t mt_utf8_clean(const char *text, const char *special)
{
    const char *end = text;
    for (;;) {
        size_t length = plain((unsigned char)*end)    ? !strchr(special, *end)
                        : (unsigned char)*end >= 0xc2 ? mt_utf8_length(end)
                                                      : 0;
        /* U+0080 to U+009F are control characters as well. */
        if (length == 0 || ((unsigned char)end[0] == 0xc2 && (unsigned char)end[1] < 0xa0))
            return (size_t)(end - text);
        end += length;
    }
}
