#!/usr/bin/env python3
"""The parts of the examples' tests that need no GPU: comparisons on made-up runs, each of which
must find what was spoilt, and the pages. PYTHONPATH=tests/gpu
"""
import sys

import covering
import coverage_cupy
import coverage_jax
import example_cupy
import example_ranks
import examplespage
import exampletest
import figures
import outcome

FAILURES = []


def expect(condition, what):
    if not condition:
        FAILURES.append(what)


def failures(check, *arguments):
    found = outcome.Outcome()
    check(found, *arguments)
    return len(found.failures)


def cupy_events():
    return [{"event": "alloc", "address": 0, "size": 64},
            {"event": "alloc", "address": 4096, "size": 2048},
            {"event": "pool_alloc", "address": 4096, "size": 512},
            {"event": "pool_alloc", "address": 4608, "size": 512},
            {"event": "pool_free", "address": 4096}]


CUPY_LOG = [["driver", 4096, 2048], ["alloc", 4096, 512], ["alloc", 4608, 512],
            ["free", 4096, 512]]


def test_cupy():
    events = cupy_events()
    expect(failures(coverage_cupy.check_log, events, CUPY_LOG) == 0, "equal records")
    for place in (1, 2, 4):
        spoilt = events[:place] + events[place + 1:]
        expect(failures(coverage_cupy.check_log, spoilt, CUPY_LOG) > 0, f"{place} is missing")
    events[3]["size"] = 1024
    expect(failures(coverage_cupy.check_log, events, CUPY_LOG) > 0, "another size")
    events = cupy_events()
    expect(example_cupy.live_bytes(example_cupy.pool_pieces(events), "alloc", "free") == 2048,
           "the pool's pieces")
    expect(example_cupy.live_bytes(events, "pool_alloc", "pool_free") == 512, "live blocks")


def test_jax():
    kernel = {"event": "launch", "flags": 0, "thread": 0, "time_ns": 5}
    facts = {"kernels": 12, "steps": 1, "lines": {}}
    expect(failures(coverage_jax.check_kernels, [kernel] * 12, 0, 9, facts) == 0, "as many")
    expect(failures(coverage_jax.check_kernels, [kernel] * 11, 0, 9, facts) > 0, "one too few")
    made = [{"event": "alloc", "api": "cuMemAllocFromPoolAsync", "address": n, "size": 8,
             "time_ns": n} for n in range(30)]
    stats = {"num_allocs": 30, "bytes_in_use": 240, "peak_bytes_in_use": 240}
    expect(failures(coverage_jax.check_async, made, 99, stats) == 0, "equal buffers")
    expect(failures(coverage_jax.check_async, made[1:], 99, stats) == 3, "one is missing")
    events = [{"event": "create", "size": 10 << 20}, {"event": "alloc", "size": 64}]
    expect(failures(coverage_jax.check_pool, events, {"bytes_limit": 10 << 20}) == 0, "the pool")
    expect(failures(coverage_jax.check_pool, events, {"bytes_limit": 20 << 20}) > 0, "another")


def test_coverage():
    rows = [{"device": 0, "moment": moment, "what": what, "size_bytes": size}
            for moment in ("peak", "end")
            for what, size in (("blocks", 900), ("slack", 95), ("unattributed", 5),
                               ("total", 1000))]
    expect(covering.accounted(rows) == [("device 0, end", 995, 1000),
                                        ("device 0, peak", 995, 1000)], "sums of a moment")
    expect(failures(covering.check_bytes, rows) == 0, "within the limit")
    expect(failures(covering.check_bytes, []) > 0, "NVML was not asked")
    rows[0]["size_bytes"] = 800
    expect(failures(covering.check_bytes, rows) == 1, "too little is known")
    quiet = [{"time_ns": time, "device": 0, "blocks_bytes": 995, "unattributed_bytes": 5,
              "total_bytes": 1000, "known_by": "process"} for time in (1 << 30, 2 << 30)]
    expect(failures(covering.check_samples, quiet, []) == 0, "every sample is accounted for")
    quiet[1].update(blocks_bytes=980, unattributed_bytes=20)
    expect(failures(covering.check_samples, quiet, []) == 1, "one is not")
    expect(failures(covering.check_samples, quiet, [(2 << 30) - 5]) == 0, "memory was coming")
    quiet[0]["blocks_bytes"] = 0
    expect(failures(covering.check_samples, quiet, [(2 << 30) - 5]) == 1, "parts do not add up")
    results = {"coverage_cupy": {"result": "passed", "date": "2000-01-01", "figures": {"coverage": {
        "launches": [5, 5], "allocations": 7, "owner": "a hook", "bytes": 3 << 20,
        "nvml": 4 << 20}}}}
    expect("| CuPy | 5 / 5 | 7 | a hook | 3 MiB | 4 MiB | passed, 2000-01-01 |" in
           figures.covered(results), "a row of the table")


def test_tidy():
    run = exampletest.Example.__new__(exampletest.Example)
    run.trace, run.display, run.shown = "work/x.mtrace", "x.mtrace", []
    run.show("memtrace-analyze work/x.mtrace",
             "(/a/b/site-packages/jax/api.py:3) of work/x.mtrace\nFutureWarning: no\n2\n3\n", 2)
    expect(run.shown == ["", "$ memtrace-analyze x.mtrace", "(.../jax/api.py:3) of x.mtrace", "2",
                         "... 1 lines more"], f"what is shown: {run.shown}")


def ranks(*peaks):
    return [{"rank": rank, "device": rank, "trace": rank, "peak_allocated_bytes": peak,
             "collectives": 25,
             "sent_bytes": 90 + rank, "received_bytes": 99 - rank}
            for rank, peak in enumerate(peaks)]


def test_ranks():
    calls = [{"op": "ncclAllReduce", "trace": rank, "calls": 20} for rank in range(2)]
    expect(failures(example_ranks.compare, ranks(5, 9), calls) == 0, "ranks that differ")
    expect(failures(example_ranks.compare, ranks(9, 5), calls) == 1, "the other one takes most")
    expect(failures(example_ranks.compare, ranks(5, 9), calls[:1]) == 1, "one reduced nothing")
    spoilt = ranks(5, 9)
    spoilt[1]["rank"] = 0
    expect(failures(example_ranks.compare, spoilt, calls) == 1, "a rank twice")
    page = example_ranks.Page("w/example_ranks")
    page.show("x", "w/example_ranks.1.77.mtrace\nb\n", 1)
    expect(page.lines[1:] == ["$ x", "1.mtrace", "... 1 lines more"], f"the page {page.lines}")


def test_pages():
    stale = [path for path, _ in examplespage.stale(figures.load(figures.RESULTS))]
    expect(not stale, f"run python3 tests/gpu/examples/examplespage.py: {stale}")
    page = f"a\n{examplespage.BEGIN}old\n{examplespage.END}\nb\n"
    facts = {"date": "2000-01-01", "commit": "c0ffee", "machine": {"gpu": "G"},
             "figures": {"shown": ["$ x", "y"]}}
    made = examplespage.render(page, facts)
    expect("2000-01-01, commit c0ffee, on G:\n\n```\n$ x\ny\n```\n" in made and "old" not in made,
           "what a run showed is written")
    expect(figures.NOT_YET.capitalize() in examplespage.render(page, None), "or that there is none")


def main():
    for test in (test_cupy, test_jax, test_coverage, test_tidy, test_ranks, test_pages):
        test()
    print("\n".join(FAILURES) if FAILURES else "the examples' tests find what is spoilt")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
