/* The Python frames of the calling thread, read as they lie in memory.
 *
 * No lock of the interpreter is taken and none is needed: the frames belong to the thread that
 * reads them, which stands still in the meantime. */
#ifndef MT_PYTHON_H
#define MT_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/python/pylayout.h"

#define MT_STACK_DEPTH_MAX 128

struct mt_pyframe {
    uintptr_t code;
    uint32_t at;       /* byte of its instructions */
    uint64_t identity; /* another one where another code object came to lie there */
};

/* Look for an interpreter among the loaded files, unless one is found already. Takes a lock of the
 * dynamic linker. Cheap where nothing was loaded since. */
void mt_python_find(void);

/* Whether the interpreter's frames can be read. */
bool mt_python_is_there(void);

/* The frames of this thread, innermost first, at most `most`; 0: there are none. */
uint32_t mt_python_frames(struct mt_pyframe *frame, uint32_t most);

/* Add the frames of this thread to a hash (stackhash.h), at most `most`; how many there are. */
uint32_t mt_python_hash(uint64_t *hash, uint32_t most);

const struct mt_pylayout *mt_python_layout(void);

/* Whether `address` lies in the file that holds the interpreter. */
bool mt_python_holds(uintptr_t address);

/* Compare with what the interpreter says itself, when it comes to it: once, for a while after the
 * first frames were read. Not from a hook. */
void mt_python_check(void);

/* The version that was found, "" if none; and why its frames are not read, NULL if they are. */
const char *mt_python_version(void);
const char *mt_python_trouble(void);

/* Whether the interpreter told the same frames. */
bool mt_python_checked(void);

#endif
