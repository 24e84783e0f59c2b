/* Kernels and variables of a PTX text. Directives are read at the outer level only; bodies are
 * skipped by counting braces. Parameters lie one after another, each at its own alignment. */
#include "sim_image.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct scanner {
    const char *at;
};

static void skip_space(struct scanner *s)
{
    for (;;) {
        while (isspace((unsigned char)*s->at))
            s->at++;
        if (s->at[0] == '/' && s->at[1] == '/')
            s->at += strcspn(s->at, "\n");
        else if (s->at[0] == '/' && s->at[1] == '*') {
            const char *end = strstr(s->at + 2, "*/");
            s->at = end ? end + 2 : s->at + strlen(s->at);
        } else
            return;
    }
}

/* A word (identifier, directive, number) or a single other character; length 0 at the end. */
static size_t token(struct scanner *s, const char **start)
{
    skip_space(s);
    *start = s->at;
    while (isalnum((unsigned char)*s->at) || (*s->at && strchr("_.$%", *s->at)))
        s->at++;
    if (s->at == *start && *s->at)
        s->at++;
    return (size_t)(s->at - *start);
}

static bool is(const char *start, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(start, word, length) == 0;
}

/* Bytes of ".u64", ".f16x2", ".b8" and so on; 0 if it is no type. */
static unsigned type_bytes(const char *start, size_t length)
{
    if (length < 3 || *start != '.' || !strchr("usbf", start[1]))
        return 0;
    const char *digits = start + 2;
    while (digits < start + length && !isdigit((unsigned char)*digits))
        digits++; /* .bf16 */
    unsigned long bits = strtoul(digits, NULL, 10);
    unsigned bytes = bits >= 8 && bits <= 128 ? (unsigned)(bits / 8) : 0;
    return start[length - 2] == 'x' ? bytes * 2 : bytes;
}

struct declaration {
    unsigned element, align;
    uint64_t count;
    const char *name;
    size_t name_length;
    char end; /* the character after it */
};

static uint64_t array_length(struct scanner *s)
{
    const char *start;
    token(s, &start);
    uint64_t n = strtoull(start, NULL, 0);
    if (*start != ']')
        while (token(s, &start) && *start != ']')
            ;
    return n;
}

/* ".align 8 .b8 name[64]" up to the , ) ; or = after it. An alignment behind .ptr is the pointee's.
 */
static bool declare(struct scanner *s, struct declaration *d)
{
    const char *start;
    size_t length;
    bool pointee = false;
    *d = (struct declaration){.count = 1};
    while ((length = token(s, &start)) > 0) {
        if (strchr(",);=", *start)) {
            d->end = *start;
            return d->name && d->element;
        }
        if (is(start, length, ".ptr"))
            pointee = true;
        else if (is(start, length, ".align")) {
            token(s, &start);
            if (!pointee)
                d->align = (unsigned)strtoul(start, NULL, 10);
        } else if (*start == '[')
            d->count *= array_length(s);
        else if (*start == '.') {
            if (type_bytes(start, length))
                d->element = type_bytes(start, length);
        } else if (*start != '(') {
            d->name = start;
            d->name_length = length;
        }
    }
    return false;
}

static enum sim_image_result read_params(struct scanner *s, struct sim_entry *entry)
{
    const char *start;
    struct declaration d;
    uint32_t offset = 0;
    struct scanner ahead = *s;
    if (token(&ahead, &start) && *start == ')') {
        *s = ahead;
        return SIM_IMAGE_OK;
    }
    do {
        if (!declare(s, &d) || strchr(";=", d.end))
            return SIM_IMAGE_INVALID;
        uint32_t align = d.align ? d.align : d.element;
        offset = (offset + align - 1) / align * align;
        if (!sim_entry_set_param(entry, entry->n_params, offset, (uint32_t)(d.element * d.count)))
            return SIM_IMAGE_NO_MEMORY;
        offset += (uint32_t)(d.element * d.count);
    } while (d.end == ',');
    return SIM_IMAGE_OK;
}

static enum sim_image_result read_entry(struct scanner *s, struct sim_image *image)
{
    const char *name, *start;
    size_t length = token(s, &name);
    struct sim_entry *entry = sim_image_add_entry(image, name, length);
    if (!entry)
        return SIM_IMAGE_NO_MEMORY;
    struct scanner ahead = *s;
    if (!token(&ahead, &start) || *start != '(')
        return SIM_IMAGE_OK; /* no parameter list at all */
    *s = ahead;
    return read_params(s, entry);
}

static enum sim_image_result read_variable(struct scanner *s, struct sim_image *image)
{
    struct declaration d;
    if (!declare(s, &d))
        return SIM_IMAGE_INVALID;
    uint64_t bytes = d.element * d.count;
    return !bytes || sim_image_add_variable(image, d.name, d.name_length, bytes)
               ? SIM_IMAGE_OK
               : SIM_IMAGE_NO_MEMORY;
}

enum sim_image_result sim_ptx_read(struct sim_image *image, const char *text)
{
    struct scanner s = {text};
    const char *start;
    size_t length;
    int depth = 0;
    bool versioned = false;
    enum sim_image_result result = SIM_IMAGE_OK;
    while (result == SIM_IMAGE_OK && (length = token(&s, &start)) > 0) {
        depth += (*start == '{') - (*start == '}');
        versioned |= is(start, length, ".version");
        if (depth > 0)
            continue;
        if (is(start, length, ".entry"))
            result = read_entry(&s, image);
        else if (is(start, length, ".global") || is(start, length, ".const"))
            result = read_variable(&s, image);
    }
    return result == SIM_IMAGE_OK && !versioned ? SIM_IMAGE_INVALID : result;
}
