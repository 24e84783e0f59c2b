"""What programs in Python that ask for device memory have in common; Python 3.8 and later."""
import ctypes

# PyDLL would keep the interpreter's lock; CDLL lets it go, as operators of PyTorch do.
cuda = ctypes.CDLL("libcuda.so.1")
context = ctypes.c_void_p()


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def frames(frame):
    """[[file, name, line], ...] as Python itself tells, innermost first."""
    found = []
    while frame is not None:
        found.append([frame.f_code.co_filename, name_of(frame.f_code), frame.f_lineno])
        frame = frame.f_back
    return found


def begin():
    assert cuda.cuInit(0) == 0
    assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
    assert cuda.cuCtxSetCurrent(context) == 0
