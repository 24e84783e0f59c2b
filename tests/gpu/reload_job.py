#!/usr/bin/env python3
"""Loads modules and libraries, launches them and unloads them, in every step, beside kernels that
stay. Prints, as JSON, each launch by its kernel and its pointers, and how often a handle was that
of another kernel before.

usage: reload_job.py STEPS STAYING
"""
import ctypes
import json
import sys

HEAD = ".version 7.0\n.target sm_70\n.address_size 64\n"
driver = ctypes.CDLL("libcuda.so.1")
launches, names_of, reused = [], {}, 0


def call(name, *arguments):
    result = getattr(driver, name)(*arguments)
    if result:
        raise SystemExit(f"{name}: {result}")


def handle_of(name, *arguments):
    handle = ctypes.c_void_p()
    call(name, ctypes.byref(handle), *arguments)
    return handle


def ptx(names, pointers):
    parameters = ", ".join(f".param .u64 p{i}" for i in range(pointers))
    return (HEAD + "".join(f".visible .entry {name}({parameters})\n{{\n    ret;\n}}\n"
                           for name in names)).encode()


def launch(function, name, addresses):
    global reused
    before = names_of.get(function.value)
    reused += before not in (None, name)
    names_of[function.value] = name
    values = [ctypes.c_uint64(address) for address in addresses]
    pointers = (ctypes.c_void_p * len(values))(
        *(ctypes.cast(ctypes.byref(value), ctypes.c_void_p) for value in values))
    call("cuLaunchKernel", function, 1, 1, 1, 1, 1, 1, 0, None, pointers, None)
    launches.append([name, addresses])


def module(name, addresses):
    loaded = handle_of("cuModuleLoadData", ptx([name], len(addresses)))
    launch(handle_of("cuModuleGetFunction", loaded, name.encode()), name, addresses)
    call("cuCtxSynchronize")
    call("cuModuleUnload", loaded)


def library(name, addresses):
    loaded = handle_of("cuLibraryLoadData", ptx([name], len(addresses)), None, None, 0, None,
                       None, 0)
    launch(handle_of("cuLibraryGetKernel", loaded, name.encode()), name, addresses)
    call("cuCtxSynchronize")
    call("cuLibraryUnload", loaded)


def main(steps, staying):
    call("cuInit", 0)
    context = handle_of("cuDevicePrimaryCtxRetain", 0)
    call("cuCtxSetCurrent", context)
    memory = handle_of("cuMemAlloc_v2", ctypes.c_size_t(1 << 20)).value
    names = [f"stays_{i}" for i in range(staying)]
    stay = handle_of("cuModuleLoadData", ptx(names, 1))
    stays = [handle_of("cuModuleGetFunction", stay, name.encode()) for name in names]
    for step in range(steps):
        module("again", [memory + step])
        (library if step % 3 == 2 else module)(f"other_{step}",
                                               [memory + step, memory + 8][:1 + step % 2])
        for name, function in zip(names, stays):
            launch(function, name, [memory + step])
    json.dump({"launches": launches, "reused": reused}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
