#!/usr/bin/env python3
"""Two ranks exchange tensors in every way that torch.distributed has: of each call the trace has
exactly the bytes that it reads and writes, whatever functions of NCCL it took, and with whom.

usage: rankcalls.py
"""
import multirank
import outcome
import traceread


def merged(spans):
    """Spans that touch are one: some calls go rank by rank."""
    found = []
    for begin, size in sorted(spans):
        if found and found[-1][0] + found[-1][1] >= begin:
            found[-1][1] = max(found[-1][1], begin + size - found[-1][0])
        else:
            found.append([begin, size])
    return found


def of(events, what):
    return merged((event[what], event[what + "_bytes"]) for event in events
                  if event[what + "_bytes"])


def compare(out, calls, events):
    """events: with times of the clock that the calls have. Also used by the self-test."""
    for call in calls:
        mine = [event for event in events if call["begin"] <= event["time_ns"] <= call["end"]]
        out.check(mine, f"{call['name']}: no call of NCCL")
        out.equal(of(mine, "send"), merged(call["read"]), f"{call['name']}: bytes read")
        out.equal(of(mine, "receive"), merged(call["written"]), f"{call['name']}: bytes written")
        if call["peer"] is not None:
            out.equal({event["peer"] for event in mine}, {call["peer"]}, f"{call['name']}: peer")
    out.figures["functions"] = sorted({event["op"] for event in events})


def check_memory(out, address, events):
    held = [event for event in events if event["op"] == "ncclMemAlloc"
            and event["address"] <= address < event["address"] + event["size"]]
    out.check(held, f"nothing of ncclMemAlloc lies at {address:#x}")


def check_rank(out, facts, trace):
    start = traceread.start_ns(trace)
    events = [{**event, "time_ns": event["time_ns"] + start}
              for event in traceread.events(trace, "collective")]
    compare(out, facts["calls"], events)
    if facts["nccl_memory"]:
        check_memory(out, facts["nccl_memory"],
                     list(traceread.events(trace, "collective_memory")))
    out.figures.update(calls=len(facts["calls"]), nccl_memory=bool(facts["nccl_memory"]))
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for key in ("events_lost", "invalid_records"):
        out.equal(summary[key], 0, key)


def check(out, _arguments):
    ranks = multirank.told(out, "multi_calls", "train_rankcalls.py")
    if not ranks:
        return
    for rank, (facts, trace) in enumerate(ranks):
        part = outcome.Outcome()
        check_rank(part, facts, trace)
        multirank.merge(out, f"rank {rank}", part)
    out.headline = "{calls} ways to exchange tensors, exact".format(
        **out.figures["rank 0"])


if __name__ == "__main__":
    outcome.main(check)
