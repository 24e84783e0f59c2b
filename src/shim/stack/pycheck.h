/* Our reading of frames beside the interpreter's own telling. */
#ifndef MT_PYCHECK_H
#define MT_PYCHECK_H

#include <stdbool.h>

#include "shim/stack/pyfind.h"

/* Ask the interpreter to call back when it next can, in its main thread and with its lock held;
 * then the frames of that thread are compared and `done` is told whether they are the same. False
 * where it cannot be asked now. */
bool mt_pycheck_ask(const struct mt_pysymbols *symbols, void (*done)(bool same));

#endif
