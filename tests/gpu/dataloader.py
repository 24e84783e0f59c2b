#!/usr/bin/env python3
"""The workers of a DataLoader, forked and spawned, leave no traces; the process that uses the GPU
leaves one, with the page-locked memory that their batches come through.

usage: dataloader.py
"""
import glob
import json
import os

import jobs
import outcome
import traceread


def check_trace(out, how, trace, said):
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    out.equal(summary["pid"], said["pid"], f"{how}: process of the trace")
    out.equal(summary["complete"], 1, f"{how}: complete")
    out.equal(summary["events_lost"], 0, f"{how}: events_lost")
    pinned = sum(event["size"] for event in traceread.events(trace, "host_alloc"))
    out.check(pinned > 0, f"{how}: no page-locked memory was recorded")
    out.check(summary["copies_to_device_bytes"] >= said["bytes"],
              f"{how}: {summary['copies_to_device_bytes']} bytes were copied to the device, the "
              f"batches have {said['bytes']}")
    out.check(summary["copies_pinned"] > 0, f"{how}: no copy came from page-locked memory")
    out.figures[how] = {"events": summary["events"], "workers": len(said["workers"]),
                        "pinned_bytes": pinned, "copies_pinned": summary["copies_pinned"]}


def check_way(out, how):
    stem = jobs.work(f"multi_dataloader.{how}")
    for path in glob.glob(stem + ".*"):
        os.unlink(path)
    command = jobs.python("train_workers.py", how)
    bare = jobs.run(command, log=stem + ".bare.log")
    out.equal(bare[0], 0, f"{how}: exit code of the bare program ({bare[2].strip()[-300:]})")
    status, stdout, stderr = jobs.run(jobs.launched(stem + ".%p.mtrace", command),
                                      log=stem + ".log")
    if not out.equal(status, 0, f"{how}: exit code ({stderr.strip()[-300:]})"):
        return
    said = json.loads(stdout.splitlines()[-1])
    out.check(len(said["workers"]) == 2 and said["pid"] not in said["workers"],
              f"{how}: batches came from processes {said['workers']}, not from two workers")
    out.equal(said["total"], json.loads(bare[1].splitlines()[-1])["total"], f"{how}: the sum")
    traces = glob.glob(stem + ".*.mtrace*")
    if out.equal([os.path.basename(trace) for trace in traces],
                 [f"multi_dataloader.{how}.{said['pid']}.mtrace"], f"{how}: files of traces"):
        check_trace(out, how, traces[0], said)


def check(out, _arguments):
    for how in ("fork", "spawn"):
        check_way(out, how)
    out.headline = "; ".join(f"{how}: {facts['workers']} workers, one trace of {facts['events']} "
                             "events" for how, facts in out.figures.items())


if __name__ == "__main__":
    outcome.main(check)
