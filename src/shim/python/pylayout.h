/* Where CPython keeps what a stack is made of. Offsets in bytes, of the ordinary 64-bit builds;
 * what is used is checked (python.c) before it is trusted. */
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

/* X(minor, fields...), read out of the headers of each version by offsetof. */
#define MT_PY_OLD_CODE .code_file = 104, .code_name = 112, .code_line = 40, .code_lines = 120
#define MT_PY_NEW_CODE .code_file = 112, .code_name = 120, .code_qualname = 128, .code_lines = 136
#define MT_PY_OLD_TEXT .text_ascii = 48, .text_other = 72
#define MT_PY_NEW_TEXT .text_ascii = 40, .text_other = 56
#define MT_PY_OLD(at, unit)                                                                        \
    .state_frame = 24, .frame_of = -1, .frame_code = 32, .frame_caller = 24, .frame_at = at,       \
    .at_unit = unit, MT_PY_OLD_CODE, MT_PY_OLD_TEXT
#define MT_PY_NEW(state, of, owner, start)                                                         \
    .state_frame = state, .frame_of = of, .frame_code = 0, .frame_caller = 8, .frame_at = 56,      \
    .frame_owner = owner, .owner_skip = 3, .code_start = start, .code_line = 68,                   \
    .code_version = 92, MT_PY_NEW_CODE, MT_PY_NEW_TEXT
#define MT_PYLAYOUTS(X)                                                                            \
    X(8, MT_PY_OLD(104, 1))                                                                        \
    X(9, MT_PY_OLD(104, 1))                                                                        \
    X(10, MT_PY_OLD(96, 2))                                                                        \
    X(11, .state_frame = 56, .frame_of = 8, .frame_code = 32, .frame_caller = 48, .frame_at = 56,  \
      .frame_owner = 69, .owner_skip = 3, .code_start = 184, .code_line = 72, MT_PY_NEW_CODE,      \
      MT_PY_OLD_TEXT)                                                                              \
    X(12, MT_PY_NEW(56, 0, 70, 192))                                                               \
    X(13, MT_PY_NEW(72, -1, 70, 200))                                                              \
    X(14, MT_PY_NEW(72, -1, 74, 208))                                                              \
    X(15, MT_PY_NEW(72, -1, 74, 208))

/* The layout of 3.`minor`; `runtime` is _PyRuntime, which describes itself from 3.13 on (may be
 * NULL); *standard tells whether it is the one above. False where it is not known. */
bool mt_pylayout_find(struct mt_pylayout *layout, unsigned minor, const void *runtime,
                      bool *standard);

#endif
