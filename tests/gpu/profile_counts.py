"""Counts kernel launches in a trace that torch.profiler exported, step by step.

A launch is a call of a launch function at the runtime (cudaLaunchKernel...) or, from code that
calls the driver itself, at the driver (cuLaunchKernel...). A driver call made inside a runtime call
is the same launch and counted once. What ran is counted by itself: a graph launches many kernels.
"""
import bisect
import collections
import re

LAUNCH = re.compile(r"^_*cu(da)?Launch(Cooperative)?Kernel")
POOL = {"allocs": re.compile(r"^cudaMalloc(FromPool)?Async"),
        "frees": re.compile(r"^cudaFreeAsync")}
# The driver copies and sets small memory by kernels of its own (memcpy32_post).
NO_KERNEL = ("memcpy", "memset")
STEP = re.compile(r"^memtrace_step_(\d+)$")
RUNTIME, DRIVER = "cuda_runtime", "cuda_driver"
COMMS = "record_param_comms"
# How torch calls a collective, without underscores, and what it calls of NCCL; "wait" is none.
COLLECTIVES = {"allreduce": "ncclAllReduce", "allgather": "ncclAllGather",
               "allgatherbase": "ncclAllGather", "reducescatter": "ncclReduceScatter",
               "reducescatterbase": "ncclReduceScatter", "broadcast": "ncclBroadcast",
               "reduce": "ncclReduce"}
TYPES = {"Float": 4, "BFloat16": 2, "Half": 2, "Double": 8, "Int": 4, "Long": 8, "Short": 2,
         "Byte": 1, "Char": 1, "Bool": 1}


def launch_calls(events):
    calls = [e for e in events if e.get("ph") == "X" and e.get("cat") in (RUNTIME, DRIVER)
             and LAUNCH.match(e.get("name", ""))]
    calls.sort(key=lambda e: (str(e.get("tid")), e["ts"], -e.get("dur", 0)))
    kept, outer = [], None
    for call in calls:
        end = call["ts"] + call.get("dur", 0)
        if (outer and call["cat"] == DRIVER and outer["cat"] == RUNTIME
                and outer["tid"] == call["tid"] and end <= outer["ts"] + outer.get("dur", 0)):
            continue
        outer = call
        kept.append(call)
    return kept


def step_windows(events):
    """[(begin, end, step)] of the annotations that the training programs make, in order."""
    windows = []
    for event in events:
        match = STEP.match(event.get("name", ""))
        if match and event.get("cat") == "user_annotation" and event.get("ph") == "X":
            windows.append((event["ts"], event["ts"] + event["dur"], int(match.group(1))))
    return sorted(windows)


def step_of(windows, time):
    place = bisect.bisect_right(windows, (time, float("inf"), 0)) - 1
    return windows[place][2] if place >= 0 and time <= windows[place][1] else None


def correlation(event):
    return event.get("args", {}).get("correlation")


def in_steps(windows, events):
    """{step: how many of the events}; steps end with a synchronisation, so what ran within a step
    belongs to it."""
    counts = {step: 0 for _, _, step in windows}
    for event in events:
        step = step_of(windows, event["ts"])
        if step is not None:
            counts[step] += 1
    return counts


def count_pools(events):
    """{"allocs" | "frees": {step: calls}} of the driver's stream-ordered pools."""
    windows = step_windows(events)
    return {what: in_steps(windows, [e for e in events if e.get("cat") == RUNTIME
                                     and pattern.match(e.get("name", ""))])
            for what, pattern in POOL.items()}


def count_ran(events):
    """{step: kernels that ran in it}, those of graphs too."""
    kernels = [e for e in events if e.get("cat") == "kernel"
               and not e["name"].lower().startswith(NO_KERNEL)]
    return in_steps(step_windows(events), kernels)


def count_launches(events):
    """{"steps": {step: {"launches", "kernels"}}, "calls": {name: n}, "outside": launches in no
    step, "kernels": on the GPU in all}. Kernels belong to the step that launched them."""
    calls, windows = launch_calls(events), step_windows(events)
    steps = {step: {"launches": 0, "kernels": 0} for _, _, step in windows}
    origin, outside = {}, 0
    for call in calls:
        step = step_of(windows, call["ts"])
        origin[correlation(call)] = step
        if step is None:
            outside += 1
        else:
            steps[step]["launches"] += 1
    kernels = [e for e in events if e.get("cat") == "kernel"]
    for kernel in kernels:
        step = origin.get(correlation(kernel))
        if step is not None:
            steps[step]["kernels"] += 1
    names = collections.Counter(f"{call['cat']}:{call['name']}" for call in calls)
    return {"steps": steps, "calls": dict(names), "outside": outside, "kernels": len(kernels)}


def count_comms(events):
    """[[step, function of NCCL, bytes read, bytes written]]: the collectives of each step."""
    windows, found = step_windows(events), []
    for event in sorted((e for e in events if e.get("name") == COMMS), key=lambda e: e["ts"]):
        args, step = event.get("args", {}), step_of(windows, event["ts"])
        name = str(args.get("Collective name", "")).replace("_", "")
        if step is None or name not in COLLECTIVES:
            continue
        size = TYPES.get(args.get("dtype"), 0)
        found.append([step, COLLECTIVES[name], args.get("In msg nelems", -1) * size,
                      args.get("Out msg nelems", -1) * size])
    return found
