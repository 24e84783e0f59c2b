#!/usr/bin/env python3
"""One rank of a job of two that exchanges tensors in every way, twice: the second time it writes
down which bytes each call reads and writes, and when it was made. FILE has %r for the rank.

usage: train_rankcalls.py FILE
"""
import os
import sys
import time

import torch
from torch import distributed

import train_common

ELEMENTS = 1 << 16


def span(tensor):
    return [tensor.data_ptr(), tensor.numel() * tensor.element_size()]


def both_ways(mine, other, peer):
    works = distributed.batch_isend_irecv([
        distributed.P2POp(distributed.isend, mine, peer),
        distributed.P2POp(distributed.irecv, other, peer)])
    for work in works:
        work.wait()


def calls(rank):
    """(name, what to do, spans read, spans written, peer or None) of this rank."""
    peer = 1 - rank
    one, two = (torch.full((ELEMENTS,), 1.0 + rank, device="cuda") for _ in range(2))
    wide, other = (torch.zeros(2 * ELEMENTS, device="cuda") for _ in range(2))

    def only(yes):
        return [span(one)] if yes else []

    give = (lambda: distributed.send(one, 1)) if rank == 0 else lambda: distributed.recv(one, 0)
    return [
        ("all_reduce", lambda: distributed.all_reduce(one), [span(one)], [span(one)], None),
        ("broadcast", lambda: distributed.broadcast(one, 0), only(rank == 0), only(rank != 0), 0),
        ("reduce", lambda: distributed.reduce(one, 1), [span(one)], only(rank == 1), 1),
        ("all_gather", lambda: distributed.all_gather_into_tensor(wide, one), [span(one)],
         [span(wide)], None),
        ("reduce_scatter", lambda: distributed.reduce_scatter_tensor(one, wide), [span(wide)],
         [span(one)], None),
        ("all_to_all", lambda: distributed.all_to_all_single(other, wide), [span(wide)],
         [span(other)], None),
        ("send_recv", give, only(rank == 0), only(rank == 1), peer),
        ("batch", lambda: both_ways(one, two, peer), [span(one)], [span(two)], peer),
    ]


def nccl_memory():
    """The address of a tensor in memory of NCCL's own; 0 where torch cannot do that."""
    try:
        backend = distributed.group.WORLD._get_backend(torch.device("cuda"))
        pool = torch.cuda.MemPool(backend.mem_allocator)
        with torch.cuda.use_mem_pool(pool):
            tensor = torch.ones(ELEMENTS, device="cuda")
    except (AttributeError, RuntimeError, TypeError):
        return 0, None
    return tensor.data_ptr(), (pool, tensor)


def main(path):
    rank = int(os.environ["RANK"])
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl")
    todo, told = calls(rank), []
    for turn in range(2):
        for name, work, read, written, peer in todo:
            torch.cuda.synchronize()
            begin = time.monotonic_ns()
            work()
            torch.cuda.synchronize()
            if turn:
                told.append({"name": name, "begin": begin, "end": time.monotonic_ns(),
                             "read": read, "written": written, "peer": peer})
    address, kept = nccl_memory()
    train_common.write_json(path.replace("%r", str(rank)),
                            {"calls": told, "nccl_memory": address})
    torch.cuda.synchronize()
    del kept
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
