#!/usr/bin/env python3
"""Asks PyTorch for more than there is: once of the driver, once of a share that was set. Writes
what PyTorch knew of each to FILE.

usage: train_oom.py FILE
"""
import inspect
import sys

import torch

import train_common

LIVE, CACHED, TOO_MUCH, BEYOND_SHARE = 64 << 20, 32 << 20, 4 << 40, 16 << 30


def attempt(size):
    line = inspect.currentframe().f_lineno + 2
    try:
        torch.empty(size, dtype=torch.uint8, device="cuda")
    except torch.OutOfMemoryError:
        return {"size": size, "line": line, "allocated": torch.cuda.memory_allocated(),
                "reserved": torch.cuda.memory_reserved()}
    return {"size": size, "line": 0, "allocated": 0, "reserved": 0}


def main(path):
    live = torch.empty(LIVE, dtype=torch.uint8, device="cuda")
    torch.empty(CACHED, dtype=torch.uint8, device="cuda")  # goes to the cache at once
    failed = [attempt(TOO_MUCH)]
    torch.cuda.set_per_process_memory_fraction(0.05)
    failed.append(attempt(BEYOND_SHARE))
    train_common.write_json(path, {
        "failed": failed, "ooms": torch.cuda.memory_stats()["num_ooms"],
        "total": torch.cuda.mem_get_info()[1], "live": live.numel()})


if __name__ == "__main__":
    main(sys.argv[1])
