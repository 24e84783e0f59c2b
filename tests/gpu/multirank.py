#!/usr/bin/env python3
"""A training job under torchrun, on as many GPUs as there are (two to eight): each rank's trace
against what PyTorch recorded about itself in that rank, and against what torch.profiler says of the
collectives.

usage: multirank.py ddp|fsdp
"""
import collections
import glob
import json
import os
import socket
import sys

import compare
import covering
import equality
import gpu_device
import jobs
import outcome
import torch_history
import traceread

RANKS, RANKS_MOST, STEPS = 2, 8, 12
# NCCL within one machine whose only network may be the loopback; no multicast over NVLink.
NCCL = {"NCCL_NVLS_ENABLE": "0", "NCCL_IB_DISABLE": "1", "NCCL_SOCKET_IFNAME": "lo",
        "NCCL_DEBUG": "WARN", "OMP_NUM_THREADS": "1"}
ZEROS = ("events_lost", "events_damaged", "allocator_mismatches", "orphan_blocks", "overlaps",
         "late_block_frees", "launches_arguments_unknown", "invalid_records", "frees_failed")


def needs_gpus(number):
    device, reason = gpu_device.find()
    there = device["count"] if device else 0
    if there < number:
        raise outcome.Skip(f"needs {number} GPUs, {there} here ({reason or device['name']})")


def all_ranks():
    """One for each GPU."""
    device, _ = gpu_device.find()
    return max(RANKS, min(RANKS_MOST, device["count"] if device else 0))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def torchrun(script, *args, ranks=RANKS):
    return [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node",
            str(ranks), "--master-addr", "127.0.0.1", "--master-port", str(free_port()),
            "--local-addr", "127.0.0.1", script, *map(str, args)]


def training(how, stem, ranks):
    return torchrun(jobs.script("train_ranks.py"), how, "--steps", STEPS, "--profile-first", 6,
                    "--profile-steps", 4, "--history", stem + ".%r.history.json",
                    "--profile", stem + ".%r.profile.json", "--marks", stem + ".%r.marks",
                    ranks=ranks)


def launch(command, stem):
    """Run it under the launcher; its traces are STEM.RANK.PID.mtrace."""
    environment = {**equality.environment("native"), **NCCL}
    environment.pop("PYTHONPATH", None)
    return jobs.run(jobs.launched(stem + ".%r.%p.mtrace", command), environment, stem + ".log")


def started(out, command, stem):
    """Whether the ranks came to a good end under the launcher; what others left is gone."""
    needs_gpus(RANKS)
    clear(stem)
    status, _, stderr = launch(command, stem)
    return out.equal(status, 0, f"exit code of torchrun ({stderr.strip()[-600:]})")


def told(out, name, script):
    """(facts, trace) of each rank of a script that writes its facts as JSON; none if it failed."""
    stem, found = jobs.work(name), []
    if started(out, torchrun(jobs.script(script), stem + ".%r.json"), stem):
        for rank in range(RANKS):
            with open(f"{stem}.{rank}.json", encoding="utf-8") as file:
                trace, = glob.glob(f"{stem}.{rank}.*.mtrace")
                found.append((json.load(file), trace))
    return found


def traces(stem):
    """In order of rank."""
    return sorted(glob.glob(stem + ".*.mtrace"))


class Rank(equality.Run):
    """What one rank left."""

    def __init__(self, stem, rank, trace):
        self.trace, self.rank = trace, rank
        self.history_file, self.profile_file, self.marks_file = (
            f"{stem}.{rank}{end}" for end in (".history.json", ".profile.json", ".marks"))

    def load(self):
        super().load()
        self.collectives = list(traceread.events(
            self.trace, *equality.ALLOCATOR, "collective", "communicator"))


def resolving(events, holders):
    """As equality.resolving; NCCL's own memory is mapped, and its kernels get pointers into it."""
    mapped = ({"event": {"map": "alloc", "unmap": "free"}.get(e["event"], e["event"]),
               **{key: value for key, value in e.items() if key != "event"}} for e in events)
    return equality.resolving(mapped, holders)


def check_segments(out, run, replay):
    plain = [(e["event"], e["address"], e.get("size")) for e in run.events
             if e["event"] in ("alloc", "free")]
    problems, matched = compare.segments(plain, replay.segments)
    out.none(problems, "segments")
    out.none(compare.enclosed(equality.enclosing(run.events, matched)), "nesting")
    out.figures["segment_events"] = len(replay.segments)


def per_step(run):
    """{step: {(function, bytes read, bytes written): calls}} of the trace."""
    steps = {step: collections.Counter() for step, _, _ in run.marks}
    for event in run.collectives:
        if event["event"] != "collective":
            continue
        for step, begin, end in run.marks:
            if begin <= event["time_ns"] <= end:
                call = (event["op"], event["send_bytes"], event["receive_bytes"])
                steps[step][call] += 1
    return steps


