#!/usr/bin/env python3
"""Table accounting against NVML, which the traced job asks itself at a quiet moment, and against
what PyTorch says it holds.

usage: account.py resnet50
"""
import json

import jobs
import outcome
import traceread

STEPS, EVERY_MS, LIMIT = 12, 200, 0.01
TORCH = ("blocks", "slack")


def figure_of(facts):
    """(bytes, how it is known): what NVML says of this process, or of the device."""
    listed = {pid: used for pid, used in facts["processes"]}
    if facts["pid"] in listed:
        return listed[facts["pid"]], "process"
    if len(listed) == 1:
        return next(iter(listed.values())), "alone"
    return facts["used"], "device"


def sum_of(rows, wanted):
    return sum(row["size_bytes"] for row in rows if wanted(row["what"]))


def check_sum(out, rows, moment):
    parts, total = (sum_of(rows, lambda what, is_total=is_total: (what == "total") == is_total)
                    for is_total in (False, True))
    out.equal(parts, total, f"the rows' sum, and their total ({moment})")


def compare(out, rows, facts):
    """The rows of one moment at which nothing had changed since the program looked at NVML."""
    figure, known_by = figure_of(facts)
    total = sum_of(rows, lambda what: what == "total")
    mine = sum_of(rows, lambda what: what in TORCH)
    out.equal({row["known_by"] for row in rows}, {known_by}, "how the figure is known")
    out.check(figure and abs(total - figure) <= LIMIT * figure,
              f"total {total}, NVML says {figure}: more than {LIMIT:.0%} apart")
    out.equal(mine, facts["reserved"], "blocks and slack, and torch's memory_reserved()")
    out.check(known_by == "device" or sum_of(rows, lambda what: what == "context") > 0,
              "nothing is laid to the context")
    out.figures.update(total=total, nvml=figure, torch=mine, known_by=known_by, rows={
        " ".join(filter(None, (row["what"], str(row["library"] or "")))): row["size_bytes"]
        for row in rows})


def check(out, arguments):
    model, = arguments
    stem = jobs.work(f"account_{model}")
    trace, file = stem + ".mtrace", stem + ".json"
    jobs.remove(trace, file)
    command = jobs.launched(trace, jobs.python("train_account.py", "--account", file, "--steps",
                                               STEPS))
    command[1:1] = [f"--nvml-ms={EVERY_MS}"]
    status, _, stderr = jobs.run(command, log=stem + ".log")
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})"):
        return
    with open(file, encoding="utf-8") as stream:
        facts = json.load(stream)
    out.equal(facts["reserved"], facts["max_reserved"], "torch gave nothing back")
    start = traceread.start_ns(trace)
    samples = [event for event in traceread.events(trace, "usage")
               if facts["begin"] - start <= event["time_ns"] <= facts["end"] - start]
    out.check(len(samples) >= 3, f"{len(samples)} samples in the pause")
    rows = traceread.table(trace, "accounting")
    for moment in ("peak", "end"):
        check_sum(out, [row for row in rows if row["moment"] == moment], moment)
    compare(out, [row for row in rows if row["moment"] == "end"], facts)
    out.headline = (f"total {out.figures['total'] / (1 << 20):.0f} MiB, NVML "
                    f"{out.figures['nvml'] / (1 << 20):.0f} MiB ({out.figures['known_by']}), torch "
                    f"{out.figures['torch'] / (1 << 20):.0f} MiB")


if __name__ == "__main__":
    outcome.main(check)
