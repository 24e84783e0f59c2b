#!/usr/bin/env python3
"""ResNet-50 on synthetic images: 224 x 224, NCHW, float32 with torch's defaults (cuDNN may use
TF32; cudnn.benchmark off), SGD with momentum. Images and labels are made on the GPU, anew for every
step."""
import torch
import torchvision

import train_common


def build(args):
    model = torchvision.models.resnet50(weights=None).cuda().train()
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        images = torch.randn(args.batch, 3, args.image, args.image, device="cuda")
        labels = torch.randint(1000, (args.batch,), device="cuda")
        loss = loss_of(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return step


def add_arguments(parser):
    parser.add_argument("--image", type=int, default=224, help="pixels of an image's side")


if __name__ == "__main__":
    train_common.run(__doc__, build, 32, add_arguments)
