#!/usr/bin/env python3
"""The parts of the GPU tests that need no GPU: the comparisons on made-up runs, each of which must
find the one thing that was spoilt; the runner's time limits; the page of figures.
"""
import copy
import os
import re
import shutil
import sys
import tempfile
import time

import asyncequal
import categories
import compare
import figures
import graphequal
import jobs
import killed
import known_calls
import known_memory
import oom
import known_graphs
import multi_selftest
import others_selftest
import outcome
import pairs
import paper
import paperpage
import rhythm
import sites_selftest
import stackframes
import suite
import torch_categories
import torch_history
import window
from profile_counts import count_launches, count_pools, count_ran
from toy_allocator import Toy

BIRTHS = ("alloc", "map")
FAILURES = []
COUNT = 0


def expect(condition, what):
    global COUNT
    COUNT += 1
    if not condition:
        FAILURES.append(what)


def raises(function, *args):
    try:
        function(*args)
    except torch_history.HistoryError:
        return True
    return False


def test_replay():
    """Replay finds the toy's sizes, segments and peaks, and notices a history that was spoilt."""
    for expandable in (False, True):
        for seed in range(8):
            toy = Toy(expandable, seed).run(1500)
            history = toy.history()
            done = torch_history.replay(history, 0)
            expect(done.events == [r[:3] for r in toy.reports], f"sizes {expandable} {seed}")
            expect(done.peak_reserved == toy.peak_reserved, f"reserved {expandable} {seed}")
        expect(any(not size % 512 == 0 or size > 512 for _, _, size in done.events), "sizes vary")
        for name, spoil in (("alloc", 512), ("free_requested", 512)):
            spoilt = copy.deepcopy(history)
            entry = [e for e in spoilt["traces"][0] if e[0] == name][-1]
            entry[2] += spoil
            expect(raises(torch_history.replay, spoilt, 0), f"a wrong size of {name} is noticed")
        spoilt = copy.deepcopy(history)
        spoilt["segments"][0]["blocks"][0][1] += 512
        expect(raises(torch_history.replay, spoilt, 0), "another snapshot is noticed")
        spoilt = copy.deepcopy(history)
        spoilt["max_allocated"][0] += 512
        expect(raises(torch_history.replay, spoilt, 0), "another peak is noticed")


