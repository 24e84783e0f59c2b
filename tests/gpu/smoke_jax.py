"""A small JAX program: jitted steps of gradient descent."""
import sys

import jax
import jax.numpy as jnp


def loss(w, x):
    return jnp.mean((jnp.tanh(x @ w) - x) ** 2)


step = jax.jit(lambda w, x: w - 0.1 * jax.grad(loss)(w, x))
x = jax.random.normal(jax.random.PRNGKey(0), (256, 64))
w = jnp.eye(64)
before = float(loss(w, x))
for _ in range(20):
    w = step(w, x)
print(jax.devices()[0].platform, "fell", float(loss(w, x)) < before)
sys.exit(3)
