/* Sequences: a byte whose halves are the number of literals and the length of the match less 4 (15:
 * more bytes follow, to the first below 255), the literals, and the match's distance. The last
 * sequence has literals only. */
#include "shim/image/lz4.h"

#include <string.h>

struct input {
    const uint8_t *at, *end;
};

/* The rest of a length of which the half byte says 15. */
static size_t more(struct input *in, size_t length)
{
    uint8_t byte = 255;
    while (length >= 15 && byte == 255 && in->at < in->end) {
        byte = *in->at++;
        length += byte;
    }
    return length;
}

static size_t length_of(struct input *in, unsigned half)
{
    return half == 15 ? more(in, half) : half;
}

size_t mt_lz4_unpack(const uint8_t *from, size_t size, uint8_t *to, size_t room)
{
    struct input in = {from, from + size};
    uint8_t *out = to, *end = to + room;
    while (in.at < in.end) {
        unsigned token = *in.at++;
        size_t literals = length_of(&in, token >> 4);
        if (literals > (size_t)(in.end - in.at) || literals > (size_t)(end - out))
            return 0;
        memcpy(out, in.at, literals);
        in.at += literals;
        out += literals;
        if (in.at == in.end)
            break;
        if (in.end - in.at < 2)
            return 0;
        size_t distance = in.at[0] | (size_t)in.at[1] << 8;
        in.at += 2;
        size_t length = length_of(&in, token & 15) + 4;
        if (distance == 0 || distance > (size_t)(out - to) || length > (size_t)(end - out))
            return 0;
        for (size_t i = 0; i < length; i++, out++) /* may overlap: it repeats then */
            *out = out[-(ptrdiff_t)distance];
    }
    return (size_t)(out - to);
}
