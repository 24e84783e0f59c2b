"""A program of many kinds of functions, each of which asks for device memory; run by
python_stacks.py with the recorder preloaded. usage: python_program.py EXPECTED.json [check]

Each allocation has a size of its own, and beside it is written which frames Python itself names.
Works with every Python from 3.8 on.
"""
import asyncio
import contextlib
import ctypes
import functools
import json
import sys
import threading
import time

from pyjob import begin, context, cuda, frames

expected = {}
sizes = iter(range(1 << 10, 1 << 30, 256))


def note(size, frame):
    size.value = next(sizes)
    expected[size.value] = frames(frame)
    return size


def ask():
    at = ctypes.c_uint64()
    size = ctypes.c_size_t()
    result = cuda.cuMemAlloc_v2(ctypes.byref(at), note(size, sys._getframe()))
    assert result == 0
    return at.value


def plain():
    ask()
    (ask(),
     ask())  # two lines of one statement


def generators():
    def numbers():
        for i in range(3):
            ask()
            yield i

    def delegating():
        yield from numbers()

    list(delegating())
    sum(ask() and 1 for _ in range(3))


def comprehensions():
    [ask() for _ in range(2)]
    {ask() for _ in range(2)}
    {i: ask() for i in range(2)}


def lambdas():
    (lambda: ask())()
    sorted([3, 1, 2], key=lambda n: (ask(), n)[1])
    functools.reduce(lambda a, b: a + b + 0 * ask(), [1, 2, 3])


def decorated():
    def twice(function):
        @functools.wraps(function)
        def wrapper(*arguments):
            function(*arguments)
            return function(*arguments)
        return wrapper

    @twice
    def asks(n):
        ask()

    asks(1)
    functools.partial(asks, 2)()


class Net:
    class Layer:
        def forward(self):
            return ask()

        @property
        def size(self):
            return ask()

        @staticmethod
        def static():
            return ask()

        def __call__(self):
            return self.forward()

        def __del__(self):
            ask()

    def run(self):
        layer = Net.Layer()
        layer()
        layer.size
        layer.static()
        del layer


def exceptions():
    try:
        ask()
        raise ValueError
    except ValueError:
        ask()
    finally:
        ask()
    with contextlib.suppress(KeyError):
        ask()
        {}[1]


@contextlib.contextmanager
def managed():
    ask()
    try:
        yield
    finally:
        ask()


def recursion(depth):
    if depth:
        recursion(depth - 1)
    else:
        ask()


def c_callbacks():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    libc = ctypes.CDLL(None)
    libc.qsort.restype = None

    def order(a, b):
        ask()
        return 0

    libc.qsort(numbers, ctypes.c_size_t(3), ctypes.c_size_t(4), compare(order))


async def asynchronous():
    async def inner(n):
        ask()
        await asyncio.sleep(0)
        return ask()

    await asyncio.gather(inner(1), inner(2))
    [await inner(i) for i in range(2)]

    async def stream():
        for i in range(2):
            ask()
            yield i

    async for _ in stream():
        ask()


def executed():
    """Code objects made and freed again and again, at the same addresses as a rule."""
    for i in range(200):
        lines = "\n" * (i % 7)
        scope = {"ask": ask}
        text = f"{lines}def made():\n    ask()\nmade()\n"
        exec(compile(text, f"<made {i % 50:02}>", "exec"), scope)
        del scope, text


def long_function():
    scope = {"ask": ask}
    body = "".join(f"    x = {i} + {i} * 3\n" for i in range(300))
    exec(compile(f"def far(x):\n{body}    ask()\nfar(1)\n", "<long>", "exec"), scope)


def unicode_names():
    scope = {"ask": ask}
    exec(compile("def grün():\n    ask()\ngrün()\n", "<gr\u00fcn>", "exec"), scope)
    text = "def \u03b1\u03b2():\n    ask()\n\u03b1\u03b2()\n"
    exec(compile(text, "<\u4e2d\u6587 \U0001f40d>", "exec"), scope)


def threads():
    def work():
        cuda.cuCtxSetCurrent(context)
        for _ in range(20):
            plain()
            recursion(5)

    started = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in started]
    [thread.join() for thread in started]


def main():
    begin()
    plain()
    generators()
    comprehensions()
    lambdas()
    decorated()
    Net().run()
    exceptions()
    with managed():
        ask()
    recursion(30)
    c_callbacks()
    asyncio.run(asynchronous())
    executed()
    long_function()
    unicode_names()
    threads()
    time.sleep(0.5)  # in which the recorder compares with the interpreter
    plain()
    sys.setrecursionlimit(5000)
    recursion(1000)


main()
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(expected, file)
