#!/usr/bin/env python3
"""JAX's own profiler and allocator against the trace.

usage: coverage_jax.py pool|async

pool: JAX's standard allocator, one piece of memory; the kernels that ran, those of graphs too, as
jax.profiler counts. async: JAX on the driver's stream-ordered pools, where every buffer is an
allocation of the driver's.
"""
import json

import asyncequal
import covering
import exampletest
import graphcount
import jobs
import outcome
import traceread

ALLOCATOR = {"pool": {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.05"},
             "async": {"XLA_PYTHON_CLIENT_ALLOCATOR": "cuda_async",
                       "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}}


def check_kernels(out, events, begin, end, facts):
    ran = graphcount.follow(events)
    mine = sum(kernels for time, kernels in ran if begin <= time <= end)
    out.equal(mine, facts["kernels"], "kernels while jax.profiler looked")
    out.check(mine > 10 * facts["steps"], f"too few kernels to compare: {facts['lines']}")
    out.figures.update(kernels=mine, jax_kernels=facts["kernels"], lines=facts["lines"])


def check_pool(out, events, stats):
    sizes = sorted((e["size"] for e in events if e["event"] in ("alloc", "create")), reverse=True)
    limit = stats.get("bytes_limit", 0)
    out.check(sizes and abs(sizes[0] - limit) <= 2 << 20,
              f"the largest piece {sizes[:1]}, JAX's limit {limit}")
    out.figures["pieces"] = sizes[:6]


def check_async(out, events, until, stats):
    pool = asyncequal.Pool([e for e in events if e["event"] in ("alloc", "free")], until)
    out.figures.update(allocs=len(pool.births), frees=len(pool.deaths), bytes=pool.now,
                       peak=pool.peak)
    out.check(len(pool.births) > 20, "too few allocations by the driver's pools")
    for key, value in (("num_allocs", len(pool.births)), ("bytes_in_use", pool.now),
                       ("peak_bytes_in_use", pool.peak)):
        out.equal(value, stats.get(key), f"JAX's {key}")


def check(out, arguments):
    kind, = arguments
    exampletest.needs("jax")
    stem = jobs.work(f"coverage_jax_{kind}")
    trace, facts_file = stem + ".mtrace", stem + ".json"
    jobs.remove(trace, facts_file)
    status, stdout, stderr = jobs.run(
        jobs.launched(trace, jobs.python("examples/jaxrecord.py", facts_file)),
        exampletest.environment(**ALLOCATOR[kind]), stem + ".log")
    if not out.equal(status, 0, f"exit code ({stdout[-200:]} {stderr.strip()[-300:]})"):
        return
    with open(facts_file, encoding="utf-8") as file:
        facts = json.load(file)
    out.figures["stats"] = facts["stats"]
    start = traceread.start_ns(trace)
    events = list(traceread.events(trace, *graphcount.KINDS, "create"))
    check_kernels(out, events, facts["begin"] - start, facts["end"] - start, facts)
    if kind == "pool":
        check_pool(out, events, facts["stats"])
    else:
        check_async(out, events, facts["now"] - start, facts["stats"])
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for key in exampletest.ZERO:
        out.equal(summary.get(key), 0, key)
    out.figures["by_graphs"] = summary["launches_by_graphs"]
    covering.note(out, trace, (out.figures["kernels"], out.figures["jax_kernels"]),
                  facts["stats"].get("num_allocs") if kind == "async" else 1,
                  "JAX's allocator" if kind == "async" else "JAX's pool, one piece")
    out.headline = ("{kernels} kernels, jax.profiler {jax_kernels}; {by_graphs} launches by "
                    "graphs".format(**out.figures))


if __name__ == "__main__":
    outcome.main(check)
