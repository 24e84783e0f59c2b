"""Coverage, a row a job: launches and allocations in the trace beside the owner's own record of
them, and what the trace can lay to somebody beside what NVML says the process takes.
"""
import bisect

import jobs
import traceread

LIMIT = 0.01
QUIET_NS = 20_000_000  # NVML's answer and the trace's sample are not of one moment
CHANGES = ("alloc", "free", "create", "release", "map", "unmap", "context_end")
JOBS = (
    ("equal_resnet50_native", "ResNet-50"), ("equal_gpt_native", "GPT"),
    ("equal_gpt_expandable", "GPT, expandable segments"),
    ("equal_gpt_async", "GPT, `backend:cudaMallocAsync`"),
    ("equal_moe_native", "mixture of experts, lengths that differ"),
    ("equal_compile_native", "GPT, `torch.compile`"),
    ("equal_reduce_overhead", "GPT, `reduce-overhead`"),
    ("coverage_jax_pool", "JAX"), ("coverage_jax_async", "JAX, `cuda_async`"),
    ("coverage_cupy", "CuPy"),
    ("multi_ddp", "GPT, DDP, a rank"), ("multi_fsdp", "GPT, FSDP, a rank"),
)


def sampled(trace, command):
    """The command under the launcher, with NVML asked often: the job is over soon."""
    made = jobs.launched(trace, command)
    made[1:1] = ["--nvml-ms=100"]
    return made


def accounted(rows):
    """[(device and moment, bytes laid to somebody, NVML's bytes)] of table accounting."""
    sums = {}
    for row in rows:
        entry = sums.setdefault((row["device"], row["moment"]), [0, 0])
        if row["what"] == "total":
            entry[1] = row["size_bytes"]
        elif row["what"] != "unattributed":
            entry[0] += row["size_bytes"]
    return [(f"device {device}, {moment}", *entry)
            for (device, moment), entry in sorted(sums.items())]


def check_bytes(out, rows):
    """Also used by the self-test."""
    found = accounted(rows)
    out.check(any(total > 0 for _, _, total in found),
              "NVML was not asked: table accounting is empty")
    for place, mine, total in found:  # 0 at the end, if all contexts are gone by then
        out.check(abs(total - mine) <= LIMIT * total,
                  f"{place}: {mine} bytes are laid to somebody, NVML says {total}")
    return found[-1][1:] if found else (0, 0)


def changes(trace):
    """When driver memory came or went, but for that of stream-ordered pools."""
    return sorted(event["time_ns"] for event in traceread.events(trace, *CHANGES)
                  if "Async" not in event.get("api", ""))


def check_samples(out, rows, times):
    """Every sample of this process's bytes, but for those at which memory was coming or going. Also
    used by the self-test."""
    compared = 0
    for row in rows:
        time, total = row["time_ns"], row["total_bytes"]
        near = bisect.bisect(times, time) - bisect.bisect_left(times, time - QUIET_NS)
        if row["known_by"] == "device" or near:
            continue
        compared += 1
        parts = sum(value for name, value in row.items()
                    if name.endswith("_bytes") and name != "total_bytes")
        out.equal(parts, total, f"the parts of the sample at {time} ns, and its total")
        out.check(abs(row["unattributed_bytes"]) <= LIMIT * total,
                  f"device {row['device']} at {time} ns: {row['unattributed_bytes']} bytes of "
                  f"{total} are laid to nobody")
    out.figures["samples"] = out.figures.get("samples", 0) + compared


def note(out, trace, launches, allocations, owner):
    """launches: in the trace and by the profiler; allocations: as many are equal to the owner's
    record, which is named."""
    mine, nvml = check_bytes(out, traceread.table(trace, "accounting"))
    check_samples(out, traceread.table(trace, "samples"), changes(trace))
    out.figures["coverage"] = {"launches": list(launches), "allocations": allocations,
                               "owner": owner, "bytes": mine, "nvml": nvml}


def facts_of(result):
    """One job of several processes: its first rank."""
    figures = result["figures"]
    return figures.get("coverage") or figures["rank 0"]["coverage"]
