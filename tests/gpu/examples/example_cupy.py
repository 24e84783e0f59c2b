#!/usr/bin/env python3
"""examples/cupy: what CuPy's pool took from the driver and what it handed out, as CuPy says.

usage: example_cupy.py
"""
import re

import exampletest
import outcome
import traceread

STEPS = 30


def live_bytes(events, born, dead):
    """Bytes that live at the end."""
    live = {}
    for event in events:
        if event["event"] == born:
            live[event["address"]] = event["size"]
        elif event["event"] == dead:
            live.pop(event["address"], None)
    return sum(live.values())


def pool_pieces(events):
    """The events of driver memory in which the pool's blocks lie."""
    inside = [event["address"] for event in events if event["event"] == "pool_alloc"]
    live, pool = {}, set()
    for event in events:
        if event["event"] == "alloc":
            live[event["address"]] = event["size"]
            pool |= {event["address"] for address in inside
                     if event["address"] <= address < event["address"] + event["size"]}
    return [event for event in events if event["event"] in ("alloc", "free")
            and event["address"] in pool]


def check(out, _arguments):
    exampletest.needs("cupy")
    run = exampletest.Example(out, "fit", ["python3", "examples/cupy/fit.py", str(STEPS)])
    if not run.good:
        return
    summary = run.check_sound()
    told = {key: int(value) for key, value in
            re.findall(r"(total_bytes|used_bytes) (\d+)", run.output)}
    error = re.search(r"largest error ([\d.]+)", run.output)
    out.check(error and float(error[1]) < 0.01, f"the fit: {run.output[-300:]}")
    events = list(traceread.events(run.trace, "alloc", "free", "pool_alloc", "pool_free"))
    # The program's last line is printed before Python ends and the pool with it.
    whole = [e for e in events if e["event"] != "free"]
    out.equal(live_bytes(pool_pieces(whole), "alloc", "free"), told.get("total_bytes"),
              "driver memory of the pool, as CuPy's total_bytes()")
    out.equal(live_bytes(events, "pool_alloc", "pool_free"), told.get("used_bytes"),
              "blocks that live, as CuPy's used_bytes()")
    reported = [row for row in run.table("blocks") if row["source"] == "reported"]
    sites = {str(row["site"]).split(" ")[0] for row in reported}
    out.check("fit" in sites and not any("Pool" in site for site in sites),
              f"who asked for blocks: {sites}")
    out.check(len(reported) > 4 * STEPS, f"{len(reported)} blocks that CuPy handed out")
    launches = run.launches()
    out.equal(launches.get("clip_to"), STEPS, "launches of the kernel clip_to")
    iterations = len(run.table("iterations"))
    out.check(abs(iterations - STEPS) <= 2, f"{iterations} iterations, {STEPS} steps")
    run.analyze()
    run.analyze("--table=segments", "--format=csv", most=exampletest.MORE)
    run.finish(told=told, blocks=len(reported), iterations=iterations,
               launches=summary["launches"])
    out.headline = (f"pool of {told.get('total_bytes')} bytes, {told.get('used_bytes')} of them "
                    f"used, as CuPy says; {len(reported)} blocks, {iterations} iterations")


if __name__ == "__main__":
    outcome.main(check)
