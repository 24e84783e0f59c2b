"""Marks and blocks from Python, by ctypes: without memtrace they do nothing.

    memtrace python marks.py

A training loop needs only the class: PyTorch's own torch.cuda.nvtx.range_push does the same.
"""
import ctypes


ADDRESS = ctypes.c_void_p
FUNCTIONS = {
    "mark": [ctypes.c_char_p],
    "range_push": [ctypes.c_char_p],
    "range_pop": [],
    "pool_alloc": [ADDRESS, ADDRESS, ctypes.c_size_t, ADDRESS],  # pool, address, bytes, stream
    "pool_free": [ADDRESS, ADDRESS],                             # pool, address
}


class Marks:
    """The functions of memtrace.h, or nothing."""

    def __init__(self):
        process = ctypes.CDLL(None)
        self.functions = {}
        for name, types in FUNCTIONS.items():
            function = getattr(process, "memtrace_" + name, None)
            if function is not None:
                function.argtypes, function.restype = types, None
                self.functions[name] = function

    def __getattr__(self, name):
        function = self.functions.get(name)
        if function is None:
            return lambda *given: None
        if name.startswith("pool_"):
            return function  # itself: the stack of a block begins where it is called
        return lambda *text: function(*(part.encode() for part in text))


marks = Marks()


def start_device():
    """The least that begins a recording: a device that is used."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    cuda.context = ctypes.c_void_p()
    if cuda.cuInit(0) != 0 or cuda.cuDevicePrimaryCtxRetain(ctypes.byref(cuda.context), 0):
        return None
    return cuda


def report_blocks(cuda):
    """Blocks of an allocator written in Python, cut out of memory that it took from the driver."""
    slab = ctypes.c_uint64()
    pool = ctypes.addressof(slab)
    cuda.cuCtxSetCurrent(cuda.context)
    if cuda.cuMemAlloc_v2(ctypes.byref(slab), ctypes.c_size_t(1 << 20)) != 0:
        return
    marks.pool_alloc(pool, slab.value, 4096, None)
    marks.pool_free(pool, slab.value)
    cuda.cuMemFree_v2(slab)


def main():
    device = start_device()
    if device:
        report_blocks(device)
    for step in range(3):
        marks.range_push("step")
        marks.range_push("forward")
        marks.range_pop()
        marks.mark(f"loss of step {step}")
        marks.range_pop()
    print("marks: 3 steps" if device else "marks: 3 steps, without a device")


if __name__ == "__main__":
    main()
