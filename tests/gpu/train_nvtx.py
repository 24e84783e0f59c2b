#!/usr/bin/env python3
"""A small perceptron, trained under torch.autograd.profiler.emit_nvtx; each layer is in a range.

usage: train_nvtx.py STEPS BATCH WIDTH WIDTH...     WIDTH: of the input, then of each layer
"""
import sys

import torch

STEPS, BATCH, *WIDTHS = map(int, sys.argv[1:])


def forward(layers, x):
    for index, layer in enumerate(layers):
        torch.cuda.nvtx.range_push(f"layer{index}")
        x = torch.relu(layer(x))
        torch.cuda.nvtx.range_pop()
    return x


def main():
    torch.manual_seed(0)
    layers = torch.nn.ModuleList(torch.nn.Linear(*pair) for pair in zip(WIDTHS, WIDTHS[1:])).cuda()
    x = torch.randn(BATCH, WIDTHS[0], device="cuda")
    with torch.autograd.profiler.emit_nvtx():
        for _ in range(STEPS):
            layers.zero_grad(set_to_none=True)
            forward(layers, x).square().mean().backward()
    torch.cuda.synchronize()


if __name__ == "__main__":
    main()
