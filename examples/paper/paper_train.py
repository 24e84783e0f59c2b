#!/usr/bin/env python3
"""The training jobs of the paper: a multi-layer perceptron on points of a plane, and convolutional
networks on made-up images of the shapes of CIFAR-100 and ImageNet.

usage: paper_train.py --model mlp|alexnet|vgg16|resnet18|resnet50 [--data cifar100|imagenet]
                      [--batch N] [--steps N] [--marks FILE]

The perceptron is 2 -> 12,288 -> 2 with ReLU, trained with SGD at a rate of 0.05 on all 25,600
points at a time: what its hidden layer computes takes 25,600 * 12,288 * 4 bytes, 1200 MiB. Batches
of images come from the host, one after the other, as from a data loader. --marks writes when each
step began and ended (CLOCK_MONOTONIC, ns), to be compared with what an analysis of the trace finds.
"""
import argparse
import time

import torch
from torch import nn
from torch.nn import functional

POINTS, HIDDEN = 25600, 12288
SHAPES = {"cifar100": (32, 100), "imagenet": (224, 1000)}
CONVOLUTIONAL = ("alexnet", "vgg16", "resnet18", "resnet50")


def perceptron():
    points = torch.rand(POINTS, 2) * 2 - 1
    labels = (points.square().sum(1) < 0.6).long()
    model = nn.Sequential(nn.Linear(2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))
    return model, torch.optim.SGD, {"lr": 0.05}, [(points, labels)]


def network(name, data, batch):
    import torchvision  # only here: the perceptron does without
    side, classes = SHAPES[data]
    model = getattr(torchvision.models, name)(num_classes=classes)
    batches = [(torch.randn(batch, 3, side, side), torch.randint(classes, (batch,)))
               for _ in range(2)]
    return model, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}, batches


def step(model, optimizer, images, labels):
    images, labels = images.cuda(), labels.cuda()
    optimizer.zero_grad(set_to_none=True)
    loss = functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("mlp", *CONVOLUTIONAL), required=True)
    parser.add_argument("--data", choices=sorted(SHAPES), default="cifar100")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--marks", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.model == "alexnet" and arguments.data == "cifar100":
        parser.error("alexnet's first layers leave nothing of images of 32 x 32; use imagenet")
    return arguments


def main():
    arguments = parse()
    torch.manual_seed(0)
    if arguments.model == "mlp":
        model, make_optimizer, settings, batches = perceptron()
    else:
        model, make_optimizer, settings, batches = network(arguments.model, arguments.data,
                                                           arguments.batch)
    model.cuda().train()
    optimizer = make_optimizer(model.parameters(), **settings)
    marks = []
    for number in range(arguments.steps):
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        loss = step(model, optimizer, *batches[number % len(batches)])
        marks.append((number, begin, time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
    print(f"{arguments.model}: {arguments.steps} steps, loss {loss.item():.4f}")
    if arguments.marks:
        with open(arguments.marks, "w", encoding="utf-8") as file:
            file.writelines("{} {} {}\n".format(*mark) for mark in marks)


if __name__ == "__main__":
    main()
