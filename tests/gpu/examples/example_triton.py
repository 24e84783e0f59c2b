#!/usr/bin/env python3
"""examples/triton: each kernel by its name, as often as it was launched, with the tensors that it
was given.

usage: example_triton.py
"""
import collections

import exampletest
import outcome

STEPS = 20
TENSORS = {"scaled_add": 3, "softmax_rows": 2}


def check(out, _arguments):
    exampletest.needs("torch", "triton")
    run = exampletest.Example(out, "kernels", ["python3", "examples/triton/kernels.py"])
    if not run.good:
        return
    run.check_sound()
    out.check("the last is right" in run.output, f"the program says: {run.output[-200:]}")
    launches = run.launches()
    touched = collections.Counter()
    for row in run.table("accesses"):
        touched[row["kernel"], row["by"]] += 1
    for name, tensors in TENSORS.items():
        out.equal(launches.get(name), STEPS, f"launches of {name}")
        out.equal(touched[name, "launch"], tensors * STEPS, f"tensors given to {name}")
    run.analyze()
    run.analyze("--table=kernels", most=exampletest.MORE)
    run.finish(launches={name: launches.get(name) for name in TENSORS})
    out.headline = ", ".join(f"{count} launches of {name}" for name, count in
                             out.figures["launches"].items())


if __name__ == "__main__":
    outcome.main(check)
