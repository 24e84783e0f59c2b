"""Requests of every kind, each with the Python frames that it should have; run by modes.py with the
recorder preloaded. usage: modes_program.py STRAYS EXPECTED.json
"""
import ctypes
import json
import os
import sys
import tempfile
import threading

from pyjob import begin, context, cuda, frames

c10 = ctypes.CDLL(None)
expected = {}  # what it is called: frames, innermost first
PTX = b""".version 7.0
.target sm_80
.address_size 64
.visible .entry k_none()
{
    ret;
}
"""


def note(what):
    """On the line of the call that is meant."""
    expected[what] = frames(sys._getframe(1))


def alloc(size, fails=False):
    at, number = ctypes.byref(ctypes.c_uint64()), ctypes.c_size_t(size)
    note(f"alloc {size}"); result = cuda.cuMemAlloc_v2(at, number)  # noqa: E702
    assert (result != 0) == fails


def failing():
    """More than the device has: at the driver, and as PyTorch's allocator tells it."""
    alloc(1 << 50, fails=True)
    report = c10["_ZN3c1027reportOutOfMemoryToProfilerElmmNS_6DeviceE"]
    report.argtypes = [ctypes.c_int64, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint16]
    report.restype = None
    note(f"block_oom {1 << 49}"); report(1 << 49, 1 << 20, 2 << 20, 1)  # noqa: E702


def blocks():
    report = c10["_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE"]
    report.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t, ctypes.c_size_t,
                       ctypes.c_uint16]
    report.restype = None
    note("block_alloc 4608"); report(0x7e9000000000, 4608, 4608, 1 << 21, 1)  # noqa: E702


def launch():
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    assert cuda.cuModuleLoadData(ctypes.byref(module), PTX) == 0
    assert cuda.cuModuleGetFunction(ctypes.byref(function), module, b"k_none") == 0
    rest = [1, 1, 1, 1, 1, 1, 0, None, None, None]
    note("launch"); result = cuda.cuLaunchKernel(function, *rest)  # noqa: E702
    assert result == 0


def stray(size):
    """A thread of C, of which Python knows nothing."""
    run = ctypes.CDLL(sys.argv[1]).stray_thread
    expected[f"alloc {size}"] = None
    assert run(cuda.cuMemAlloc_v2, ctypes.c_size_t(size), cuda.cuCtxSetCurrent, context) == 0


def on_thread(function, *arguments):
    def work():
        cuda.cuCtxSetCurrent(context)
        function(*arguments)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


SUB = """
import ctypes, json, sys, time
sys.path.insert(0, {folder!r})
from pyjob import cuda, frames
def inside(depth):
    if depth:
        return inside(depth - 1)
    end = time.monotonic() + 0.5 * (sys.version_info < (3, 12))
    while time.monotonic() < end:  # in which the recorder compares with an interpreter
        pass
    at = ctypes.c_uint64()
    at, size = ctypes.byref(at), ctypes.c_size_t({size})
    told = frames(sys._getframe()); cuda.cuMemAlloc_v2(at, size)
    return told
with open({path!r}, "w") as file:
    json.dump(inside(3), file)
"""


def sub_interpreter(size):
    """From 3.12 on a thread's frames are those of the interpreter it runs in; before, what the main
    one called it with."""
    try:
        import _interpreters as module
        number = module.create("legacy")
    except ImportError:
        import _xxsubinterpreters as module
        modern = sys.version_info >= (3, 12)
        number = module.create(isolated=False) if modern else module.create()
    path = tempfile.mktemp()
    text = SUB.format(size=size, path=path, folder=os.path.dirname(os.path.abspath(__file__)))
    here = frames(sys._getframe()); module.run_string(number, text)  # noqa: E702
    with open(path, encoding="utf-8") as file:
        inside = json.load(file)
    os.unlink(path)
    module.destroy(number)
    expected[f"alloc {size}"] = inside if sys.version_info >= (3, 12) else here


def deep(depth, function, *arguments):
    if depth:
        deep(depth - 1, function, *arguments)
    else:
        function(*arguments)


def main():
    begin()
    alloc(4096)
    deep(5, alloc, 4352)
    deep(300, alloc, 5120)
    on_thread(alloc, 5376)
    failing()
    blocks()
    launch()
    sub_interpreter(5632)
    stray(5888)
    alloc(6144)


main()
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(expected, file)
