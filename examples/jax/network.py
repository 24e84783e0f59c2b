#!/usr/bin/env python3
"""A small network in JAX; a step is one jitted function. usage: network.py [STEPS]"""
import functools
import sys

import jax
import jax.numpy as jnp

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
    keys = jax.random.split(jax.random.PRNGKey(0), LAYERS + 1)
    params = [(jax.random.normal(key, (WIDTH, WIDTH)) / WIDTH ** 0.5, jnp.zeros(WIDTH))
              for key in keys[:-1]]
    x = jax.random.normal(keys[-1], (BATCH, WIDTH))
    return params, x, jnp.sin(x)


def main(steps):
    params, x, y = build()
    for number in range(steps):
        params, value = step(params, x, y)
        if number % 10 == 0 or number == steps - 1:
            print(f"step {number:4}  loss {float(value):.4f}")
    device = jax.devices()[0]
    stats = device.memory_stats() or {}
    print(f"on {device.platform}:", *(f"{key} {stats[key]}" for key in SHOWN if key in stats))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
