"""Marks from Python, by ctypes: with memtrace they are in the trace, without it they do nothing.

    memtrace python marks.py

A training loop needs only the class: PyTorch's own torch.cuda.nvtx.range_push does the same.
"""
import ctypes


class Marks:
    """The functions of memtrace.h, or nothing."""

    def __init__(self):
        process = ctypes.CDLL(None)
        self.functions = {}
        for name, types in {"mark": [ctypes.c_char_p], "range_push": [ctypes.c_char_p],
                            "range_pop": []}.items():
            function = getattr(process, "memtrace_" + name, None)
            if function is not None:
                function.argtypes, function.restype = types, None
                self.functions[name] = function

    def __getattr__(self, name):
        function = self.functions.get(name)
        if function is None:
            return lambda *text: None
        return lambda *text: function(*(part.encode() for part in text))


marks = Marks()


def start_device():
    """The least that begins a recording: a device that is used."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    if cuda.cuInit(0) != 0 or cuda.cuDevicePrimaryCtxRetain(ctypes.byref(ctypes.c_void_p()), 0):
        return None
    return cuda


def main():
    device = start_device()
    for step in range(3):
        marks.range_push("step")
        marks.range_push("forward")
        marks.range_pop()
        marks.mark(f"loss of step {step}")
        marks.range_pop()
    print("marks: 3 steps" if device else "marks: 3 steps, without a device")


if __name__ == "__main__":
    main()
