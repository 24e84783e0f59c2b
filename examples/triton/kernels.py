#!/usr/bin/env python3
"""Two kernels in Triton, launched by name. usage: kernels.py [STEPS]"""
import sys

import torch
import triton
import triton.language as tl

ROWS, COLUMNS = 512, 1024


@triton.jit
def scaled_add(out, x, y, scale, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    left = tl.load(x + at, mask=inside)
    right = tl.load(y + at, mask=inside)
    tl.store(out + at, left + scale * right, mask=inside)


@triton.jit
def softmax_rows(out, x, columns, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    row = tl.program_id(0) * columns
    value = tl.load(x + row + at, mask=at < columns, other=-float("inf"))
    value = tl.exp(value - tl.max(value, 0))
    tl.store(out + row + at, value / tl.sum(value, 0), mask=at < columns)


def main(steps):
    torch.manual_seed(1)
    x = torch.randn(ROWS, COLUMNS, device="cuda")
    y = torch.randn(ROWS, COLUMNS, device="cuda")
    for _ in range(steps):
        mixed, share = torch.empty_like(x), torch.empty_like(x)
        scaled_add[(triton.cdiv(x.numel(), 1024),)](mixed, x, y, 0.5, x.numel(), BLOCK=1024)
        softmax_rows[(ROWS,)](share, mixed, COLUMNS, BLOCK=COLUMNS)
    right = torch.allclose(share, (x + 0.5 * y).softmax(-1), atol=1e-5)
    print(f"kernels: {steps} steps, the last is {'right' if right else 'WRONG'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
