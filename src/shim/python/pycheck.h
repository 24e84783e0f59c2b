/* Our reading of frames beside the interpreter's own telling. */
#ifndef MT_PYCHECK_H
#define MT_PYCHECK_H

#include <stdbool.h>

#include "shim/python/pyfind.h"

/* Ask the interpreter to call back when it next can, in its main thread and with its lock held;
 * then the frames of that thread are compared and `done` is told what came of it. False where it
 * cannot be asked now. */
enum mt_pycheck { MT_PYCHECK_SAME, MT_PYCHECK_DIFFER, MT_PYCHECK_LATER };
bool mt_pycheck_ask(const struct mt_pysymbols *symbols, void (*done)(enum mt_pycheck result));

#endif
