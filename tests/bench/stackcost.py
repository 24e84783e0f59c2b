"""The cost of stacks below FRAMES frames of Python. usage: stackcost.py LIBRARY FRAMES"""
import ctypes
import sys

cuda = ctypes.CDLL("libcuda.so.1")
context = ctypes.c_void_p()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
library = ctypes.CDLL(sys.argv[1])
library.stackcost.restype = ctypes.c_double


def deeper(frames):
    return deeper(frames - 1) if frames > 2 else library.stackcost(0)


print(f"python {deeper(int(sys.argv[2]) - 1 + 1):.1f}")
