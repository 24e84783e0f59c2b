/* What is wanted of an interpreter, once: functions and data that it exports. */
#ifndef MT_PYFIND_H
#define MT_PYFIND_H

#include <stdbool.h>
#include <stdint.h>

/* X(name) of functions, those that pure reads need first; all must be there. */
#define MT_PYTHON_SYMBOLS(X)                                                                       \
    X(Py_GetVersion)                                                                               \
    X(Py_IsInitialized)                                                                            \
    X(PyGILState_GetThisThreadState)                                                               \
    X(Py_AddPendingCall)                                                                           \
    X(PyEval_GetFrame)                                                                             \
    X(PyObject_GetAttrString)                                                                      \
    X(PyUnicode_AsUTF8)                                                                            \
    X(PyLong_AsLong)                                                                               \
    X(PyErr_Clear)                                                                                 \
    X(PyThreadState_Get)                                                                           \
    X(Py_IncRef)                                                                                   \
    X(Py_DecRef)

struct mt_pysymbols {
#define MT_PYTHON_SYMBOL(name) void *name;
    MT_PYTHON_SYMBOLS(MT_PYTHON_SYMBOL)
#undef MT_PYTHON_SYMBOL
    void *runtime;        /* _PyRuntime, may be NULL */
    uintptr_t begin, end; /* of the file in memory */
};

/* Look through the files loaded now; false where no interpreter is among them. `*seen` keeps how
 * many were looked at: with the same number nothing is done. */
bool mt_pyfind(struct mt_pysymbols *symbols, unsigned long long *seen);

#endif
