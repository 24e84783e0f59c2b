#include "shim/python/pytext.h"

#include <string.h>

#include "shim/probe/probe.h"

#define TYPE 8       /* of any object */
#define TYPE_NAME 24 /* of a type */
#define SIZE 16      /* of str and bytes */
#define BYTES 32     /* where those of a bytes object begin */
#define TEXT_STATE 32
#define LINES_MAX (1u << 20)

static bool has_type(uintptr_t object, const char *name)
{
    uintptr_t type, text;
    return MT_PROBE_READ(&type, object + TYPE) && MT_PROBE_READ(&text, type + TYPE_NAME) &&
           mt_probe(text, strlen(name) + 1) && strcmp((const char *)text, name) == 0;
}

/* ---- str ---- */

struct text {
    uintptr_t at;
    size_t length;
    unsigned kind; /* bytes of a character */
};

/* Two bits, or a whole half word, tell of interning; then come kind, compact, ascii. */
static bool read_state(uint32_t state, unsigned *kind, bool *ascii)
{
    for (unsigned shift = 2; shift <= 16; shift += 14) {
        uint32_t bits = state >> shift;
        *kind = bits & 7;
        *ascii = bits >> 4 & 1;
        if ((bits >> 3 & 1) && (*kind == 1 || *kind == 2 || *kind == 4))
            return true;
    }
    return false;
}

static bool find_text(const struct mt_pylayout *layout, uintptr_t object, struct text *text)
{
    uint32_t state;
    bool ascii;
    if (!has_type(object, "str") || !MT_PROBE_READ(&text->length, object + SIZE) ||
        !MT_PROBE_READ(&state, object + TEXT_STATE) || !read_state(state, &text->kind, &ascii))
        return false;
    text->at = object + (ascii ? layout->text_ascii : layout->text_other);
    return text->length < LINES_MAX &&
           (text->length == 0 || mt_probe(text->at, text->length * text->kind));
}

static uint32_t character(const struct text *text, size_t i)
{
    const uint8_t *at = (const uint8_t *)text->at + i * text->kind;
    uint32_t c = 0;
    memcpy(&c, at, text->kind);
    return c;
}

/* A lone surrogate stands for a byte that was no UTF-8 in a file name. */
static char *put_utf8(char *to, uint32_t c)
{
    if (c >= 0xdc80 && c <= 0xdcff) {
        *to++ = (char)(c & 0xff);
    } else if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | (c >> 18 & 7));
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

static bool copy_text(const struct mt_pylayout *layout, uintptr_t object, char *to)
{
    struct text text;
    const char *end = to + MT_PYTEXT_MAX - 5;
    bool is_text = find_text(layout, object, &text);
    for (size_t i = 0; is_text && i < text.length && to < end; i++) {
        uint32_t c = character(&text, i);
        to = put_utf8(to, c ? c : '?');
    }
    *to = 0;
    return is_text;
}

/* ---- code ---- */

bool mt_pytext_is_code(const struct mt_pylayout *layout, uintptr_t code)
{
    struct text text;
    return mt_probe(code, 208) && has_type(code, "code") &&
           find_text(layout, *(const uintptr_t *)(code + layout->code_file), &text) &&
           find_text(layout, *(const uintptr_t *)(code + layout->code_name), &text) &&
           has_type(*(const uintptr_t *)(code + layout->code_lines), "bytes");
}

bool mt_pytext_code(const struct mt_pylayout *layout, uintptr_t code, struct mt_pycode *text)
{
    uint16_t name = layout->code_qualname ? layout->code_qualname : layout->code_name;
    if (!mt_pytext_is_code(layout, code))
        return false;
    text->first_line = *(const uint32_t *)(code + layout->code_line);
    return copy_text(layout, *(const uintptr_t *)(code + layout->code_file), text->file) &&
           copy_text(layout, *(const uintptr_t *)(code + name), text->name);
}

/* ---- lines ---- */

struct lines {
    const uint8_t *at, *end;
    uint32_t line;
};

/* Up to 3.9: how many bytes and lines to go on, pair by pair. */
static uint32_t line_in_pairs(struct lines lines, uint32_t at)
{
    uint32_t byte = 0;
    for (; lines.end - lines.at >= 2; lines.at += 2) {
        byte += lines.at[0];
        if (byte > at)
            break;
        lines.line += (uint32_t)(int8_t)lines.at[1];
    }
    return lines.line;
}

/* 3.10: the length of a range and how many lines it lies behind the one before; -128: in none. */
static uint32_t line_in_ranges(struct lines lines, uint32_t at)
{
    uint32_t byte = 0;
    for (; lines.end - lines.at >= 2; lines.at += 2) {
        int8_t step = (int8_t)lines.at[1];
        byte += lines.at[0];
        lines.line += step == -128 ? 0 : (uint32_t)step;
        if (byte > at)
            return step == -128 ? 0 : lines.line;
    }
    return lines.line;
}

/* Six bits a byte, low ones first, bit 6: there are more; the lowest bit of all is the sign. */
static uint32_t signed_number(const uint8_t *at, const uint8_t *end)
{
    uint32_t value = 0;
    for (unsigned shift = 0; at < end && shift < 32; shift += 6) {
        value |= (uint32_t)(*at & 63) << shift;
        if (!(*at++ & 64))
            break;
    }
    return value & 1 ? -(value >> 1) : value >> 1;
}

/* From 3.11 on: entries that begin with a byte above 127, in it a form and the length in units of
 * two bytes; only forms 10 to 14 change the line, and 15 has none. */
static uint32_t line_in_entries(struct lines lines, uint32_t at)
{
    uint32_t byte = 0;
    while (lines.at < lines.end) {
        unsigned form = *lines.at >> 3 & 15;
        byte += 2 * ((*lines.at & 7u) + 1);
        lines.at++;
        if (form == 13 || form == 14)
            lines.line += signed_number(lines.at, lines.end);
        else if (form >= 10 && form <= 12)
            lines.line += form - 10;
        if (byte > at)
            return form == 15 ? 0 : lines.line;
        while (lines.at < lines.end && *lines.at < 128)
            lines.at++;
    }
    return lines.line;
}

uint32_t mt_pytext_line(const struct mt_pylayout *layout, uintptr_t code, uint32_t at)
{
    uintptr_t table = *(const uintptr_t *)(code + layout->code_lines);
    uint32_t first = *(const uint32_t *)(code + layout->code_line);
    size_t size;
    if (at >= 1u << 24) /* not begun */
        return first;
    if (!MT_PROBE_READ(&size, table + SIZE) || size > LINES_MAX ||
        (size && !mt_probe(table + BYTES, size)))
        return 0;
    struct lines lines = {(const uint8_t *)table + BYTES, (const uint8_t *)table + BYTES + size,
                          first};
    return layout->minor >= 11   ? line_in_entries(lines, at)
           : layout->minor == 10 ? line_in_ranges(lines, at)
                                 : line_in_pairs(lines, at);
}
