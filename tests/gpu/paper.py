#!/usr/bin/env python3
"""The paper's training jobs (examples/paper) on a real GPU: what the paper says of its own runs
must hold of these, as far as it does not depend on the machine.

usage: paper.py mlp|alexnet|vgg16|resnet18|resnet50

As many iterations as steps, each beginning at the same kernel; the perceptron's outlier is a block
of 1200 MiB; what layers hand on grows with the batch; and swapping keeps the paper's rule.
"""
import os
import sys

import jobs
import outcome
import rhythm
import traceread

sys.path.insert(0, os.path.join(jobs.HERE, "..", "..", "examples", "paper"))
import run as paper  # noqa: E402

HIDDEN_BYTES = 25600 * 12288 * 4
RATE = 1 / (1 / 6.4 + 1 / 6.3)  # bytes a ns: there and back on the paper's card


def compare_swaps(out, name, facts):
    for rate in facts["swap_rates"]:
        if not out.check(abs(rate - RATE) < 0.01 * RATE,
                         f"{name}: {rate:.4f} bytes a ns of a gap may leave, not {RATE:.4f}"):
            break


def compare_batches(out, found):
    """Jobs that differ in nothing but the batch."""
    groups = {}
    for name, facts in found.items():
        kind, _, batch = name.rpartition("_")
        if kind:
            groups.setdefault(kind, []).append((int(batch), facts["breakdown"]["intermediate"]))
    for kind, sizes in groups.items():
        sizes.sort()
        out.check(all(small[1] < large[1] for small, large in zip(sizes, sizes[1:])),
                  f"{kind}: intermediate results do not grow with the batch: {sizes}")


def compare(out, name, facts):
    """What must hold of one job; also used by the self-test."""
    out.equal(facts["iterations"], facts["steps"], f"{name}: iterations found, steps run")
    compare_swaps(out, name, facts)
    if name == "mlp":
        out.equal(facts["outlier"].get("size_bytes"), HIDDEN_BYTES, "size of the outlier")
        share = facts["breakdown"]["intermediate"] / facts["breakdown"]["all"]
        out.check(share > 0.9, f"intermediate results are {share:.2f} of the peak, not most of it")


def check(out, arguments):
    model, = arguments
    paper.BUILD = traceread.BUILD
    found = {}
    for name in [job for job in paper.jobs() if job.partition("_")[0] == model]:
        for end in (".mtrace", ".marks"):
            jobs.remove(jobs.work(name + end))
        facts = found[name] = paper.run(name, jobs.WORK)
        compare(out, name, facts)
        trace = jobs.work(name + ".mtrace")
        marks = rhythm.read_marks(jobs.work(name + ".marks"), traceread.start_ns(trace))
        facts.update(rhythm.compare(out, model, marks, traceread.table(trace, "iterations"),
                                    list(traceread.events(trace, "launch"))))
    compare_batches(out, found)
    out.figures = found
    alike = min(facts["same_kernel"] for facts in found.values())
    out.headline = (f"{len(found)} jobs, {sum(f['iterations'] for f in found.values())} iterations "
                    f"in {sum(f['steps'] for f in found.values())} steps, "
                    f"{100 * alike:.0f} % or more begin with the same kernel")


if __name__ == "__main__":
    outcome.main(check)
