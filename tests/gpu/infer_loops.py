#!/usr/bin/env python3
"""Inference, whose layers are all alike: --loop decode (a small GPT answers requests one after the
other: it reads a prompt, which is copied from the host, and draws one token after another, with the
keys and values of all tokens so far kept and grown) or images (batches of images, copied from the
host, through ResNet-50). What was drawn or found goes to the host. A step is a request or a batch.
"""
import torch
import torchvision
from torch import nn
from torch.nn import functional

import train_common
import train_loops
from train_loops import WIDTH, WORDS

PROMPT, TOKENS, IMAGE = 16, 32, 64


class Layer(train_loops.Layer):
    """Keeps keys and values from call to call until `kept` is emptied."""

    def __init__(self):
        super().__init__(0)
        self.kept = None

    def forward(self, x):
        batch, length, _ = x.shape
        query, key, value = self.mix(self.before(x)).view(
            batch, length, 3, 4, WIDTH // 4).permute(2, 0, 3, 1, 4)
        if self.kept is not None:
            key, value = torch.cat((self.kept[0], key), 2), torch.cat((self.kept[1], value), 2)
        self.kept = key, value
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=length > 1)
        x = x + self.join(seen.transpose(1, 2).reshape(x.shape))
        return x + self.rest(self.middle(x))


def decode(args):
    layers = [Layer() for _ in range(6)]
    model = nn.Sequential(nn.Embedding(WORDS, WIDTH), *layers, nn.LayerNorm(WIDTH),
                          nn.Linear(WIDTH, WORDS)).to("cuda", torch.bfloat16).eval()

    @torch.inference_mode()
    def request():
        tokens = torch.randint(WORDS, (args.batch, PROMPT)).pin_memory().cuda(non_blocking=True)
        answer = []
        for _ in range(1 + TOKENS):
            tokens = model(tokens)[:, -1].argmax(-1, keepdim=True)
            answer.append(tokens.tolist())
        for layer in layers:
            layer.kept = None
    return request


def images(args):
    model = torchvision.models.resnet50(weights=None).cuda().eval()

    @torch.inference_mode()
    def batch():
        pixels = torch.randn(args.batch, 3, IMAGE, IMAGE).pin_memory().cuda(non_blocking=True)
        model(pixels).argmax(-1).tolist()
    return batch


BUILD = {"decode": decode, "images": images}


def add_arguments(parser):
    parser.add_argument("--loop", choices=BUILD, required=True)


if __name__ == "__main__":
    train_common.run(__doc__, lambda args: BUILD[args.loop](args), 8, add_arguments)
