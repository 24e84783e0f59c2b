#!/usr/bin/env python3
"""A traced training run against what PyTorch recorded about itself in the same process.

usage: equality.py resnet50|gpt|moe|compile native|expandable
"""
import collections
import json
import os

import compare
import covering
import jobs
import outcome
import torch_history
import traceread

STEPS = 16
DRIVER = ("alloc", "free", "map", "unmap", "global", "host_alloc", "host_free")
ALLOCATOR = ("block_alloc", "block_free")
SHORT = {"block_alloc": "alloc", "block_free": "free"}
PROGRAMS = {"moe": ("train_loops.py", "--loop", "moe"), "compile": ("train_compile.py",),
            "reduce_overhead": ("train_compile.py", "--mode", "reduce-overhead")}


def environment(allocator):
    made = dict(os.environ)
    for name in ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
        made.pop(name, None)
    if allocator == "expandable":
        # The old name is still understood, the new one is not by older versions.
        made["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
    if allocator == "async":
        made["PYTORCH_CUDA_ALLOC_CONF"] = "backend:cudaMallocAsync"
    return made


class Run:
    """One traced run and everything that it and torch left."""

    def __init__(self, model, allocator, stem, *args):
        self.trace, self.stem = stem + ".mtrace", stem
        self.history_file, self.profile_file, self.marks_file = (
            stem + end for end in (".history.json", ".profile.json", ".marks"))
        jobs.remove(self.trace, self.marks_file, self.history_file, self.profile_file)
        program = PROGRAMS.get(model, (f"train_{model}.py",))
        # The driver's pools keep no history, and torch refuses to keep one of them.
        history = ("--history", self.history_file) if allocator != "async" else ()
        command = jobs.launched(self.trace, jobs.python(
            *program, *history, "--profile", self.profile_file, "--marks", self.marks_file, *args))
        self.status, self.stdout, self.stderr = jobs.run(
            command, environment(allocator), stem + ".log")

    def load(self):
        self.history = self.profile = None
        if os.path.exists(self.history_file):
            self.history = torch_history.load(self.history_file)
        if os.path.exists(self.profile_file):
            with open(self.profile_file, encoding="utf-8") as file:
                self.profile = json.load(file)
        self.marks = read_marks(self.marks_file, traceread.start_ns(self.trace))
        self.events = list(traceread.events(self.trace, *DRIVER, *ALLOCATOR, "launch"))


def read_marks(path, start):
    """[(step, begin, end)] in the trace's own time."""
    with open(path, encoding="utf-8") as file:
        rows = [tuple(map(int, line.split())) for line in file if line.endswith("\n")]
    return [(step, begin - start, end - start) for step, begin, end in rows]


def block_events(events, device):
    return [(SHORT[e["event"]], e["address"], e["size"]) for e in events
            if e["event"] in SHORT and e["device"] == device]


def check_blocks(out, run, device, replay):
    mine = block_events(run.events, device)
    out.none(compare.blocks(mine, replay.events), f"device {device}")
    sums = [e["allocated"] for e in run.events if e["event"] in SHORT and e["device"] == device]
    out.none(compare.totals(sums, mine), f"device {device}")
    out.equal(max(sums), run.history["max_allocated"][device], "most bytes allocated")
    held = [e["reserved"] for e in run.events if e["event"] in SHORT and e["device"] == device]
    out.equal(max(held), run.history["max_reserved"][device], "most bytes reserved")
    out.figures.update(max_allocated=max(sums), max_reserved=max(held))
    out.figures["block_events"] = len(replay.events)
    out.figures["block_events_after_snapshot"] = len(mine) - len(replay.events)


def check_segments(out, run, replay):
    """The device's driver memory; one device is assumed where driver frees name none."""
    plain = [(e["event"], e["address"], e.get("size")) for e in run.events
             if e["event"] in ("alloc", "free")]
    mapped = [(e["event"], e["address"], e["size"]) for e in run.events
              if e["event"] in ("map", "unmap")]
    problems, matched = compare.segments(
        plain, [s for s in replay.segments if s[0] in ("alloc", "free")])
    out.none(problems, "segments")
    out.none(compare.mappings(mapped, [s for s in replay.segments if s[0] in ("map", "unmap")]),
             "expandable segments")
    out.figures["segment_events"] = len(replay.segments)
    others = [event for place, event in enumerate(plain)
              if place not in matched and event[0] == "alloc"]
    out.figures["driver_allocations_outside_torch"] = len(others)
    out.figures["driver_bytes_outside_torch"] = sum(size for _, _, size in others)
    out.none(compare.enclosed(enclosing(run.events, matched)), "nesting")


def enclosing(events, matched):
    """The events for compare.enclosed: torch's segments only, and every block."""
    place, known = -1, set()
    for event in events:
        kind, address = event["event"], event.get("address", 0)
        if kind in ("alloc", "free"):
            place += 1
        if kind == "map" or (kind == "alloc" and place in matched):
            known.add(address)
            yield "segment", address, event["size"]
        elif kind in ("unmap", "free") and address in known:
            known.discard(address)
            yield "drop", address, 0
        elif kind == "block_alloc":
            yield "block", address, event["size"]


def resolving(events, holders):
    """The events for compare.unresolved. `holders`: driver memory that holds blocks; a pointer into
    it counts only where it lies in a block. Page-locked host memory is no device memory."""
    pinned = compare.Ranges()
    for event in events:
        kind = event["event"]
        if kind == "block_alloc" or (kind == "alloc" and event["address"] not in holders):
            yield "birth", event["address"], event["size"]
        elif kind in ("block_free", "free"):
            yield "death", event["address"], 0
        elif kind == "host_alloc":
            pinned.add(event["address"], event["size"])
        elif kind == "host_free":
            pinned.remove(event["address"])
        elif kind == "launch":
            addresses = [word["address"] for word in event["words"]]
            yield "launch", event["time_ns"], [a for a in addresses if not pinned.holds(a)]


def check_steps(out, run, replay, resolve=resolving):
    """Launches of each step as torch.profiler counts them, each with a block; the profiler's steps.
    """
    launches = [e for e in run.events if e["event"] == "launch"]
    counted = compare.per_step([e["time_ns"] for e in launches], run.marks)
    steps = {int(step): value for step, value in run.profile["steps"].items()}
    out.check(steps and all(value["launches"] > 100 for value in steps.values()),
              f"torch.profiler counted too few launches to compare: {steps}")
    out.equal(run.profile["outside"], 0, "launches that torch.profiler sees outside every step")
    for step, value in sorted(steps.items()):
        out.equal(counted.get(step), value["launches"], f"launches in step {step}")
    with_pointers, bad = compare.unresolved(
        resolve(run.events, {s[1] for s in replay.segments}))
    out.equal(len(bad), 0, f"launches whose pointers lie in no block, such as {bad[:3]}")
    out.figures.update(launches=len(launches), launches_with_pointers=with_pointers,
                       launches_per_step=counted.get(max(steps, default=0)))
    return steps


def check_launches(out, run, replay):
    steps = check_steps(out, run, replay)
    out.figures.update(profiler_launches_per_step=steps[max(steps)]["launches"],
                       profiler_kernels_per_step=steps[max(steps)]["kernels"],
                       profiler_calls=run.profile["calls"])


def driver_peak(events):
    """Most bytes of driver memory at a time, by the driver's events alone."""
    live, now, peak = {}, 0, 0
    for event in events:
        if event["event"] in ("alloc", "map", "global"):
            live[event["address"]] = event["size"]
            now += event["size"]
            peak = max(peak, now)
        elif event["event"] in ("free", "unmap"):
            now -= live.pop(event["address"], 0)
    return peak


def check_summary(out, run, device, summary):
    """What memtrace-analyze says in its summary against torch, and against the dump."""
    def says(key, expected):
        out.equal(summary.get(key), expected, f"memtrace-analyze, {key}")

    count = collections.Counter(event["event"] for event in run.events)
    prefix = f"device.{device}."
    says(prefix + "allocator_peak_allocated_bytes", run.history["max_allocated"][device])
    says(prefix + "allocator_peak_reserved_bytes", run.history["max_reserved"][device])
    says(prefix + "peak_reserved_bytes", driver_peak(run.events))
    if out.figures["driver_allocations_outside_torch"] == 0:
        says(prefix + "peak_allocated_bytes", run.history["max_allocated"][device])
    says("blocks_allocated", count["block_alloc"])
    says("blocks_freed", count["block_free"])
    says("launches", count["launch"])
    says("launches_untouching", count["launch"] - out.figures["launches_with_pointers"])
    for key in ("events_lost", "events_damaged", "allocator_mismatches", "orphan_blocks",
                "overlaps", "late_block_frees", "launches_arguments_unknown", "invalid_records"):
        says(key, 0)
    says("complete", 1)
    out.figures["variants"] = {key.split(".", 1)[1]: value for key, value in summary.items()
                               if key.startswith("variant.")}


def check_tables(out, run, device, replay, summary):
    """The rows of the tables: every block, every launch that touches one, the peaks."""
    rows = traceread.table(run.trace, "blocks")
    mine = sorted((row["address"], row["size_bytes"]) for row in rows
                  if row["source"] == "allocator")
    theirs = sorted((address, size) for kind, address, size in replay.events if kind == "alloc")
    out.check(mine == theirs, f"table blocks: {len(mine)} rows, torch handed out {len(theirs)}, "
              f"or others: {sorted(set(mine) ^ set(theirs))[:3]}")
    touching = {(row["time_ns"], row["thread"])
                for row in traceread.table(run.trace, "accesses") if row["by"] == "launch"}
    out.equal(len(touching), out.figures["launches_with_pointers"],
              "table accesses: launches that touch a block")
    timeline = [row for row in traceread.table(run.trace, "timeline") if row["device"] == device]
    for key in ("reserved_bytes", "allocated_bytes"):
        out.equal(max(row[key] for row in timeline), summary[f"device.{device}.peak_{key}"],
                  f"table timeline: most {key}")


def check_analysis(out, run, device, replay):
    summary = {row["key"]: row["value"] for row in traceread.table(run.trace, "summary")}
    check_summary(out, run, device, summary)
    check_tables(out, run, device, replay, summary)


def check(out, arguments):
    model, allocator = arguments
    run = Run(model, allocator, jobs.work(f"equal_{model}_{allocator}"), "--steps", STEPS)
    if not out.equal(run.status, 0, f"exit code of the traced job ({run.stderr.strip()[-300:]})"):
        return
    run.load()
    for device in range(len(run.history["traces"])):
        if not run.history["traces"][device]:
            continue
        replay = torch_history.replay(run.history, device)
        check_blocks(out, run, device, replay)
        check_segments(out, run, replay)
        check_launches(out, run, replay)
        check_analysis(out, run, device, replay)
        covering.note(out, run.trace, (out.figures["launches_per_step"],
                                       out.figures["profiler_launches_per_step"]),
                      len(replay.events), "torch's history")
    out.equal(len(run.marks), STEPS, "steps that the job marked")
    expandable = any(segment["expandable"] for segment in run.history["segments"])
    out.equal(expandable, allocator == "expandable", "torch used expandable segments")
    out.headline = ("{block_events} block events, {segment_events} segment events equal; "
                    "{launches_per_step} launches a step".format(**out.figures))


if __name__ == "__main__":
    outcome.main(check)
