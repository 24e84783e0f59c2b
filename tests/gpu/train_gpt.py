#!/usr/bin/env python3
"""A GPT of 12 layers, width 768, 12 heads, 50304 words: float32 weights, bfloat16 autocast, AdamW.
Batch and sequence are so small that the CPU's launches bound the step, not the GPU's arithmetic:
the hardest case for a recorder. Tokens are made on the GPU anew for every step."""
import torch
from torch import nn
from torch.nn import functional

import train_common


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x):
        batch, length, width = x.shape
        parts = self.mix(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.join(seen.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x):
        x = x + self.attend(self.before_attention(x))
        return x + self.narrow(functional.gelu(self.widen(self.before_mlp(x))))


class Gpt(nn.Module):
    def __init__(self, layers, width, heads, words, length):
        super().__init__()
        self.word, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.word.weight

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.word(tokens) + self.place(places)
        return self.head(self.last(self.layers(x)))


def build(args):
    words = 50304
    model = Gpt(args.layers, 768, 12, words, args.length).cuda().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)

    def step():
        tokens = torch.randint(words, (args.batch, args.length + 1), device="cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits = model(tokens[:, :-1])
            loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return step


def add_arguments(parser):
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--length", type=int, default=128, help="tokens of a sequence")


if __name__ == "__main__":
    train_common.run(__doc__, build, 4, add_arguments)
