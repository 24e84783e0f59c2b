"""Training on several GPUs by DistributedDataParallel, with a fault: the higher a rank, the larger
its batches, so that one rank is the first that would run out of memory."""
import os

import torch
from torch import distributed, nn

STEPS, WIDTH = 20, 2048

rank, device = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
torch.cuda.set_device(device)
distributed.init_process_group("nccl")
layers = [nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)]
model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers).cuda(), device_ids=[device])
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for step in range(STEPS):
    x = torch.randn(4096 * (1 + rank), WIDTH, device="cuda")
    loss = ((model(x) - x) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.cuda.synchronize()
if rank == 0:
    print(f"{STEPS} steps on {distributed.get_world_size()} GPUs, the loss is {loss.item():.3f}")
distributed.destroy_process_group()
