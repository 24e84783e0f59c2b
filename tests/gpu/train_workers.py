#!/usr/bin/env python3
"""Reads batches that DataLoader workers make, through page-locked memory, and uses each on the GPU.
Prints one line of JSON: which processes there were.

usage: train_workers.py fork|spawn
"""
import json
import os
import sys

import torch
from torch.utils.data import DataLoader, Dataset

BATCHES, BATCH, WIDTH = 8, 4, 1024


class Rows(Dataset):
    def __len__(self):
        return BATCHES * BATCH

    def __getitem__(self, index):
        return torch.full((WIDTH,), float(index)), os.getpid()


def main(how):
    weight = torch.ones(WIDTH, WIDTH, device="cuda")  # CUDA is in use when the workers begin
    loader = DataLoader(Rows(), BATCH, num_workers=2, pin_memory=True, multiprocessing_context=how)
    workers, total = set(), 0.0
    for rows, pids in loader:
        workers.update(pids.tolist())
        total += float((rows.cuda(non_blocking=True) @ weight).sum())
    print(json.dumps({"pid": os.getpid(), "workers": sorted(workers), "total": total,
                      "bytes": BATCHES * BATCH * WIDTH * 4}))


if __name__ == "__main__":
    main(sys.argv[1])
