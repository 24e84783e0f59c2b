#!/usr/bin/env python3
"""A linear fit in CuPy by gradient descent. CuPy's pool takes pieces from the driver and hands out
arrays inside them; ReportPool tells memtrace of the arrays, so that the trace has both.

usage: fit.py [STEPS]
"""
import sys

import cupy

from memtrace_cupy import ReportPool

ROWS, COLUMNS = 1 << 16, 256

NOISE = cupy.ElementwiseKernel("uint32 seed", "float32 y", """
    unsigned int h = (unsigned int)i * 2654435761u ^ seed;
    h = (h ^ h >> 16) * 0x45d9f3bu;
    h = (h ^ h >> 16) * 0x45d9f3bu;
    y = (h ^ h >> 16) / 2147483648.0f - 1;""", "noise")
CLIP = cupy.ElementwiseKernel("T x, T bound", "T y", "y = min(max(x, -bound), bound)", "clip_to")


def fit(steps):
    """The largest error that is left."""
    x = cupy.empty((ROWS, COLUMNS), dtype=cupy.float32)
    NOISE(cupy.uint32(1), x)
    truth = cupy.linspace(-1, 1, COLUMNS, dtype=cupy.float32)
    y = x @ truth
    weight = cupy.zeros(COLUMNS, dtype=cupy.float32)
    for _ in range(steps):
        slope = x.T @ (x @ weight - y) / ROWS
        weight -= cupy.float32(1.5) * CLIP(slope, cupy.float32(10))
    return float(cupy.abs(weight - truth).max())


def main(steps):
    with ReportPool():
        error = fit(steps)
    pool = cupy.get_default_memory_pool()
    print(f"fit: {steps} steps, largest error {error:.4f}, pool: total_bytes {pool.total_bytes()} "
          f"used_bytes {pool.used_bytes()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
