"""Below frames of Python: walks (walkcompare.h) through the interpreter, generators, callbacks of C
and finalizers. usage: walk_python.py LIBWALKCOMPARE"""
import ctypes
import sys
import threading

walk = ctypes.CDLL(sys.argv[1])


def look(*_):
    walk.walk_compare(None)
    return 0


def deeper(frames):
    return deeper(frames - 1) if frames else look()


class Finalized:
    __del__ = look


def generated():
    for _ in range(3):
        look()
        yield 1


def callbacks():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(look)
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, ctypes.c_size_t(3), ctypes.c_size_t(4), compare)


def everything():
    deeper(20)
    sum(generated())
    sorted([3, 1, 2], key=look)
    Finalized()
    callbacks()
    exec("look()", {"look": look})
    str.join("", map(lambda n: str(look()), range(3)))


everything()
thread = threading.Thread(target=everything)
thread.start()
thread.join()
walk.walk_report.restype = ctypes.c_long
ctypes.pythonapi.PyErr_Clear()
sys.exit(walk.walk_report(b"Python %d.%d" % sys.version_info[:2]) > 0)
