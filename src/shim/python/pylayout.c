#include "shim/python/pylayout.h"

#include <stddef.h>
#include <string.h>

#include "shim/probe/probe.h"

static const struct mt_pylayout layouts[] = {
#define LAYOUT(number, ...) {.minor = number, __VA_ARGS__},
    MT_PYLAYOUTS(LAYOUT)
#undef LAYOUT
};

/* _Py_DebugOffsets: a cookie, a version, then words in groups. The groups of frames and code begin
 * with a size; how many words stand before them differs between the versions. */
#define COOKIE "xdebugpy"
#define WORDS 64

struct described {
    uint16_t minor;
    uint8_t state_frame, caller, executable, at, owner; /* word numbers */
    uint8_t file, name, qualname, lines, line, start;
};

static const struct described described[] = {
    {13, 23, 29, 30, 31, 33, 35, 36, 37, 38, 39, 43},
    {14, 26, 32, 33, 34, 36, 40, 41, 42, 43, 44, 48},
    {15, 26, 40, 41, 42, 44, 48, 49, 50, 51, 52, 56},
};

static bool take(uint16_t *to, const uint64_t *word, unsigned i)
{
    *to = (uint16_t)word[i];
    return word[i] < 4096;
}

/* What the interpreter says of itself, where it makes sense. */
static void correct(struct mt_pylayout *layout, const uint64_t *word, const struct described *d)
{
    struct mt_pylayout said = *layout;
    if (take(&said.state_frame, word, d->state_frame) &&
        take(&said.frame_caller, word, d->caller) && take(&said.frame_code, word, d->executable) &&
        take(&said.frame_at, word, d->at) && take(&said.frame_owner, word, d->owner) &&
        take(&said.code_file, word, d->file) && take(&said.code_name, word, d->name) &&
        take(&said.code_qualname, word, d->qualname) && take(&said.code_lines, word, d->lines) &&
        take(&said.code_line, word, d->line) && take(&said.code_start, word, d->start) &&
        said.code_start > said.code_lines)
        *layout = said;
}

bool mt_pylayout_find(struct mt_pylayout *layout, unsigned minor, const void *runtime,
                      bool *standard)
{
    struct mt_pylayout told;
    uint64_t word[WORDS];
    bool found = false;
    *standard = true;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].minor == minor) {
            *layout = layouts[i];
            found = true;
        }
    if (!found || !runtime || !mt_probe((uintptr_t)runtime, sizeof word))
        return found;
    memcpy(word, runtime, sizeof word);
    told = *layout;
    for (size_t i = 0; i < sizeof described / sizeof *described; i++)
        if (described[i].minor == minor && memcmp(word, COOKIE, sizeof COOKIE - 1) == 0)
            correct(layout, word, &described[i]);
    *standard = memcmp(&told, layout, sizeof told) == 0;
    return true;
}
