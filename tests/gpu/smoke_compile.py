"""torch.compile of a small network: Triton kernels, launched through the driver."""
import sys

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 8)).cuda()
step = torch.compile(lambda x: (net(x).softmax(-1) ** 2).sum())
x = torch.randn(128, 64, device="cuda")
for _ in range(5):
    net.zero_grad()
    loss = step(x)
    loss.backward()
plain = (net(x).softmax(-1) ** 2).sum()
print("equal", torch.allclose(loss, plain, rtol=1e-3))
sys.exit(3)
