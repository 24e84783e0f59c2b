#!/usr/bin/env python3
"""Training loops of the kinds that make iterations hard to tell: --loop moe (a mixture of experts;
lengths and the experts' shares differ from step to step), accumulate (four micro-batches a step),
evaluate (five batches of evaluation behind every tenth step); everything of these is made on the
GPU. epochs: both of the latter at once, the data copied from the host, all parameters saved behind
every twentieth step. switch: from the 21st step on in bfloat16, that is by other kernels."""
import torch
from torch import nn
from torch.nn import functional

import train_common

WIDTH, WORDS = 256, 4096


class Experts(nn.Module):
    """Each token goes to one expert; which, and so how many, is known on the GPU only."""

    def __init__(self, experts):
        super().__init__()
        self.gate = nn.Linear(WIDTH, experts)
        self.expert = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
            for _ in range(experts))

    def forward(self, x):
        share, chosen = functional.softmax(self.gate(x), -1).max(-1)
        result = torch.zeros_like(x)
        for number, expert in enumerate(self.expert):
            rows = (chosen == number).nonzero().squeeze(-1)
            if rows.numel():
                result = result.index_add(0, rows, expert(x[rows]) * share[rows, None])
        return result


class Layer(nn.Module):
    def __init__(self, experts):
        super().__init__()
        self.before, self.middle = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mix, self.join = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.rest = Experts(experts) if experts else nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        batch, length, _ = x.shape
        query, key, value = self.mix(self.before(x)).view(
            batch, length, 3, 4, WIDTH // 4).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.join(seen.transpose(1, 2).reshape(x.shape))
        return x + self.rest(self.middle(x).view(-1, WIDTH)).view(x.shape)


def network(experts):
    return nn.Sequential(nn.Embedding(WORDS, WIDTH), *(Layer(experts) for _ in range(6)),
                         nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS)).cuda().train()


def loss_of(model, tokens):
    logits = model(tokens[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def build(args):
    model = network(8 if args.loop == "moe" else 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    micros = 4 if args.loop in ("accumulate", "epochs") else 1
    on_host = args.loop == "epochs"
    done = 0

    def tokens():
        length = 65
        if args.loop == "moe":
            length = 33 + int(torch.randint(8, (1,))) * 16
        if on_host:
            return torch.randint(WORDS, (args.batch, length)).pin_memory().cuda(non_blocking=True)
        return torch.randint(WORDS, (args.batch, length), device="cuda")

    def evaluate():
        model.eval()
        with torch.no_grad():
            total = sum(float(loss_of(model, tokens())) for _ in range(5))
        model.train()
        return total

    def step():
        nonlocal done
        narrow = args.loop == "switch" and done >= 20
        for _ in range(micros):
            with torch.autocast("cuda", torch.bfloat16, enabled=narrow):
                loss = loss_of(model, tokens()) / micros
            loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        if args.loop in ("evaluate", "epochs") and done % 10 == 0:
            evaluate()
        if args.loop == "epochs" and done % 20 == 0:
            _ = [parameter.cpu() for parameter in model.parameters()]
    return step


def add_arguments(parser):
    parser.add_argument("--loop", choices=("moe", "accumulate", "evaluate", "epochs", "switch"),
                        required=True)


if __name__ == "__main__":
    train_common.run(__doc__, build, 8, add_arguments)
