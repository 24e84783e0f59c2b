#!/usr/bin/env python3
"""examples/cuda: a plain CUDA program with the runtime linked in. Every block and every access is
known.

usage: example_cuda.py
"""
import collections
import os
import subprocess

import exampletest
import jobs
import known_calls
import outcome

STEPS = 20
SAMPLES = 4 << 20


def build(name, source, *more):
    program = jobs.work(name)
    command = [known_calls.nvcc(), "-o", program, os.path.join(exampletest.ROOT, source), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-800:]}")
    return program


def expected(steps):
    """{(bytes, reads, writes, touches): blocks}"""
    return {(256, 0, 1, steps): 1, (4, steps, steps, steps): 1,
            (SAMPLES, 0, 1, 1): steps, (SAMPLES, 0, 0, 2): steps}


def check(out, _arguments):
    program = build("smooth", "examples/cuda/smooth.cu")
    run = exampletest.Example(out, "smooth", [program])
    run.shown = [line.replace(program, "./smooth") for line in run.shown]
    if not run.good:
        return
    run.check_sound()
    rows = run.table("blocks")
    found = collections.Counter((row["size_bytes"], row["reads"], row["writes"], row["touches"])
                                for row in rows)
    out.equal(dict(found), expected(STEPS), "blocks by bytes, reads, writes, touches")
    out.equal({row["source"] for row in rows}, {"driver"}, "where blocks come from")
    launches = {name.split("(")[0]: count for name, count in run.launches().items()}
    out.check(sorted(launches.values()) == [STEPS, STEPS]
              and all(any(word in name for name in launches) for word in ("smooth", "add_up")),
              f"launches of each kernel: {launches}")
    libraries = run.libraries()
    out.equal({name: counts[0] for name, counts in libraries.items()},
              {"smooth": 2 + 2 * STEPS}, "allocations by library")
    iterations = len(run.table("iterations"))
    out.check(STEPS - 1 <= iterations <= STEPS, f"{iterations} iterations, {STEPS} steps")
    run.analyze()
    run.analyze("--table=blocks", "--format=csv", most=exampletest.MORE)
    run.shown = [line.replace(program, "./smooth") for line in run.shown]
    run.finish(blocks=len(rows), launches=launches, iterations=iterations)
    out.headline = f"{len(rows)} blocks exact, {iterations} iterations in {STEPS} steps"


if __name__ == "__main__":
    outcome.main(check)
