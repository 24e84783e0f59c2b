/* Text of unknown making (kernel names, command lines) on its way into a file or onto a screen. */
#ifndef MT_UTF8_H
#define MT_UTF8_H

#include <stddef.h>

/* Bytes of the valid UTF-8 character at `text` (not its end), 0 where there is none: overlong
 * forms, surrogates and values beyond U+10FFFF are none. */
size_t mt_utf8_length(const char *text);

/* Bytes at `text` up to the first that cannot stand as it is: a control character, a byte that is
 * not UTF-8, or a character of `special`; 0 at the end of the text. */
size_t mt_utf8_clean(const char *text, const char *special);

#endif
