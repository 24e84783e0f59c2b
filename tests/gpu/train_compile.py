#!/usr/bin/env python3
"""The GPT of train_gpt.py, two layers of it, by torch.compile: Triton kernels for what lies between
the matrix products; with --mode reduce-overhead all of a step's forward and backward as CUDA
graphs."""
import torch
from torch.nn import functional

import train_common
from train_gpt import Gpt

WORDS = 8192


def build(args):
    torch.set_float32_matmul_precision("high")
    model = Gpt(2, 256, 4, WORDS, args.length).cuda().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    data = torch.randint(WORDS, (args.batch, args.length + 1), device="cuda")
    tokens, targets = data[:, :-1].contiguous(), data[:, 1:].contiguous()

    def loss_of(tokens, targets):
        return functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())

    compiled = torch.compile(loss_of, mode=None if args.mode == "default" else args.mode)

    def step():
        torch.compiler.cudagraph_mark_step_begin()
        optimizer.zero_grad(set_to_none=True)
        compiled(tokens, targets).backward()
        optimizer.step()
    return step


def add_arguments(parser):
    parser.add_argument("--length", type=int, default=64, help="tokens of a sequence")
    parser.add_argument("--mode", choices=("default", "reduce-overhead"), default="default")


if __name__ == "__main__":
    train_common.run(__doc__, build, 4, add_arguments)
