/* Values of settings as words: read alike by the launcher, which refuses them, and by the recorder.
 * No allocation, no locale. */
#ifndef MT_PARSE_H
#define MT_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only, as many as 64 bits hold. */
bool mt_parse_whole(const char *text, uint64_t *whole);

/* Decimal digits only, from `least` to `most`: strtol's blanks and signs would hide typing errors.
 * `most` is below 2^31. */
bool mt_parse_number(const char *text, long least, long most, long *number);

/* 0, off, no, false; 1, on, yes, true. */
bool mt_parse_switch(const char *text, bool *on);

/* Whether `words`, which bars part, has the word. */
bool mt_parse_choice(const char *text, const char *words);

#endif
