"""What the two training programs share: their arguments, what they record about themselves, and the
turn-taking mode of the overhead measurement.

A program gives run() a builder: build(args) -> step, where step() trains once and returns nothing.
Everything it uses is made on the GPU from a fixed seed; nothing is downloaded.
"""
import argparse
import json
import os
import sys
import time

import torch

from profile_counts import COMMS, count_comms, count_launches, count_pools, count_ran
from torch_categories import Categories

HISTORY_ENTRIES = 10_000_000  # far more than a run makes: nothing may fall out of torch's own ring


def parse(description, batch, add_arguments):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--history", metavar="FILE",
                        help="have torch record its memory history from before the first block and "
                             "write it here, with torch's own peaks, as JSON")
    parser.add_argument("--frames", action="store_true",
                        help="with --history: the Python frames of every block too")
    parser.add_argument("--profile", metavar="FILE",
                        help="count launches of some steps with torch.profiler")
    parser.add_argument("--profile-first", type=int, default=8, metavar="STEP")
    parser.add_argument("--profile-steps", type=int, default=4, metavar="N")
    parser.add_argument("--categories", metavar="FILE",
                        help="what torch's memory profiler says of the blocks at its peak")
    parser.add_argument("--categories-first", type=int, default=5, metavar="STEP")
    parser.add_argument("--categories-steps", type=int, default=2, metavar="N")
    parser.add_argument("--window", metavar="FILE",
                        help="call cudaProfilerStart before one step and cudaProfilerStop after "
                             "another, and write what torch says lives at the start")
    parser.add_argument("--window-first", type=int, default=10, metavar="STEP")
    parser.add_argument("--window-steps", type=int, default=5, metavar="N")
    parser.add_argument("--stats", metavar="FILE", help="what the allocator counts at the end")
    parser.add_argument("--time", metavar="FILE", help="write ms of every step")
    parser.add_argument("--marks", metavar="FILE",
                        help="append 'step begin end' (CLOCK_MONOTONIC, ns) after every step")
    parser.add_argument("--serve", action="store_true",
                        help="take turns: warm up, then run as many steps as stdin says")
    parser.add_argument("--warmup", type=int, default=10, help="steps before --serve is ready")
    parser.add_argument("--core", type=int, metavar="CPU",
                        help="with --serve: the processor of the threads that launch, and theirs "
                             "alone")
    parser.add_argument("--observer", choices=("none", "history", "history_all", "profiler"),
                        default="none",
                        help="with --serve: one of torch's own recorders, switched on")
    add_arguments(parser)
    return parser.parse_args()


def record_history(stacks="python", context=None):
    # init() first: recording is switched on per device, and before it there are no devices.
    torch.cuda.init()
    torch.cuda.memory._record_memory_history(
        enabled="all", context=context, stacks=stacks, max_entries=HISTORY_ENTRIES)


def write_stats(path):
    torch.cuda.synchronize()
    write_json(path, {
        "ns": time.monotonic_ns(), "backend": torch.cuda.get_allocator_backend(),
        "allocated": torch.cuda.memory_allocated(), "reserved": torch.cuda.memory_reserved(),
        "max_allocated": torch.cuda.max_memory_allocated(),
        "max_reserved": torch.cuda.max_memory_reserved()})


def segment_facts(segment):
    blocks, address = [], segment["address"]
    for block in segment["blocks"]:
        blocks.append([block.get("address", address), block["size"],
                       block.get("requested_size", 0), block["state"]])
        address += block["size"]
    return {"address": segment["address"], "size": segment["total_size"],
            "type": segment["segment_type"], "device": segment["device"],
            "expandable": bool(segment.get("is_expandable", False)), "blocks": blocks}


class Stacks:
    """Distinct stacks as a list; entries name them by number."""

    def __init__(self):
        self.numbers, self.stacks = {}, []

    def number(self, frames):
        stack = [[frame["filename"], frame["line"], frame["name"]] for frame in frames]
        key = json.dumps(stack)
        if key not in self.numbers:
            self.numbers[key] = len(self.stacks)
            self.stacks.append(stack)
        return self.numbers[key]


def write_history(path, frames=False):
    torch.cuda.synchronize()
    devices = range(torch.cuda.device_count())
    facts = {
        "torch": torch.__version__,
        "max_allocated": [torch.cuda.max_memory_allocated(d) for d in devices],
        "max_reserved": [torch.cuda.max_memory_reserved(d) for d in devices],
        "stats": [dict(torch.cuda.memory_stats(d)) for d in devices],
    }
    snapshot = torch.cuda.memory._snapshot()
    stacks = Stacks()
    facts["traces"] = [
        [[entry["action"], entry.get("addr", 0), entry["size"], entry["stream"]]
         + ([stacks.number(entry.get("frames", ()))] if frames else [])
         for entry in trace] for trace in snapshot["device_traces"]]
    facts["stacks"] = stacks.stacks
    facts["segments"] = [segment_facts(segment) for segment in snapshot["segments"]]
    write_json(path, facts)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


