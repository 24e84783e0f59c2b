"""PyTorch on the driver's stream-ordered pools: every tensor is a driver allocation of its own."""
import sys

import torch

x = torch.ones(1000, 1000, device="cuda")
for _ in range(10):
    y = x @ x
    z = torch.relu(y - 999)
print("backend", torch.cuda.get_allocator_backend(), "sum", int(z.sum().item()))
sys.exit(3)
