#!/usr/bin/env python3
"""A collective that was captured into a CUDA graph on two GPUs: each launch of the graph counts as
its access to the tensor, and torch.profiler saw as many of NCCL's kernels.

usage: rankgraph.py
"""
import multirank
import outcome
import traceread


def compare(out, facts, collectives, accesses, blocks):
    calls, size = facts["eager"] + facts["replays"], facts["bytes"]
    rows = [row for row in collectives if row["op"] == "ncclAllReduce"]
    out.equal([(row["calls"], row["captured_calls"], row["send_bytes"], row["receive_bytes"])
               for row in rows], [(calls, 1, calls * size, calls * size)],
              "calls, captured calls, bytes read and written of ncclAllReduce")
    by_graph = [row for row in accesses if row["by"] == "nccl" and row["graph_id"] != ""]
    for kind in ("read", "write"):
        out.equal(sum(row["kind"] == kind for row in by_graph), facts["replays"],
                  f"accesses ({kind}) by launches of the graph")
    at = {row["block_id"]: row["address"] for row in blocks}
    out.equal({(at[row["block_id"]] + row["offset_bytes"], row["size_bytes"])
               for row in by_graph}, {(facts["address"], size)}, "where these accesses lie")
    out.equal(facts["kernels"], facts["replays"], "kernels of NCCL, by torch.profiler")


def check(out, _arguments):
    ranks = multirank.told(out, "multi_graph", "train_rankgraph.py")
    if not ranks:
        return
    for rank, (facts, trace) in enumerate(ranks):
        part = outcome.Outcome()
        part.equal(facts["value"], 2.0 * sum(range(1, multirank.RANKS + 1)), "the sum")
        compare(part, facts, *(traceread.table(trace, name)
                               for name in ("collectives", "accesses", "blocks")))
        summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
        for key in ("graphs_partial", "graph_launches_unknown", "events_lost", "invalid_records"):
            part.equal(summary[key], 0, key)
        part.figures = {"calls": facts["eager"] + facts["replays"], "kernels": facts["kernels"]}
        multirank.merge(out, f"rank {rank}", part)
    out.headline = f"{facts['replays']} launches of the graph are {facts['replays']} collectives"


if __name__ == "__main__":
    outcome.main(check)
