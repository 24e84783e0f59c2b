/* Texts of a trace, each told once by a `string` event and named by its number from then on. */
#ifndef MT_TEXTS_H
#define MT_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#define MT_TEXT_MAX 1000 /* bytes that are kept of one */

struct mt_text_id {
    uint64_t id;   /* 0: could not be told; that was counted */
    uint64_t told; /* ticks of its event: what names it must not seem earlier */
};

/* The number of a text of `size` bytes, told now if it is new. For a thread that records and holds
 * no ring record open. Takes a lock only for a new text. Keeps errno. */
struct mt_text_id mt_text_id(const char *text, size_t size);

#endif
