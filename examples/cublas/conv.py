#!/usr/bin/env python3
"""Convolutions by cuDNN, through PyTorch, which lends cuDNN its workspaces: blocks that no tensor
owns. usage: conv.py [STEPS]
"""
import sys

import torch


def main(steps):
    torch.backends.cudnn.benchmark = True  # the fastest ways of computing want workspaces
    torch.manual_seed(1)
    device = torch.device("cuda")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(16, 64, 5, padding=2), torch.nn.ReLU(),
        torch.nn.Conv2d(64, 64, 5, padding=2), torch.nn.ReLU(),
        torch.nn.Conv2d(64, 16, 5, padding=2)).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        images = torch.randn(32, 16, 64, 64).to(device)
        optimizer.zero_grad(set_to_none=True)
        (net(images) - images).square().mean().backward()
        optimizer.step()
    torch.cuda.synchronize()
    print(f"conv: {steps} steps, most allocated {torch.cuda.max_memory_allocated()} bytes, "
          f"most reserved {torch.cuda.max_memory_reserved()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
