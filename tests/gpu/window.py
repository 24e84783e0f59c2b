#!/usr/bin/env python3
"""A training job that is recorded late, between cudaProfilerStart and cudaProfilerStop: what the
trace says lives at the beginning is what torch's snapshot says, and the launches inside are as many
as torch.profiler counts.

usage: window.py resnet50|gpt
"""
import json

import jobs
import outcome
import traceread

FIRST, STEPS, AFTER = 10, 5, 3
BLOCKS = ("block_alloc", "block_free")
WINDOWS = ("pause", "resume", "kept", "resumed")


def living(events):
    """{address: (size, birth)} when recording goes on, and how many windows there are."""
    live, kept, first, windows = {}, 0, None, 0
    for event in events:
        kind = event["event"]
        if kind == "block_alloc":
            live[event["address"]] = (event["size"], event["time_ns"] - kept)
        elif kind == "block_free":
            live.pop(event["address"], None)
        elif kind == "resumed":
            windows += 1
            first = dict(live) if first is None else first
        kept = event["before"] if kind == "kept" else 0
    return first or {}, windows


def active(facts):
    """{address: size} of the blocks that torch says are handed out."""
    return {address: size for segment in facts["segments"]
            for address, size, _requested, state in segment["blocks"]
            if state == "active_allocated"}


def check_living(out, trace, facts):
    live, windows = living(traceread.events(trace, *BLOCKS, *WINDOWS))
    torch = active(facts)
    out.equal(windows, 1, "windows")
    mine = {address: size for address, (size, _) in live.items()}
    missing = sorted(torch.items() - mine.items())
    extra = sorted(mine.items() - torch.items())
    out.check(len(torch) > 100, f"torch's snapshot has only {len(torch)} blocks")
    out.equal(len(missing), 0, f"blocks of torch's that the trace lacks, such as {missing[:3]}")
    out.equal(len(extra), 0, f"blocks that torch does not know, such as {extra[:3]}")
    out.equal(sum(mine.values()), facts["allocated"], "bytes allocated at the beginning")
    start = traceread.start_ns(trace)
    late = [birth for _, birth in live.values() if birth > facts["begin"] - start + 1_000_000]
    out.equal(len(late), 0, "blocks born after the recording began")
    out.figures["blocks_at_begin"] = len(mine)


def check_launches(out, trace, profile):
    steps = {int(step): value["launches"] for step, value in profile["steps"].items()}
    out.equal(sorted(steps), list(range(FIRST, FIRST + STEPS)), "steps that torch.profiler saw")
    launches = sum(1 for _ in traceread.events(trace, "launch"))
    out.equal(profile["outside"], 0, "launches that torch.profiler sees outside every step")
    out.equal(launches, sum(steps.values()), "launches in the trace")
    out.figures["launches"] = launches


def check_analysis(out, trace):
    counts = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for key in ("events_lost", "events_damaged", "late_frees", "late_block_frees", "overlaps",
                "orphan_blocks", "allocator_mismatches", "kept_lost", "launches_untouching"):
        out.equal(counts.get(key), 0, f"memtrace-analyze, {key}")
    out.equal(counts.get("device.0.allocator_unknown_bytes"), 0, "bytes handed out unseen")
    out.equal(counts.get("pauses"), 2, "pauses")
    out.check(0 < counts["recorded_ns"] < counts["duration_ns"] // 2,
              f"recorded {counts['recorded_ns']} ns of {counts['duration_ns']}")
    out.figures.update(duration_ns=counts["duration_ns"], recorded_ns=counts["recorded_ns"],
                       file_bytes=counts["file_bytes"], events=counts["events"])


def check(out, arguments):
    model, = arguments
    stem = jobs.work(f"window_{model}")
    trace, window, profile = stem + ".mtrace", stem + ".json", stem + ".profile.json"
    jobs.remove(trace, window, profile)
    command = jobs.launched(trace, jobs.python(
        f"train_{model}.py", "--steps", FIRST + STEPS + AFTER, "--window", window,
        "--window-first", FIRST, "--window-steps", STEPS, "--profile", profile,
        "--profile-first", FIRST, "--profile-steps", STEPS))
    command[1:1] = ["--record=profiler"]
    status, _, stderr = jobs.run(command, log=stem + ".log")
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})"):
        return
    with open(window, encoding="utf-8") as file:
        check_living(out, trace, json.load(file))
    with open(profile, encoding="utf-8") as file:
        check_launches(out, trace, json.load(file))
    check_analysis(out, trace)
    out.headline = (f"{out.figures['blocks_at_begin']} blocks live at the beginning, "
                    f"{out.figures['launches']} launches inside, as torch says")


if __name__ == "__main__":
    outcome.main(check)
