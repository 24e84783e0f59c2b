#!/usr/bin/env python3
"""examples/jax: JAX's pool is one piece of driver memory of the size that JAX says, its kernels run
one by one and by graphs.

usage: example_jax.py
"""
import re
import shutil

import exampletest
import jobs
import outcome
import traceread

STEPS = 50
FRACTION = "0.05"  # other tests run beside it; JAX alone would take three quarters of the memory
PAGE = 2 << 20


def largest(trace):
    """Bytes of the driver's pieces, the largest first: allocated, or created to be mapped."""
    return sorted((event["size"] for event in traceread.events(trace, "alloc", "create")),
                  reverse=True)


def check(out, _arguments):
    exampletest.needs("jax")
    run = exampletest.Example(
        out, "jax", ["python3", "examples/jax/network.py", str(STEPS)],
        {"XLA_PYTHON_CLIENT_MEM_FRACTION": FRACTION})
    if not run.good:
        return
    summary = run.check_sound()
    told = dict(re.findall(r"\b(bytes_limit|pool_bytes|peak_bytes_in_use|num_allocs) (\d+)",
                           run.output))
    sizes = largest(run.trace)
    out.figures.update(told=told, pieces=sizes[:6], launches=summary["launches"],
                       by_graphs=summary["launches_by_graphs"],
                       graph_launches=summary["graph_launches"])
    pool = int(told.get("bytes_limit", 0))
    if out.check(pool > 0 and sizes, f"JAX says nothing of its pool: {run.output[-300:]}"):
        out.check(abs(sizes[0] - pool) <= PAGE, f"the largest piece has {sizes[0]} bytes, "
                  f"JAX's pool {pool}")
        out.check(len(sizes) < 2 or sizes[1] < pool // 2, f"a second piece of {sizes[1:2]}")
        share = pool / summary["device.0.total_bytes"]
        out.check(abs(share - float(FRACTION)) < 0.005, f"the pool is {share:.3f} of the memory")
    out.check(summary["launches"] > 10 * STEPS, f"launches {summary['launches']}")
    out.check(summary["launches_by_graphs"] > 0, "no kernel ran by a graph")
    iterations = len(run.table("iterations"))
    if abs(iterations - STEPS) > 2:
        shutil.copy(run.trace, jobs.LOGDIR)
    out.check(abs(iterations - STEPS) <= 2, f"{iterations} iterations, {STEPS} steps")
    run.analyze()
    run.analyze("--table=blocks", "--format=csv", most=exampletest.MORE)
    run.finish(iterations=iterations)
    out.headline = (f"pool of {pool} bytes in one piece, {summary['launches_by_graphs']} of "
                    f"{summary['launches']} launches by graphs, {iterations} iterations")


if __name__ == "__main__":
    outcome.main(check)
