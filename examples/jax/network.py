#!/usr/bin/env python3
"""A small network in JAX; a step is one jitted function. usage: network.py [STEPS]"""
import functools
import sys

import jax
import jax.numpy as jnp
import numpy

LAYERS, WIDTH, BATCH = 6, 512, 256
SHOWN = ("bytes_limit", "pool_bytes", "peak_bytes_in_use", "num_allocs")


def forward(params, x):
    for weight, bias in params[:-1]:
        x = jnp.tanh(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


def loss(params, x, y):
    return jnp.mean((forward(params, x) - y) ** 2)


@functools.partial(jax.jit, donate_argnums=0)
def step(params, x, y):
    value, slopes = jax.value_and_grad(loss)(params, x, y)
    return jax.tree.map(lambda p, slope: p - 0.05 * slope, params, slopes), value


def build():
    return [(jax.random.normal(key, (WIDTH, WIDTH)) / WIDTH ** 0.5, jnp.zeros(WIDTH))
            for key in jax.random.split(jax.random.PRNGKey(0), LAYERS)]


def batch(random):
    x = random.standard_normal((BATCH, WIDTH), dtype=numpy.float32)
    return x, numpy.sin(x)


def main(steps):
    params, random = build(), numpy.random.default_rng(0)
    for number in range(steps):
        params, value = step(params, *batch(random))
        value = float(value)
        if number % 10 == 0 or number == steps - 1:
            print(f"step {number:4}  loss {value:.4f}")
    device = jax.devices()[0]
    stats = device.memory_stats() or {}
    print(f"on {device.platform}:", *(f"{key} {stats[key]}" for key in SHOWN if key in stats))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
