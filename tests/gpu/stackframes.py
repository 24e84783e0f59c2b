#!/usr/bin/env python3
"""The Python frames of every block beside those of torch's own memory history, frame by frame:
file, line and name.

usage: stackframes.py resnet50|gpt

Blocks are matched one after the other; equality.py shows that they are the same. A name in a trace
is the qualified one where the interpreter has it; torch may give its last part alone.
"""
import json
import os

import jobs
import outcome
import traceread

STEPS = 8
SETTINGS = {"MEMTRACE_STACKS": "python", "MEMTRACE_STACK_DEPTH": "128"}


def trace_stacks(events):
    """[(address, [[file, line, name], ...])] of the blocks in a trace, innermost frame first."""
    codes, frames, known, found = {}, {}, {0: []}, []

    def stack(number):
        if number not in known:
            frame = frames[number]
            code = codes[frame["code"]]
            known[number] = ([[code["text"], frame["where"], code["detail"]]]
                             + stack(frame["caller"]))
        return known[number]

    for event in events:
        if event["event"] == "code":
            codes[event["id"]] = event
        elif event["event"] == "frame":
            frames[event["id"]] = event
        elif event["event"] == "block_alloc" and event["device"] == 0:
            found.append((event["address"], stack(event["stack"])))
    return found


def same_frame(ours, theirs):
    return ours[:2] == theirs[:2] and (ours[2] == theirs[2]
                                       or ours[2].rpartition(".")[2] == theirs[2])


def differences(ours, theirs):
    """How many stacks differ, and lines about the first ones."""
    count, lines = 0, []
    for number, ((address, mine), (other, torch)) in enumerate(zip(ours, theirs)):
        if address != other:
            return count + 1, lines + [f"block {number} is at {address:#x}, torch has {other:#x}"]
        if len(mine) == len(torch) and all(map(same_frame, mine, torch)):
            continue
        count += 1
        if len(lines) < 3:
            odd = next((i for i, pair in enumerate(zip(mine, torch)) if not same_frame(*pair)),
                       min(len(mine), len(torch)))
            lines.append(f"block {number}, frame {odd} of {len(mine)} and {len(torch)}: "
                         f"{mine[odd:odd + 1]}, torch has {torch[odd:odd + 1]}")
    return count, lines


def torch_stacks(history):
    stacks = history["stacks"]
    return [(entry[1], stacks[entry[4]]) for entry in history["traces"][0] if entry[0] == "alloc"]


def record(out, model, name, steps):
    """Train under memtrace and torch's memory history, frames included: the trace and the history
    as JSON, or None if the job failed."""
    stem = jobs.work(f"{name}_{model}")
    trace, told = stem + ".mtrace", stem + ".history.json"
    jobs.remove(trace)
    command = jobs.launched(trace, jobs.python(
        f"train_{model}.py", "--steps", steps, "--history", told, "--frames"))
    status, _, error = jobs.run(command, {**os.environ, **SETTINGS}, stem + ".log")
    if not out.equal(status, 0, f"exit code of the job ({error.strip()[-200:]})"):
        return None
    with open(told, encoding="utf-8") as file:
        return trace, json.load(file)


def check(out, arguments):
    model, = arguments
    recorded = record(out, model, "stacks", STEPS)
    if not recorded:
        return
    trace, history = recorded
    theirs = torch_stacks(history)
    ours = trace_stacks(traceread.events(trace, "code", "frame", "block_alloc"))
    out.check(len(ours) >= len(theirs) > 100, f"{len(ours)} blocks, torch has {len(theirs)}")
    count, lines = differences(ours, theirs)
    out.equal(count, 0, f"stacks that differ, of {len(theirs)}")
    out.none(lines, "stacks")
    framed = sum(bool(stack) for _, stack in theirs)
    out.check(framed * 5 > len(theirs), f"only {framed} of torch's stacks have frames at all")
    distinct = {json.dumps(stack) for _, stack in theirs}
    out.figures = {"blocks": len(theirs), "with_python_frames": framed, "stacks": len(distinct),
                   "frames_max": max(len(stack) for _, stack in theirs), "differ": count}
    out.headline = (f"{len(theirs)} blocks, {framed} with frames, {len(distinct)} stacks, "
                    f"{count} differ")


if __name__ == "__main__":
    outcome.main(check)