def check_collectives(out, run, ranks):
    mine, theirs = per_step(run), collections.defaultdict(collections.Counter)
    for step, function, sent, received in run.profile["comms"]:
        theirs[step][(function, sent, received)] += 1
    out.check(bool(theirs), "torch.profiler saw no collective: "
              f"{str(run.profile['comms_sample'])[:1500]}")
    for step in sorted(int(step) for step in run.profile["steps"]):
        out.equal(dict(mine.get(step, {})), dict(theirs[step]), f"collectives in step {step}")
    last = mine[max(mine)] if mine else {}
    out.figures.update(collectives_per_step=sum(last.values()), functions=sorted(
        {call[0] for calls in mine.values() for call in calls}))
    out.figures["collective_bytes_per_step"] = sum(
        n * (call[1] + call[2]) for call, n in last.items())
    out.none(outside_blocks(run.collectives), "collectives")
    places = [(e["ranks"], e["rank"]) for e in run.collectives
              if e["event"] == "communicator" and e["ranks"] > 0]
    out.check(bool(places), "no communicator was seen")
    out.equal(set(places), {(ranks, run.rank)}, "size of and rank in communicators")


def outside_blocks(events):
    """Ranges that a collective reads or writes and that do not lie in one live block."""
    live, problems = compare.Ranges(), []
    for event in events:
        if event["event"] == "block_alloc":
            live.add(event["address"], event["size"])
        elif event["event"] == "block_free":
            live.remove(event["address"])
        elif event["event"] == "collective":
            for end in ("send", "receive"):
                size = event[end + "_bytes"]
                if size and not live.holds(event[end], size):
                    problems.append(f"{event['op']}: {size} bytes at {event[end]:#x} ({end})")
    return problems[:5]


def check_summary(out, run, device, replay):
    summary = {row["key"]: row["value"] for row in traceread.table(run.trace, "summary")}
    count = collections.Counter(event["event"] for event in run.events + run.collectives)
    prefix = f"device.{device}.allocator_"
    calls = [event for event in run.collectives if event["event"] == "collective"]
    for key, value in (
            ("rank", run.rank), ("complete", 1), ("launches", count["launch"]),
            (prefix + "peak_allocated_bytes", run.history["max_allocated"][device]),
            (prefix + "peak_reserved_bytes", run.history["max_reserved"][device]),
            ("collectives", len(calls)),
            ("collectives_sent_bytes", sum(e["send_bytes"] for e in calls)),
            ("collectives_received_bytes", sum(e["receive_bytes"] for e in calls)),
            *((key, 0) for key in ZEROS)):
        out.equal(summary.get(key), value, f"memtrace-analyze, {key}")
    mine = sorted((row["address"], row["size_bytes"]) for row in
                  traceread.table(run.trace, "blocks") if row["source"] == "allocator")
    theirs = sorted((address, size) for kind, address, size in replay.events if kind == "alloc")
    out.check(mine == theirs, f"table blocks: {len(mine)} rows, torch handed out {len(theirs)}")


def check_rank(out, run, ranks):
    run.load()
    used = [d for d, trace in enumerate(run.history["traces"]) if trace]
    if not out.equal(used, [run.rank], "devices that this rank used, by torch's history"):
        return
    out.equal(len(run.marks), STEPS, "steps that the job marked")
    device = used[0]
    replay = torch_history.replay(run.history, device)
    equality.check_blocks(out, run, device, replay)
    check_segments(out, run, replay)
    equality.check_steps(out, run, replay, resolving)
    check_collectives(out, run, ranks)
    check_summary(out, run, device, replay)
    launches = run.profile["steps"][max(run.profile["steps"], key=int)]["launches"]
    covering.note(out, run.trace, (out.figures["launches_per_step"], launches), len(replay.events),
                  "torch's history")


def merge(out, name, part):
    out.checks += part.checks
    out.failures.extend(f"{name}: {failure}" for failure in part.failures)
    out.figures[name] = part.figures


def clear(stem):
    for path in glob.glob(stem + ".*"):
        os.unlink(path)


def check(out, arguments):
    how, = arguments
    stem, ranks = jobs.work(f"multi_{how}"), all_ranks()
    if not started(out, training(how, stem, ranks), stem):
        return
    found = traces(stem)
    if not out.equal([os.path.basename(path).split(".")[1] for path in found],
                     [str(rank) for rank in range(ranks)],
                     "ranks in the names of traces: one each, none of torchrun or of workers"):
        return
    for rank, trace in enumerate(found):
        part = outcome.Outcome()
        check_rank(part, Rank(stem, rank, trace), ranks)
        merge(out, f"rank {rank}", part)
    first = out.figures["rank 0"]
    out.headline = (f"{ranks} ranks: {first.get('block_events')} block events equal, "
                    f"{first.get('launches_per_step')} launches and "
                    f"{first.get('collectives_per_step')} collectives a step")


if __name__ == "__main__":
    outcome.main(check)
