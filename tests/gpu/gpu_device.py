#!/usr/bin/env python3
"""Is there a CUDA device? Prints what was found; exit 0 if there is one, 1 if not.

The simulated device of tests/simcuda is none: what was found on it proves nothing here. With
GPU_TEST_SIMULATED=1 it is taken, to try these tests out.
"""
import ctypes
import os
import sys


def driver():
    """(libcuda, None), or (None, why not)."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return None, str(error)
    error = cuda.cuInit(0)
    return (None, f"cuInit says {error}") if error else (cuda, None)


def find():
    """({"name", "count", "driver_api"}, None), or (None, why not)."""
    cuda, problem = driver()
    if not cuda:
        return None, problem
    count, version = ctypes.c_int(), ctypes.c_int()
    cuda.cuDeviceGetCount(ctypes.byref(count))
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if count.value == 0:
        return None, "the driver finds no device"
    name, device = ctypes.create_string_buffer(128), ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(device), 0)
    cuda.cuDeviceGetName(name, len(name), device)
    simulated = name.value.lower().startswith(b"simulated")
    if simulated and os.environ.get("GPU_TEST_SIMULATED") != "1":
        return None, "the only device is simulated"
    major, minor = version.value // 1000, version.value % 1000 // 10
    return {"name": name.value.decode(), "count": count.value,
            "driver_api": f"{major}.{minor}", "simulated": simulated}, None


if __name__ == "__main__":
    facts, reason = find()
    print(f"{facts['count']} x {facts['name']}" if facts else f"no GPU ({reason})")
    sys.exit(0 if facts else 1)
