#!/usr/bin/env python3
"""How large real traces are and how fast they are read, on those that the overhead tests left.

usage: tracesize.py resnet50|gpt
"""
import os
import subprocess
import time

import jobs
import outcome
import traceread

REPEATS = 3


def timed(command):
    """Seconds, the best of some runs: the machine's other work only ever adds."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return min(times)


def kinds_of(trace):
    kinds = {}
    for event in traceread.events(trace):
        kinds[event["event"]] = kinds.get(event["event"], 0) + 1
    return kinds


def check(out, arguments):
    model, = arguments
    traces = jobs.matching(f"overhead_{model}.", ".traced.mtrace")
    if not traces:
        raise outcome.Skip(f"no trace of overhead_{model}; run that test first")
    trace = traces[-1]
    kinds = kinds_of(trace)
    events, size = sum(kinds.values()), os.path.getsize(trace)
    out.equal(kinds.get("lost", 0), 0, "records of lost events")
    out.check(events > 100_000, f"only {events} events: too few to measure with")
    analyze = timed([traceread.tool("memtrace-analyze"), trace])
    dump = timed([traceread.tool("memtrace-dump"), "--format", "csv", trace])
    out.figures = {
        "trace_bytes": size, "events": events, "bytes_per_event": size / events,
        "analyze_s": analyze, "analyze_events_per_s": events / analyze,
        "dump_csv_s": dump, "dump_events_per_s": events / dump, "kinds": kinds,
    }
    out.headline = (f"{size / events:.2f} B/event, {events} events, "
                    f"analyze {events / analyze / 1e6:.1f} M events/s")


if __name__ == "__main__":
    outcome.main(check)
