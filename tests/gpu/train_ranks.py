#!/usr/bin/env python3
"""One rank of a training job on several GPUs, as torchrun starts it: a small GPT under
DistributedDataParallel, with tokens from the forked workers of a DataLoader, or under fully_shard,
gathered in bfloat16 and reduced in float32. In names of files %r stands for the rank."""
import os

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

import train_common
from train_gpt import Gpt

WORDS, WIDTH, HEADS = 8192, 512, 8


class Tokens(Dataset):
    """Made on the CPU; runs in the workers, which are forked while CUDA is in use."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return 1 << 12

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.randint(WORDS, (self.length + 1,), generator=generator)


def loaded(args):
    loader = DataLoader(Tokens(args.length), args.batch, num_workers=2, pin_memory=True,
                        multiprocessing_context="fork")
    for tokens in loader:
        yield tokens.cuda(non_blocking=True)


def made(args):
    while True:
        yield torch.randint(WORDS, (args.batch, args.length + 1), device="cuda")


def parallel(model, device):
    return nn.parallel.DistributedDataParallel(model, device_ids=[device])


def sharded(model, _device):
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for layer in model.layers:
        fully_shard(layer, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    return model


def build(args, device):
    model = Gpt(args.layers, WIDTH, HEADS, WORDS, args.length).cuda().train()
    model = {"ddp": parallel, "fsdp": sharded}[args.how](model, device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    batches = {"ddp": loaded, "fsdp": made}[args.how](args)

    def step():
        tokens = next(batches)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=args.how == "ddp"):
            logits = model(tokens[:, :-1])
        loss = functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return step


def add_arguments(parser):
    parser.add_argument("how", choices=("ddp", "fsdp"))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--length", type=int, default=128, help="tokens of a sequence")


def main():
    args = train_common.parse(__doc__, 4, add_arguments)
    rank, device = os.environ["RANK"], int(os.environ["LOCAL_RANK"])
    for name in ("history", "profile", "marks"):
        setattr(args, name, (getattr(args, name) or "").replace("%r", rank) or None)
    torch.cuda.set_device(device)
    if args.history:
        train_common.record_history()
    distributed.init_process_group("nccl")
    torch.manual_seed(args.seed)
    train_common.train(build(args, device), args)
    distributed.destroy_process_group()
    if args.history:
        train_common.write_history(args.history)


if __name__ == "__main__":
    main()
