/* Where CPython keeps what a stack is made of. Offsets in bytes, of the ordinary 64-bit builds;
 * what is used is checked (pyframes.h) before it is trusted. */
#ifndef MT_PYLAYOUT_H
#define MT_PYLAYOUT_H

#include <stdbool.h>
#include <stdint.h>

struct mt_pylayout {
    uint16_t minor;        /* of version 3.minor */
    uint16_t state_frame;  /* thread state -> innermost frame, or what `frame_of` is applied to */
    int16_t frame_of;      /* a second step, -1: none */
    uint16_t frame_code;   /* frame -> code object */
    uint16_t frame_caller; /* frame -> the one that called it */
    uint16_t frame_at;     /* frame -> where it is: see code_start */
    uint16_t frame_owner;  /* frame -> byte that tells whose it is, 0: there is none */
    uint16_t owner_skip;   /* owners from here on are entries of C, no functions */
    uint16_t code_start;   /* frame_at points to an instruction, these lie here in the code object;
                              0: it is an int, the number of the instruction */
    uint16_t at_unit;      /* what that number is to be multiplied with */
    uint16_t code_file, code_name, code_qualname, code_line, code_lines;
    uint16_t code_version;           /* a number that no two code objects share, 0: there is none */
    uint16_t text_ascii, text_other; /* str -> its characters */
};

/* The layout of 3.`minor`; `runtime` is _PyRuntime, which describes itself from 3.13 on (may be
 * NULL). False where it is not known. */
bool mt_pylayout_find(struct mt_pylayout *layout, unsigned minor, const void *runtime);

#endif
