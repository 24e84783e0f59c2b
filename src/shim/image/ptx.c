/* A kernel is ".entry NAME ( .param [.align N] .TYPE [.ptr ...] NAME[COUNT], ... )". Parameters
 * lie one behind the other, each at its own alignment: that of its type, or the one that is given
 * before it; what is said behind .ptr is of the memory that it points to. Bodies are read over by
 * words, so that nothing in comments and strings is taken for a directive. */
#include "shim/image/ptx.h"

#include <string.h>

#define PARAM_BYTES_MAX 32764u /* of all parameters; 4096 before CUDA 12.1 */

struct word {
    const char *at;
    size_t bytes;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '%';
}

static const char *behind(const struct mt_ptx *ptx, const char *from, char c)
{
    const char *found = from < ptx->end ? memchr(from, c, (size_t)(ptx->end - from)) : NULL;
    return found ? found + 1 : ptx->end;
}

/* Behind a comment that begins here, or NULL where none does. */
static const char *behind_comment(const struct mt_ptx *ptx)
{
    const char *at = ptx->at;
    if (ptx->end - at < 2 || *at != '/')
        return NULL;
    if (at[1] == '/')
        return behind(ptx, at, '\n');
    if (at[1] != '*')
        return NULL;
    for (at = behind(ptx, at + 2, '*'); at < ptx->end && *at != '/';)
        at = behind(ptx, at, '*');
    return at < ptx->end ? at + 1 : at;
}

static void skip_blank(struct mt_ptx *ptx)
{
    while (ptx->at < ptx->end) {
        const char *comment = behind_comment(ptx);
        if (comment)
            ptx->at = comment;
        else if (*ptx->at == ' ' || (*ptx->at >= '\t' && *ptx->at <= '\r'))
            ptx->at++;
        else
            return;
    }
}

/* A name, directive or number; a string; or one other character. Without bytes at the end. */
static struct word next_word(struct mt_ptx *ptx)
{
    skip_blank(ptx);
    const char *begin = ptx->at;
    if (ptx->at < ptx->end && *ptx->at == '.') /* .param.u64 is two words */
        ptx->at++;
    while (ptx->at < ptx->end && is_letter(*ptx->at))
        ptx->at++;
    if (ptx->at == begin && ptx->at < ptx->end)
        ptx->at = *begin == '"' ? behind(ptx, begin + 1, '"') : begin + 1;
    return (struct word){begin, (size_t)(ptx->at - begin)};
}

static bool is(struct word word, const char *text)
{
    return word.bytes == strlen(text) && memcmp(word.at, text, word.bytes) == 0;
}

static bool is_char(struct word word, char c)
{
    return word.bytes == 1 && *word.at == c;
}

/* 0 for what is no number, or too large for anything here. */
static uint32_t number(struct word word)
{
    uint32_t value = 0;
    for (size_t i = 0; i < word.bytes; i++) {
        if (word.at[i] < '0' || word.at[i] > '9' || value > PARAM_BYTES_MAX)
            return 0;
        value = 10 * value + (uint32_t)(word.at[i] - '0');
    }
    return value;
}

/* Bytes of .u64, .b8, .f16x2, .bf16 and so on; 0 for other directives. */
static uint32_t type_bytes(struct word word)
{
    static const char *const opaque[] = {".texref", ".samplerref", ".surfref"};
    for (unsigned i = 0; i < sizeof opaque / sizeof *opaque; i++)
        if (is(word, opaque[i]))
            return 8;
    size_t letters = word.bytes > 3 && memcmp(word.at, ".bf", 3) == 0 ? 3 : 2;
    if (word.bytes <= letters || word.at[0] != '.' || !strchr("usbf", word.at[1]))
        return 0;
    size_t pair = word.bytes > letters + 2 && memcmp(word.at + word.bytes - 2, "x2", 2) == 0;
    uint32_t bits = number((struct word){word.at + letters, word.bytes - letters - 2 * pair});
    bits <<= pair;
    return bits >= 8 && bits <= 128 && (bits & (bits - 1)) == 0 ? bits / 8 : 0;
}

struct param {
    uint32_t element, align, count;
    bool pointed; /* .ptr was read: what follows is of the memory behind it */
};

/* From behind ".param" to the comma or bracket that ends it, which is returned. */
static struct word read_param(struct mt_ptx *ptx, struct param *param)
{
    struct word word = next_word(ptx);
    *param = (struct param){0, 0, 1, false};
    for (; word.bytes && !is_char(word, ',') && !is_char(word, ')'); word = next_word(ptx)) {
        if (is(word, ".align")) {
            uint32_t align = number(next_word(ptx));
            param->align = param->pointed ? param->align : align;
        } else if (is(word, ".ptr")) {
            param->pointed = true;
        } else if (is_char(word, '[')) {
            uint32_t count = number(next_word(ptx));
            param->count = count > PARAM_BYTES_MAX ? 0 : param->count * count;
        } else if (!param->element) {
            param->element = type_bytes(word);
        }
        if (param->count > PARAM_BYTES_MAX)
            param->count = 0;
    }
    return word;
}

/* Put the parameter behind what was there: *end grows. False where it makes no sense. */
static bool place(const struct param *param, uint32_t *end, uint16_t *layout)
{
    uint32_t align = param->align ? param->align : param->element;
    uint64_t bytes = (uint64_t)param->element * param->count;
    if (!bytes || (align & (align - 1)) || align > PARAM_BYTES_MAX)
        return false;
    uint64_t offset = (*end + align - 1) & ~(align - 1);
    if (offset + bytes > PARAM_BYTES_MAX)
        return false;
    layout[0] = (uint16_t)offset;
    layout[1] = (uint16_t)bytes;
    *end = (uint32_t)(offset + bytes);
    return true;
}

static uint32_t read_params(struct mt_ptx *ptx, uint16_t *layout, uint32_t most)
{
    uint32_t n = 0, end = 0;
    struct word word = next_word(ptx);
    while (is(word, ".param")) {
        struct param param;
        word = read_param(ptx, &param);
        if (n == most || !place(&param, &end, &layout[2 * n]))
            return MT_PTX_ODD;
        n++;
        if (is_char(word, ','))
            word = next_word(ptx);
    }
    return is_char(word, ')') ? n : MT_PTX_ODD;
}

bool mt_ptx_next(struct mt_ptx *ptx, struct mt_ptx_kernel *kernel, uint16_t *layout, uint32_t most)
{
    struct word word = next_word(ptx);
    while (word.bytes && !is(word, ".entry"))
        word = next_word(ptx);
    if (!word.bytes)
        return false;
    word = next_word(ptx);
    *kernel = (struct mt_ptx_kernel){word.at, word.bytes, 0};
    skip_blank(ptx);
    if (ptx->at < ptx->end && *ptx->at == '(') {
        ptx->at++;
        kernel->params = read_params(ptx, layout, most);
    }
    return word.bytes > 0;
}
