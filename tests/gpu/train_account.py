#!/usr/bin/env python3
"""ResNet-50 for some steps, then a pause in which nothing changes: long enough for the recorder to
look at NVML. Meanwhile this program looks itself, and writes what it saw to FILE, with what
PyTorch holds.

usage: train_account.py --account FILE [OPTION...]
"""
import time

import torch

import nvmlread
import train_common
import train_resnet50

PAUSE_S = 1.5


def add_arguments(parser):
    train_resnet50.add_arguments(parser)
    parser.add_argument("--account", required=True, metavar="FILE")


def main():
    args = train_common.parse(__doc__, 32, add_arguments)
    torch.manual_seed(args.seed)
    train_common.train(train_resnet50.build(args), args)
    torch.cuda.synchronize()
    time.sleep(PAUSE_S)
    begin = time.monotonic_ns()
    facts = nvmlread.read("GPU-" + str(torch.cuda.get_device_properties(0).uuid))
    time.sleep(PAUSE_S)
    train_common.write_json(args.account, {
        **facts, "begin": begin, "end": time.monotonic_ns(),
        "reserved": torch.cuda.memory_reserved(), "allocated": torch.cuda.memory_allocated(),
        "max_reserved": torch.cuda.max_memory_reserved()})


if __name__ == "__main__":
    main()
