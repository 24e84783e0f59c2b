#!/usr/bin/env python3
"""A short real trace of a model with torch's own record of the same run, for tests/golden.

usage: golden_candidate.py resnet50|gpt [native|expandable]

Leaves golden-NAME.mtrace (at most 2 MiB) and golden-NAME.json.gz (torch's history of blocks with
the sizes that follow from it, its peaks, launches of each step) in the log folder; NAME is that of
the model, with _expandable for expandable segments.
"""
import gzip
import json
import os
import shutil

import compare
import equality
import jobs
import outcome
import torch_history

MOST_BYTES = 2 << 20
ARGUMENTS = {
    "resnet50": ["--steps", 4, "--batch", 4, "--image", 64],
    "gpt": ["--steps", 4, "--batch", 2, "--length", 64],
}
PROFILED = ["--profile-first", 1, "--profile-steps", 3]


def expected(run, replay):
    return {
        "torch": run.history["torch"],
        "max_allocated": run.history["max_allocated"][0],
        "max_reserved": run.history["max_reserved"][0],
        "launches_per_step": {step: value["launches"]
                              for step, value in run.profile["steps"].items()},
        "marks_ns": run.marks,
        "blocks": replay.events,
        "segments": replay.segments,
    }


def check(out, arguments):
    model, allocator = (*arguments, "native")[:2]
    name = model if allocator == "native" else f"{model}_{allocator}"
    run = equality.Run(model, allocator, jobs.work(f"golden_{name}"), *ARGUMENTS[model], *PROFILED)
    if not out.equal(run.status, 0, f"exit code of the traced job ({run.stderr.strip()[-300:]})"):
        return
    run.load()
    replay = torch_history.replay(run.history, 0)
    out.none(compare.blocks(equality.block_events(run.events, 0), replay.events), "blocks")
    size = os.path.getsize(run.trace)
    out.figures = {"bytes": size, "block_events": len(replay.events)}
    out.headline = f"{size / 1024:.0f} KiB, {len(replay.events)} block events"
    if not out.check(size <= MOST_BYTES, f"the trace has {size} bytes, {MOST_BYTES} at most"):
        return
    place = os.path.join(jobs.LOGDIR, f"golden-{name}")
    shutil.copyfile(run.trace, place + ".mtrace")
    with gzip.open(place + ".json.gz", "wt", encoding="utf-8") as file:
        json.dump(expected(run, replay), file)


if __name__ == "__main__":
    outcome.main(check)