class Profile:
    """torch.profiler over steps first .. first + steps - 1, each inside an annotation."""

    def __init__(self, path, first, steps):
        self.path, self.first, self.last = path, first, first + steps - 1
        self.profiler = None

    def before(self, step):
        if self.path and step == self.first:
            self.profiler = torch.profiler.profile(activities=[
                torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA])
            self.profiler.__enter__()

    def after(self, step):
        if not self.profiler or step != self.last:
            return
        self.profiler.__exit__(None, None, None)
        raw = self.path + ".chrome.json"
        self.profiler.export_chrome_trace(raw)
        self.profiler = None
        with open(raw, encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        os.unlink(raw)
        write_json(self.path, {
            **count_launches(events), "pools": count_pools(events), "ran": count_ran(events),
            "comms": count_comms(events),
            "comms_sample": [e for e in events if e.get("name") == COMMS][:3]})


class Window:
    """cudaProfilerStart before step `first`, cudaProfilerStop after the last of `steps`."""

    def __init__(self, path, first, steps):
        self.path, self.first, self.last = path, first, first + steps - 1

    def before(self, step):
        if not self.path or step != self.first:
            return
        torch.cuda.synchronize()
        segments = [segment_facts(segment) for segment in torch.cuda.memory._snapshot()["segments"]]
        facts = {"segments": segments, "allocated": torch.cuda.memory_allocated(),
                 "begin": time.monotonic_ns()}
        torch.cuda.cudart().cudaProfilerStart()
        write_json(self.path, {**facts, "end": time.monotonic_ns()})

    def after(self, step):
        if self.path and step == self.last:
            torch.cuda.synchronize()
            torch.cuda.cudart().cudaProfilerStop()


def timed(step, index):
    """Run one step to its end on the GPU; (begin, end) in ns."""
    with torch.profiler.record_function(f"memtrace_step_{index}"):
        begin = time.monotonic_ns()
        step()
        torch.cuda.synchronize()
        end = time.monotonic_ns()
    return begin, end


def train(step, args):
    observers = [Profile(args.profile, args.profile_first, args.profile_steps),
                 Categories(args.categories, args.categories_first, args.categories_steps),
                 Window(args.window, args.window_first, args.window_steps)]
    marks = os.open(args.marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if args.marks else -1
    times = []
    for index in range(args.steps):
        for observer in observers:
            observer.before(index)
        begin, end = timed(step, index)
        for observer in reversed(observers):
            observer.after(index)
        times.append((end - begin) / 1e6)
        if marks >= 0:  # one write call a line: whole lines only, even after SIGKILL
            os.write(marks, f"{index} {begin} {end}\n".encode())
    if args.time:
        write_json(args.time, {"ms": times})
    print(f"trained {args.steps} steps")


def reply(text):
    print("@ " + text, flush=True)


def serve_block(step, steps, observer):
    """`steps` steps as a job would run them, one synchronisation at the end; ns."""
    profiler = None
    if observer == "profiler":
        profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
        profiler.__enter__()
    torch.cuda.synchronize()
    begin = time.monotonic_ns()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    elapsed = time.monotonic_ns() - begin
    if profiler:
        profiler.__exit__(None, None, None)
    return elapsed


def settle(core):
    """The main thread and autograd's, which take turns anyway, on one processor; the others off
    it."""
    rest = os.sched_getaffinity(0) - {core}
    for thread in map(int, os.listdir("/proc/self/task")):
        with open(f"/proc/self/task/{thread}/comm", encoding="utf-8") as file:
            launches = thread == os.getpid() or file.read().startswith("pt_autograd")
        os.sched_setaffinity(thread, {core} if launches else rest)


def serve(step, args):
    serve_block(step, args.warmup, args.observer)
    if args.core is not None:
        settle(args.core)
    reply("ready")
    for line in sys.stdin:
        words = line.split()
        if words[:1] != ["steps"]:
            break
        reply(str(serve_block(step, int(words[1]), args.observer)))


def run(description, build, batch, add_arguments=lambda parser: None):
    args = parse(description, batch, add_arguments)
    torch.cuda.init()
    if args.history:
        record_history(context="alloc" if args.frames else None)
    elif args.observer == "history":
        record_history(context="all")
    elif args.observer == "history_all":
        record_history(context="all", stacks="all")
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = False  # its trial runs would differ from run to run
    step = build(args)
    if args.serve:
        serve(step, args)
    else:
        train(step, args)
    if args.history:
        write_history(args.history, args.frames)
    if args.stats:
        write_stats(args.stats)