def spoilt_lists(events):
    """(what was done, the list with it), done to a birth in the middle"""
    middle = next(i for i in range(len(events) // 2, len(events)) if events[i][0] in BIRTHS)
    other = (events[middle][0], events[middle][1], events[middle][2] + 512)
    moved = (events[middle][0], events[middle][1] + 512, events[middle][2])
    swapped = events[:middle] + [events[middle + 1], events[middle]] + events[middle + 2:]
    return (("another size", events[:middle] + [other] + events[middle + 1:]),
            ("another address", events[:middle] + [moved] + events[middle + 1:]),
            ("one lost", events[:middle] + events[middle + 1:]),
            ("one too many", events[:middle] + events[middle:middle + 1] + events[middle:]),
            ("two swapped", swapped), ("the last lost", events[:-1]),
            ("the first lost", events[1:]))


def test_blocks():
    toy = Toy(False).run(800)
    theirs = [r[:3] for r in toy.reports]
    expect(not compare.blocks(theirs, theirs), "equal lists are equal")
    expect(not compare.blocks(theirs + [("free", 1, 2)], theirs), "frees at the end are allowed")
    expect(compare.blocks(theirs + [("alloc", 1, 2)], theirs), "an alloc at the end is not")
    expect(compare.blocks([], []), "two empty lists are no proof")
    for what, mine in spoilt_lists(theirs):
        expect(compare.blocks(mine, theirs), f"blocks: {what} is noticed")
    sums = [r[3] for r in toy.reports]
    expect(not compare.totals(sums, theirs), "sums are right")
    expect(compare.totals(sums, spoilt_lists(theirs)[0][1]), "a wrong sum is noticed")


def test_segments():
    toy = Toy(False).run(3000)
    theirs = [s for s in torch_history.replay(toy.history(), 0).segments]
    other = [("alloc", 0x10, 77), ("free", 0x10, None)]
    mixed = toy.driver[:3] + other[:1] + toy.driver[3:] + other[1:]
    problems, matched = compare.segments(mixed, theirs)
    expect(not problems, f"segments among others: {problems}")
    expect(set(range(len(mixed))) - matched == {3, len(mixed) - 1}, "the others are known")
    expect(any(kind == "free" for kind, _, _ in theirs), "the toy gives segments back")
    sized = compare.with_sizes(toy.driver)
    for what, mine in spoilt_lists(sized):
        if what != "one too many":  # as another's allocation would look
            expect(compare.segments(mine, theirs)[0], f"segments: {what} is noticed")


def test_mappings():
    toy = Toy(True).run(3000)
    theirs = torch_history.replay(toy.history(), 0).segments
    expect(any(kind == "unmap" for kind, _, _ in theirs), "the toy unmaps")
    expect(not compare.mappings(toy.driver, theirs), "mappings are equal")
    for what, mine in spoilt_lists(toy.driver):
        expect(compare.mappings(mine, theirs), f"mappings: {what} is noticed")


def test_nesting():
    inside = [("segment", 100, 50), ("segment", 150, 50), ("block", 120, 60)]
    expect(not compare.enclosed(inside), "a block may span pieces")
    expect(compare.enclosed(inside[:1] + inside[2:]), "a block beyond its segment is noticed")
    expect(compare.enclosed(inside[:2] + [("drop", 150, 0)] + inside[2:]), "an unmap is noticed")
    events = [("birth", 100, 10), ("launch", 1, [5, 109]), ("launch", 2, []), ("death", 100, 0),
              ("launch", 3, [109])]
    expect(compare.unresolved(events) == (2, [(3, [109])]), "unresolved launches are counted")


def call(cat, name, ts, dur, tid=1, correlation=0):
    return {"ph": "X", "cat": cat, "name": name, "ts": ts, "dur": dur, "tid": tid,
            "args": {"correlation": correlation}}


def test_profile():
    events = [
        {"ph": "X", "cat": "user_annotation", "name": "memtrace_step_8", "ts": 0, "dur": 100},
        {"ph": "X", "cat": "user_annotation", "name": "memtrace_step_9", "ts": 200, "dur": 100},
        {"ph": "X", "cat": "gpu_user_annotation", "name": "memtrace_step_9", "ts": 0, "dur": 100},
        call("cuda_runtime", "cudaLaunchKernel", 10, 5, correlation=1),
        call("cuda_driver", "cuLaunchKernel", 11, 2, correlation=2),  # inside the one before
        call("cuda_driver", "cuLaunchKernelEx", 20, 2, correlation=3),
        call("cuda_driver", "cuLaunchKernel", 11, 2, tid=2, correlation=4),
        call("cuda_runtime", "cudaLaunchKernelExC", 210, 2, correlation=5),
        call("cuda_runtime", "cudaMemcpyAsync", 220, 2, correlation=6),
        call("cuda_runtime", "cudaLaunchKernel", 150, 2, correlation=7),
        call("kernel", "k", 30, 1, tid=7, correlation=1),
        call("kernel", "k", 260, 1, tid=7, correlation=3),
    ]
    counts = count_launches(events)
    expect(counts["steps"] == {8: {"launches": 3, "kernels": 2}, 9: {"launches": 1, "kernels": 0}},
           f"launches by step: {counts['steps']}")
    expect(counts["outside"] == 1 and counts["kernels"] == 2, "launches outside, kernels")
    events += [call("kernel", "memcpy32_post", 31, 1, tid=7),
               call("cuda_runtime", "cudaMallocAsync_v11020", 40, 2),
               call("cuda_driver", "cuMemAllocAsync", 41, 1),
               call("cuda_runtime", "cudaFreeAsync_v11020", 215, 2)]
    expect(count_ran(events) == {8: 1, 9: 1}, "what ran")
    expect(count_pools(events) == {"allocs": {8: 1, 9: 0}, "frees": {8: 0, 9: 1}}, "pools")


def test_async():
    events = [{"event": "alloc", "api": "cuMemAlloc_v2", "address": 1, "size": 5, "time_ns": 1},
              {"event": "alloc", "api": "cuMemAllocAsync", "address": 2, "size": 700, "time_ns": 2},
              {"event": "alloc", "api": "cuMemAllocAsync_ptsz", "address": 3, "size": 512,
               "time_ns": 12},
              {"event": "free", "api": "cuMemFreeAsync", "address": 2, "time_ns": 13},
              {"event": "free", "api": "cuMemFree_v2", "address": 1, "time_ns": 14},
              {"event": "free", "api": "cuMemFreeAsync", "address": 3, "time_ns": 30}]
    pool = asyncequal.Pool(events, 20)
    expect((pool.now, pool.peak) == (512, 1212), "bytes of a pool")
    marks = [(0, 0, 10), (1, 11, 20)]
    expect(asyncequal.per_step(pool.births, marks) == {"0": 1, "1": 1} and
           asyncequal.per_step(pool.deaths, marks) == {"0": 0, "1": 1}, "calls by step")


def graph_failures(change):
    toy = Toy(False).run(400)
    events = [{"event": "block_" + kind, "address": address, "size": size, "device": 0,
               "allocated": allocated, "reserved": reserved}
              for kind, address, size, allocated, reserved in toy.reports]
    change(events)
    found = outcome.Outcome()
    graphequal.check_blocks(found, events, toy.history())
    return len(found.failures)


def test_graph_blocks():
    def smaller(events):
        next(e for e in events[50:] if e["event"] == "block_alloc")["size"] = 0
    expect(graph_failures(lambda events: None) == 0, "blocks as in the history")
    expect(graph_failures(lambda events: events.pop(30)) > 0, "one is missing")
    expect(graph_failures(smaller) > 0, "one is too small")
    expect(graph_failures(lambda events: events[40].update(allocated=1)) > 0, "a sum is wrong")


class Stub:
    def __init__(self, mode, log):
        self.mode, self.log = mode, log

    def warm_turn(self, steps, warm):
        self.log.append(self.mode)
        return {"bare": 10.0, "traced": 10.1, "control": 10.0}[self.mode] * steps


def test_pairs():
    log, modes = [], ["bare", "traced", "control"]
    rows = pairs.take_turns([Stub(mode, log) for mode in modes], 4, 40, 3)
    orders = [tuple(log[i:i + 3]) for i in range(0, len(log), 3)]
    expect(all(sorted(order) == sorted(modes) for order in orders), "each mode has each turn")
    expect(len(set(orders)) > 2, "turns are taken in changing orders")
    expect(len(log) == 4 * 3 * 3 and abs(rows[3]["traced"] - 10.1) < 1e-9,
           "a pair is all its turns")
    expect(pairs.shares(40, 3) == [13, 13, 14], "turns are as even as they can be")
    found = pairs.summarize(rows, modes)
    expect(abs(found["modes"]["traced"]["ratio"]["median"] - 1.01) < 1e-9, "the ratio's median")
    expect(found["pairs"] == 4 and "ratio" not in found["modes"]["bare"], "the pairs")
    expect(pairs.spread([3.0])["p25"] == 3.0, "a single value has a spread")
    strict = outcome.Outcome()
    expect(pairs.check_ratio(strict, rows, "traced_none", "bare", 1) is None
           and not strict.failures,
           "a mode that took no part has no limit")
    pairs.check_ratio(strict, rows, "traced", "bare", 1.0)
    expect(len(strict.failures) == 1, "a limit is held")


def test_stackframes():
    events = [
        {"event": "code", "id": 1, "text": "a.py", "detail": "<module>"},
        {"event": "code", "id": 2, "text": "a.py", "detail": "Net.forward"},
        {"event": "frame", "id": 1, "caller": 0, "code": 1, "where": 7},
        {"event": "frame", "id": 2, "caller": 1, "code": 2, "where": 3},
        {"event": "block_alloc", "device": 0, "address": 512, "stack": 2},
        {"event": "block_alloc", "device": 0, "address": 1024, "stack": 0}]
    ours = stackframes.trace_stacks(events)
    theirs = [(512, [["a.py", 3, "forward"], ["a.py", 7, "<module>"]]), (1024, [])]
    expect(stackframes.differences(ours, theirs) == (0, []), "the same stacks")
    for change in (["a.py", 4, "forward"], ["b.py", 3, "forward"], ["a.py", 3, "backward"]):
        other = [(512, [change, theirs[0][1][1]]), theirs[1]]
        expect(stackframes.differences(ours, other)[0] == 1, f"another frame: {change}")
    short = [(512, theirs[0][1][:1]), theirs[1]]
    expect(stackframes.differences(ours, short)[0] == 1, "a short one")
    expect(stackframes.differences(ours, [(516, []), theirs[1]])[0] == 1, "another block")


class Told:
    """A killed.Story from lists."""
    launches_by_step, shapes = killed.Story.launches_by_step, killed.Story.shapes
    shapes_by_step = killed.Story.shapes_by_step

    def __init__(self, launches, times, blocks, marks):
        self.launches, self.times, self.blocks, self.marks = launches, times, blocks, marks


def test_killed():
    blocks = [("alloc", 8, 512), ("free", 8, 512)] * 6
    marks = [(step, step * 20, step * 20 + 9) for step in range(6)]
    whole = Told([begin + d for _, begin, _ in marks for d in (1, 2)],
                 [begin + d for _, begin, _ in marks for d in (3, 4)], blocks, marks)
    victim = Told(whole.launches[:7], whole.times[:7], blocks[:7], marks[:3])
    expect(killed.against(victim, whole, True) == ([], 3), "a cut run is a prefix")
    lost = Told(whole.launches[:3] + whole.launches[4:7], whole.times[:7], blocks[:7], marks[:3])
    expect(killed.against(lost, whole, True)[0], "a lost launch is noticed")
    short = Told(whole.launches[:7], whole.times[:5], blocks[:5], marks[:3])
    expect(killed.against(short, whole, False)[0], "lost blocks of a whole step are noticed")
    other = Told(whole.launches[:7], whole.times[:7], blocks[:6] + [("alloc", 8, 513)], marks[:3])
    expect(killed.against(other, whole, True)[0], "another size is noticed")
    expect(killed.against(other, whole, False)[0], "another size after the last mark is noticed")
    expect(killed.pairing([("alloc", 8, 1), ("free", 8, 2)]), "a free of another size is noticed")
    expect(killed.pairing([("alloc", 8, 1), ("alloc", 8, 1)]), "a block born twice is noticed")


def test_known_calls():
    launch = {"event": "launch", "text": "_Z9known_addPfPKfi", "flags": 0,
              "words": [{"offset": 0, "address": 16}, {"offset": 8, "address": 32}]}
    expect(known_calls.line(launch) == "launch known_add 0:0x10 8:0x20", "a launch's line")
    expect(known_calls.line({**launch, "flags": 1}).startswith("captured "), "captured")
    made = {"event": "copy", "destination": 16, "source": 32, "size": 7}
    expect(known_calls.line(made) == "copy 0x10 0x20 7", "a copy's line")
    expect(known_calls.differences(["a"], ["a", "b"]), "a missing event is noticed")
    expect(known_calls.differences(["a", "c"], ["a", "b"]), "another event is noticed")
    expect(not known_calls.differences(["a"], ["a"]), "equal events are equal")


def test_known_memory():
    printed = "total pid 7\nalloc 0x10 4 0\nchild total pid 8\nchild free 0x20\ntotal more 5\n"
    expect(list(known_memory.by_process(printed).items()) ==
           [(7, (["alloc 0x10 4 0"], {"more": 5})), (8, (["free 0x20"], {}))], "two processes")
    event = {"event": "alloc", "api": "cuMemAlloc_v2", "address": 16, "size": 4, "device": 0}
    expect(known_memory.line(event) == "alloc 0x10 4 0", "an allocation's line")
    expect(known_memory.line({**event, "api": "cuMemPoolImportPointer"}) == "imported",
           "what is imported lies where the driver likes")


def oom_failures(spoil):
    facts = {"ooms": 1, "total": 100, "failed": [{"size": 64, "line": 7, "allocated": 5,
                                                  "reserved": 9}]}
    block = {"size_bytes": 64, "allocator_allocated_bytes": 5, "allocator_reserved_bytes": 9,
             "total_bytes": 100, "free_bytes": 50, "site": "attempt (train_oom.py:7)"}
    driver = [{"size_bytes": 64, "error": 2}] * 2
    spoil(block, driver, facts)
    found = outcome.Outcome()
    oom.check_blocks(found, [block], facts)
    oom.check_driver(found, driver, facts)
    return len(found.failures)


def test_oom():
    expect(oom_failures(lambda block, driver, facts: None) == 0, "an OOM that is told right")
    for what, spoil in (
            ("another line", lambda block, driver, facts: block.update(site="f (x.py:7)")),
            ("another size", lambda block, driver, facts: block.update(size_bytes=65)),
            ("torch held more", lambda block, driver, facts: block.update(
                allocator_allocated_bytes=6)),
            ("nothing was free", lambda block, driver, facts: block.update(free_bytes=0)),
            ("one is missing", lambda block, driver, facts: facts.update(ooms=2)),
            ("the driver was asked for more", lambda block, driver, facts: driver.append(
                {"size_bytes": 1, "error": 2})),
            ("another error", lambda block, driver, facts: driver.append(
                {"size_bytes": 64, "error": 1}))):
        expect(oom_failures(spoil) == 1, what)


def test_graphs():
    kernel = {"event": "launch", "flags": 8, "thread": 0, "time_ns": 1}
    copy = {"event": "copy", "api": "cuGraphLaunch", "thread": 0, "time_ns": 1}
    make = {"event": "graph", "graph": 5, "nodes": 3, "thread": 0, "time_ns": 1}
    go = {"event": "graph_launch", "graph": 5, "thread": 1, "time_ns": 2}
    plain = {"event": "launch", "flags": 0, "thread": 1, "time_ns": 3}
    change = {"event": "graph_update", "graph": 5, "first": 1, "nodes": 1, "thread": 0}
    story = [make, kernel, plain, copy, kernel, go, change, kernel, go]
    expect(graphcount.follow(story) == [(3, 1), (2, 2), (2, 3)], "graphs are followed")
    expect(known_graphs.split("a 1\ntotal k 3\n") == (["a 1"], {"k": 3}), "totals are apart")


def test_contract():
    """The events and fields that the tests read are those of event.def."""
    path = os.path.join(jobs.HERE, "..", "..", "src", "event", "event.def")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kinds = set(re.findall(r"^EVENT\(\d+, (\w+),", text, re.M))
    fields = set(re.findall(r"^FIELD\((\w+), (\w+),", text, re.M))
    for kind, names in known_calls.FIELDS.items():
        expect(kind in kinds, f"no event is called {kind}")
        for name in names:
            expect((kind, name) in fields, f"{kind} has no field {name}")
    for kind in ("block_alloc", "block_free"):
        for name in ("address", "size", "allocated", "reserved", "device"):
            expect((kind, name) in fields, f"{kind} has no field {name}")


def run_fake(folder, text, limit):
    """Let the suite run a test program of this text; its result."""
    with open(os.path.join(folder, "fake.py"), "w", encoding="utf-8") as file:
        file.write(text)
    runner = suite.Runner(time.monotonic() + 60)
    runner.run(("fake", ["fake.py"], limit, False))
    return runner.results["fake"]


def test_suite(folder):
    kept = jobs.script, jobs.WORK
    jobs.script = lambda name: os.path.join(folder, name)
    jobs.WORK = folder
    here = os.path.abspath(kept[0](""))
    head = f"import sys; sys.path.insert(0, {here!r}); import outcome\n"
    try:
        good = run_fake(folder, head + "outcome.main(lambda o, a: o.check(True, ''))", 30)
        expect(good["result"] == "passed", f"a good test passes: {good}")
        for what, text in (("fails", "outcome.main(lambda o, a: o.check(False, 'no'))"),
                           ("checks nothing", "outcome.main(lambda o, a: None)"),
                           ("raises", "outcome.main(lambda o, a: 1 / 0)"),
                           ("dies", "import os; os.abort()")):
            expect(run_fake(folder, head + text, 30)["result"] == "failed", f"a test that {what}")
        hung = run_fake(folder, "import os, time; os.fork(); time.sleep(1000)", 0.5)
        expect(hung["result"] == "failed" and hung["seconds"] < 20, f"a test that hangs: {hung}")
        late = suite.Runner(time.monotonic() + 1)
        late.run(("fake", ["fake.py"], 30, False))
        expect(late.results["fake"]["result"] == "not run", "a test that comes too late")
    finally:
        jobs.script, jobs.WORK = kept
    expect("1 not run" in suite.table(late.results, ["fake"]), "the table counts what was not run")
    names = [test[0] for test in suite.listed()]
    expect(len(names) == len(set(names)), "names are unique")
    for _, command, _, _ in suite.listed():
        expect(os.path.exists(jobs.script(command[0])), f"{command[0]} exists")


def paper_facts(iterations=25, size=paper.HIDDEN_BYTES, rate=paper.RATE, intermediate=95):
    return {"steps": 25, "iterations": iterations, "outlier": {"size_bytes": size},
            "swap_rates": [rate] * 3, "breakdown": {"intermediate": intermediate, "all": 100}}


def test_paper():
    """What must hold of the paper's jobs, each thing spoilt once; the page is as they say."""
    for spoilt, failures in (({}, 0), ({"iterations": 24}, 1), ({"size": 5}, 1),
                             ({"rate": 3.0}, 1), ({"intermediate": 50}, 1)):
        out = outcome.Outcome()
        paper.compare(out, "mlp", paper_facts(**spoilt))
        expect(len(out.failures) == failures, f"paper {spoilt}: {out.failures}")
    for sizes, failures in (((1, 2, 3), 0), ((1, 3, 2), 1)):
        out = outcome.Outcome()
        paper.compare_batches(out, {f"net_cifar100_{batch}": paper_facts(intermediate=size)
                                    for batch, size in zip((16, 64, 256), sizes)})
        expect(len(out.failures) == failures, f"batches {sizes}: {out.failures}")
    results = figures.load(figures.RESULTS)
    with open(paperpage.PAGE, encoding="utf-8") as file:
        page = file.read()
    expect(all(paperpage.is_so(*one) for one in paperpage.pages(results).items()),
           "docs/paper.md and its charts are as results.json says: "
           "run python3 tests/gpu/paperpage.py")
    ati = {name: 1000 for name in ("intervals", "p25_ns", "p50_ns", "p75_ns", "p90_ns", "max_ns")}
    parts = {part: 20 for part in paper.paper.PARTS}
    facts = {**paper_facts(), "period_ns": 5, "exact_share": 0.5, "same_kernel": 1, "ati": ati,
             "short_share": 0.75, "breakdown": {**parts, "all": 100},
             "outlier": {"size_bytes": 1 << 30, "gap_ns": 840 * 10 ** 6, "wraps": 1},
             "swap": {"candidates": 7, "peak_bytes": 1 << 20, "at_peak_bytes": 0,
                      "result_bytes": 1 << 20}}
    made = paperpage.render(page, {"paper_mlp": {"figures": {"mlp": facts}, "date": "2000-01-01",
                                                 "commit": "abc", "machine": {"gpu": "a GPU"}}})
    for text in ("| mlp | 25 | 25 | 5 ns | 50.0 % | 100.0 % |",
                 "| mlp | 1,024.0 MiB | 840 ms | yes |", "75.0 %",
                 "| mlp | 7 | 1 MiB | 0 MiB | 1 MiB |", "commit abc, a GPU"):
        expect(text in made, f"paper page lacks {text}")


def test_figures():
    results = figures.load(figures.RESULTS)
    with open(figures.PAGE, encoding="utf-8") as file:
        page = file.read()
    expect(figures.render(page, results) == page, "docs/validation.md is as results.json says: "
           "run python3 tests/gpu/figures.py")
    with open(figures.README, encoding="utf-8") as file:
        readme = file.read()
    expect(figures.render_readme(readme, results) == readme, "README.md is as results.json says: "
           "run python3 tests/gpu/figures.py")
    facts = {"result": "passed", "headline": "h", "checks": 3, "seconds": 1.0, "failures": [],
             "figures": {"events": 5, "bytes_per_event": 1.234, "analyze_events_per_s": 2e7,
                         "dump_events_per_s": 1e6}}
    run = {"date": "2000-01-01", "commit": "c0ffee", "machine": {"gpu": "G"},
           "tests": {"size_gpt": facts, "smoke_jax": {**facts, "result": "skipped"},
                     "categories_gpt": {**facts, "figures": {
                         "share": 0.975, "table": {"parameter": {"PARAMETER": 3 << 20}}}},
                     "overhead_gpt": {**facts, "result": "failed", "failures": ["broke"]}}}
    made = figures.take_over({}, run)
    text = figures.render(page, made)
    expect("smoke_jax" not in made, "a skipped test leaves no figures")
    expect("| GPT | 5 | 1.23 | 20.0 M | 1.00 M | passed, 2000-01-01 |" in text, "a row of figures")
    expect("| GPT | parameter | 3.0 |  |  |  |  |  |  |  | 97.50 % | passed, 2000-01-01 |" in text,
           "a row of categories")
    expect("broke" in text and "**failed**" in text, "a failure shows")
    try:
        figures.take_over({}, {**run, "machine": {"simulated": True}})
        expect(False, "figures of a simulated device are refused")
    except SystemExit:
        pass
    listed = {name for name, *_ in suite.listed()}
    shown = {name for name, _ in figures.OTHERS}
    expect(shown <= listed, f"shown but not run: {shown - listed}")
    rest = {n for n in listed - shown if not re.match("equal_|overhead_|size_|categories_", n)}
    expect(not rest, f"run but not shown: {rest}")


def rhythm_failures(name, change):
    """What the comparison says of ten steps of four launches, after `change` was made to them."""
    marks = [(1000 * i, 1000 * i + 900) for i in range(40)]
    launches = [{"time_ns": begin + 100 * k, "kernel": k}
                for begin, _ in marks for k in range(1, 5)]
    rows = [{"start_ns": begin + 50, "events": 4} for begin, _ in marks]
    change(rows)
    found = outcome.Outcome()
    rhythm.compare(found, name, marks, rows, launches)
    return len(found.failures)


def test_rhythm():
    expect(rhythm_failures("gpt", lambda rows: None) == 0, "iterations as steps")
    expect(rhythm_failures("gpt", lambda rows: rows.pop()) > 0, "one is missing")
    expect(rhythm_failures("gpt", lambda rows: rows[5].update(start_ns=rows[4]["start_ns"])) > 0,
           "two begin in one step")

    def elsewhere(rows):
        for row in rows[10:20]:
            row["start_ns"] += 150
    expect(rhythm_failures("moe", elsewhere) > 0, "some begin with another kernel")
    expect(rhythm_failures("evaluate", lambda rows: rows[9].update(events=40)) > 0,
           "one holds an evaluation")
    for beats, place, told in ((33, "part", True), ("31.975", "part", True), (6, "part", False),
                               (33, "between", False)):
        levels = [{"per_iteration": 1, "place": "iteration"},
                  {"per_iteration": beats, "place": place}]
        expect(rhythm.tokens_told(outcome.Outcome(), levels) == told, f"tokens, {beats} {place}")


class Word:
    """Something with a name, as the members of PyTorch's enumerations are."""

    def __init__(self, name):
        self.name = name


def test_torch_categories():
    """A parameter from before, an activation that becomes a gradient's, memory of no tensor."""
    old, create, bump, gone = (Word(name) for name in ("PREEXISTING", "CREATE", "INCREMENT_VERSION",
                                                       "DESTROY"))
    timeline = [(-1, old, ("p", 0), 100), (1, create, ("a", 0), 50), (2, create, (None, 0), 7),
                (3, bump, ("a", 0), 50), (4, create, ("b", 0), 20), (5, gone, ("b", 0), 20),
                (6, gone, ("a", 1), 50), (7, create, ("c", 0), 60), (8, create, ("cpu", 0), 9999)]
    facts = torch_categories.peak_of(
        timeline, lambda key, version: f"{key}{version}", lambda key: key != "cpu",
        lambda key: {"p": 1, "a": 2, "b": 3, "c": 4}.get(key))
    expect(facts == {"bytes": 177, "blocks": [[1, 100, "p0"], [2, 50, "a1"], [3, 20, "b0"]],
                     "last": 3, "unnamed_bytes": 7}, f"the profiler's peak {facts}")
    expect(torch_categories.name(None) == "none", "no category")


def block(address, size, birth, death, category):
    return {"address": address, "size": size, "birth": birth, "death": death, "category": category}


def test_categories():
    peak = {"blocks": [[1, 100, "PARAMETER"], [2, 50, "ACTIVATION"], [3, 20, "none"]], "last": 3}
    blocks = [block(1, 100, 0, None, "parameter"), block(2, 50, 5, 9, "temporary"),
              block(3, 20, 4, 5, "input"), block(3, 20, 6, 8, "temporary"),
              block(4, 10, 6, 8, "workspace")]
    live = categories.closest(blocks, peak)
    expect(sorted(live) == [1, 2, 3, 4], "the moment of the peak is found")
    table = categories.confusion(live, peak)
    expect(table == {"parameter": {"PARAMETER": 100}, "workspace": {"none": 10},
                     "temporary": {"ACTIVATION": 50, "none": 20}}, f"confusion {table}")
    expect(categories.agreement(table) == (150, 100), "agreeing bytes")
    expect(categories.agreement({"activation": {"ACTIVATION": 1}}) == (1, 1), "all agree")


def test_window():
    events = [{"event": "pause", "time_ns": 0}, {"event": "resume", "time_ns": 900},
              {"event": "kept", "time_ns": 900, "before": 400},
              {"event": "block_alloc", "time_ns": 900, "address": 512, "size": 1024},
              {"event": "resumed", "time_ns": 1000},
              {"event": "block_alloc", "time_ns": 1100, "address": 4096, "size": 512},
              {"event": "block_free", "time_ns": 1200, "address": 512, "size": 1024}]
    live, windows = window.living(events)
    expect(windows == 1 and live == {512: (1024, 500)}, "what lives when it begins")
    torch = window.active({"segments": [{"blocks": [[512, 1024, 1000, "active_allocated"],
                                                    [1536, 512, 0, "inactive"]]}]})
    expect(torch == {512: 1024}, "what torch says lives")


def test_outcome():
    found = outcome.Outcome()
    expect(found.equal(1, 1, "x") and not found.failures, "equal values")
    expect(not found.equal(1, 2, "x") and found.result() == "failed", "other values")


def main():
    for test in (test_async, test_graph_blocks, test_replay, test_blocks,
                 test_segments, test_mappings, test_nesting, test_profile,
                 test_pairs, test_stackframes, test_killed, test_known_calls,
                 test_known_memory, test_oom, test_contract,
                 test_torch_categories, test_categories, test_figures, test_paper, test_rhythm,
                 test_window, test_outcome):
        test()
    sites_selftest.test_sites(expect)
    multi_selftest.test_multi(expect)
    others_selftest.test_others(expect)
    folder = tempfile.mkdtemp(prefix="memtrace-gpu-")
    try:
        test_suite(folder)
    finally:
        shutil.rmtree(folder)
    for failure in FAILURES:
        print("FAILED:", failure)
    print(f"{COUNT} checks, {len(FAILURES)} failed")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
