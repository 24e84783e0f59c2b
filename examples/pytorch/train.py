#!/usr/bin/env python3
"""An ordinary training script: a small convolutional network, Adam, made-up images.

It knows nothing of memtrace. usage: train.py [STEPS]
"""
import sys

import torch
from torch import nn

BATCH, CLASSES = 64, 10


def build_model():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128 * 4 * 4, 256), nn.ReLU(), nn.Linear(256, CLASSES))


def batch(generator):
    """Images of noise, brighter in the rows that the label names: something to learn."""
    labels = torch.randint(CLASSES, (BATCH,), generator=generator)
    images = torch.randn(BATCH, 3, 32, 32, generator=generator)
    rows = torch.arange(32).view(1, 1, 32, 1)
    images += (rows // 3 == labels.view(-1, 1, 1, 1)).float()
    return images, labels


def main(steps):
    if not torch.cuda.is_available():
        raise SystemExit("train.py: PyTorch sees no GPU")
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    device = torch.device("cuda")
    model = build_model().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for step in range(steps):
        images, labels = (t.to(device) for t in batch(generator))
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        if step % 10 == 0 or step == steps - 1:
            print(f"step {step:4}  loss {loss.item():.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
