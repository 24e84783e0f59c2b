"""Tells memtrace of the arrays that CuPy's pool hands out. To be taken over as it is:

    with ReportPool():
        train()

In the trace the pool's driver memory is segments then, and the arrays are blocks. Keep the file's
name: files named memtrace_... are passed over when it is said which line asked for a block.
"""
import ctypes

import cupy


class ReportPool(cupy.cuda.MemoryHook):
    """What CuPy's pool hands out and takes back, by the functions of memtrace/memtrace.h. Without
    memtrace they are not there, and nothing is done."""

    name = "memtrace"

    def __init__(self):
        process = ctypes.CDLL(None)
        self.alloc = getattr(process, "memtrace_pool_alloc", None)
        self.free = getattr(process, "memtrace_pool_free", None)
        for function, types in ((self.alloc, [ctypes.c_void_p] * 2 + [ctypes.c_size_t,
                                                                      ctypes.c_void_p]),
                                (self.free, [ctypes.c_void_p] * 2)):
            if function:
                function.argtypes, function.restype = types, None

    def malloc_postprocess(self, **told):
        if self.alloc and told["mem_ptr"]:
            stream = cupy.cuda.get_current_stream().ptr
            self.alloc(id(self), told["mem_ptr"], told["mem_size"], stream)

    def free_preprocess(self, **told):
        if self.free:
            self.free(id(self), told["mem_ptr"])
