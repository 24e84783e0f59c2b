#include "shim/python/pycheck.h"

#include <string.h>

#include "shim/python/pytext.h"
#include "shim/python/python.h"

#define FRAMES 64

typedef void object;

static struct {
#define FUNCTION(name, result, ...) result (*name)(__VA_ARGS__);
#define FUNCTIONS                                                                                  \
    FUNCTION(PyEval_GetFrame, object *, void)                                                      \
    FUNCTION(PyObject_GetAttrString, object *, object *, const char *)                             \
    FUNCTION(PyUnicode_AsUTF8, const char *, object *)                                             \
    FUNCTION(PyLong_AsLong, long, object *)                                                        \
    FUNCTION(PyErr_Clear, void, void)                                                              \
    FUNCTION(PyThreadState_Get, void *, void)                                                      \
    FUNCTION(PyGILState_GetThisThreadState, void *, void)                                          \
    FUNCTION(Py_IncRef, void, object *)                                                            \
    FUNCTION(Py_DecRef, void, object *)
    FUNCTIONS
#undef FUNCTION
    void (*done)(enum mt_pycheck result);
} py;

static bool same_text(object *of, const char *name, const char *ours)
{
    object *value = py.PyObject_GetAttrString(of, name);
    const char *text = value ? py.PyUnicode_AsUTF8(value) : NULL;
    /* What has no UTF-8 (surrogates) is not compared. */
    bool same = !text || strncmp(text, ours, strlen(ours)) == 0;
    if (value)
        py.Py_DecRef(value);
    py.PyErr_Clear();
    return same;
}

static bool same_line(object *frame, uint32_t ours)
{
    object *value = py.PyObject_GetAttrString(frame, "f_lineno");
    long line = value ? py.PyLong_AsLong(value) : -1; /* None: this instruction has none */
    if (value)
        py.Py_DecRef(value);
    py.PyErr_Clear();
    return line < 0 || line == (long)ours;
}

static bool same_frame(object *frame, const struct mt_pyframe *ours)
{
    static char file[MT_PYTEXT_MAX], name[MT_PYTEXT_MAX];
    struct mt_pycode text = {file, name, 0};
    const struct mt_pylayout *layout = mt_python_layout();
    object *code = py.PyObject_GetAttrString(frame, "f_code");
    bool same = (uintptr_t)code == ours->code && mt_pytext_code(layout, ours->code, &text) &&
                same_text(code, "co_filename", file) &&
                same_text(code, layout->code_qualname ? "co_qualname" : "co_name", name) &&
                same_line(frame, mt_pytext_line(layout, ours->code, ours->at));
    if (code)
        py.Py_DecRef(code);
    return same;
}

/* Frames that the interpreter hides (its own entries) are hidden by both. */
static bool same_frames(void)
{
    struct mt_pyframe ours[FRAMES];
    uint32_t n = mt_python_frames(ours, FRAMES), i = 0;
    object *frame = py.PyEval_GetFrame();
    bool same = true;
    if (frame)
        py.Py_IncRef(frame);
    for (; same && frame && i < n && i < FRAMES; i++) {
        same = same_frame(frame, &ours[i]);
        object *caller = py.PyObject_GetAttrString(frame, "f_back");
        py.PyErr_Clear();
        object *code = caller ? py.PyObject_GetAttrString(caller, "f_code") : NULL;
        py.PyErr_Clear();
        py.Py_DecRef(frame);
        frame = code ? caller : NULL; /* None has no code */
        if (code)
            py.Py_DecRef(code);
        else if (caller)
            py.Py_DecRef(caller);
    }
    bool ended = !frame == (i == n) || n == FRAMES;
    if (frame)
        py.Py_DecRef(frame);
    return same && ended;
}

/* Up to 3.11 the state that is read is the main interpreter's, also while another one runs, and
 * then that tells frames of its own. */
static bool is_read_state_at_work(void)
{
    return py.PyThreadState_Get() == py.PyGILState_GetThisThreadState();
}

static int compare(void *nothing)
{
    (void)nothing;
    if (!mt_python_is_there())
        return 0;
    if (is_read_state_at_work())
        py.done(same_frames() ? MT_PYCHECK_SAME : MT_PYCHECK_DIFFER);
    else
        py.done(MT_PYCHECK_LATER);
    return 0;
}

bool mt_pycheck_ask(const struct mt_pysymbols *symbols, void (*done)(enum mt_pycheck result))
{
    int (*ask)(int (*)(void *), void *) =
        (int (*)(int (*)(void *), void *))symbols->Py_AddPendingCall;
    int (*is_alive)(void) = (int (*)(void))symbols->Py_IsInitialized;
#define FUNCTION(name, result, ...) py.name = (result(*)(__VA_ARGS__))symbols->name;
    FUNCTIONS
#undef FUNCTION
    py.done = done;
    return is_alive() && ask(compare, NULL) == 0;
}
