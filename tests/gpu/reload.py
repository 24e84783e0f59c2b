#!/usr/bin/env python3
"""Modules and libraries that are loaded, launched and unloaded in every step, beside kernels that
stay: each launch is recorded under its own kernel, though the driver gives handles out again, and
what stays is told once.

usage: reload.py
"""
import collections
import json

import jobs
import outcome
import traceread

STEPS, STAYING = 120, 20


def recorded(events):
    """[[name, addresses] of each launch], and how often each kernel was told."""
    names, told, launches = {}, collections.Counter(), []
    for event in events:
        if event["event"] == "kernel":
            names[event["id"]] = event["text"]
            told[event["text"]] += 1
        else:
            launches.append([names.get(event["kernel"], "?"),
                             [word["address"] for word in event["words"]]])
    return launches, told


def check_launches(out, done, launches, told):
    """Also used by the self-test."""
    out.equal(len(launches), len(done), "launches")
    wrong = [f"{was} was recorded as {is_}" for was, is_ in zip(done, launches) if was != is_]
    out.none(wrong[:5], "launch")
    for name in {name for name, _ in done if name.startswith(("stays_", "other_"))}:
        out.equal(told[name], 1, f"times that {name} was told")


def check(out, arguments):
    trace = jobs.work("reload.mtrace")
    jobs.remove(trace)
    code, said, wrong = jobs.run(jobs.launched(trace, jobs.python("reload_job.py", STEPS, STAYING)),
                                 log=jobs.work("reload.log"))
    if not out.equal(code, 0, f"the job's exit code ({wrong[-300:]})"):
        return
    job = json.loads(said)
    launches, told = recorded(traceread.events(trace, "kernel", "launch"))
    check_launches(out, job["launches"], launches, told)
    out.figures["handles_reused"] = job["reused"]
    out.figures["again_told"] = told["again"]
    out.headline = (f"{len(launches)} launches, {job['reused']} of them by a handle of another "
                    f"kernel before; the module that comes again was told {told['again']} times")


if __name__ == "__main__":
    outcome.main(check)
