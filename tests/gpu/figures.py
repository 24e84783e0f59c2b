#!/usr/bin/env python3
"""Keeps the figures of docs/validation.md, what README.md says that recording costs, and what the
READMEs of the examples show: results.json holds the latest result of every test, and the pages are
written from it.

usage: figures.py FIGURES.json...   take over what a run of run.sh measured, then write the pages
       figures.py                   write the pages
       figures.py --check           exit 1 if a page is not what the results say
"""
import importlib
import json
import os
import re
import sys

import covering

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results.json")
PAGE = os.path.join(HERE, "..", "..", "docs", "validation.md")
README = os.path.join(HERE, "..", "..", "README.md")
NOT_YET = "not yet measured"
MODELS = (("resnet50", "ResNet-50"), ("gpt", "GPT"))
MIB = 1 << 20
OTHERS = (
    ("known_calls_static", "CUDA program, static runtime"),
    ("known_calls_shared", "CUDA program, shared runtime"),
    ("known_runtime_11.8.89", "CUDA program, runtime of 11.8"),
    ("known_runtime_12.0.146", "CUDA program, runtime of 12.0"),
    ("known_runtime_12.9.79", "CUDA program, runtime of 12.9"),
    ("known_graphs_static", "CUDA graphs by hand, static runtime"),
    ("known_graphs_shared", "CUDA graphs by hand, shared runtime"),
    ("known_memory_static", "memory in every other way, static runtime"),
    ("known_memory_shared", "memory in every other way, shared runtime"),
    ("reload", "modules that come and go beside kernels that stay"),
    ("nvtx_torch", "forward functions of backward blocks (`emit_nvtx`)"),
    ("known_external_static", "memory of another library, static runtime"),
    ("known_external_shared", "memory of another library, shared runtime"),
    ("oom", "a job that runs out of memory, against torch"),
    ("graphs_replay", "torch.cuda.graph against torch.profiler"),
    ("graphs_reduce_overhead", "torch.compile's graphs against torch.profiler"),
    ("quickstart", "the quickstart, in a fresh copy"),
    ("equal_gpt_async", "GPT on cudaMallocAsync, against torch.profiler and the pool"),
    ("equal_reduce_overhead", "reduce-overhead graphs, against torch.profiler and torch"),
    ("coverage_jax_pool", "JAX against jax.profiler and its pool"),
    ("coverage_jax_async", "JAX on cudaMallocAsync, against what it counts"),
    ("coverage_cupy", "CuPy against its pool and torch.profiler"),
    *((f"example_{name}", f"examples/{name}") for name in
      ("cuda", "cublas", "cupy", "jax", "triton")),
    ("smoke_cupy", "CuPy"), ("smoke_jax", "JAX"), ("smoke_compile", "torch.compile, Triton"),
    ("smoke_async_pool", "PyTorch on cudaMallocAsync"),
    ("multi_ddp", "DistributedDataParallel, a GPU each rank"),
    ("multi_fsdp", "fully_shard, a GPU each rank"),
    ("multi_calls", "two GPUs, every way to exchange tensors"),
    ("multi_graph", "two GPUs, a collective in a CUDA graph"),
    ("multi_example", "examples/ranks, two GPUs"),
    ("multi_peer_static", "CUDA program on two GPUs, static runtime"),
    ("multi_peer_shared", "CUDA program on two GPUs, shared runtime"),
    ("multi_dataloader", "DataLoader workers, forked and spawned"),
    ("account_resnet50", "what NVML says, and who has it"),
    ("killed_resnet50", "SIGKILL, ResNet-50"), ("killed_gpt", "SIGKILL, GPT"),
    ("stacks_resnet50", "Python frames beside torch's, ResNet-50"),
    ("stacks_gpt", "Python frames beside torch's, GPT"),
    ("sites_resnet50", "Table sites beside torch's snapshot, ResNet-50"),
    ("sites_gpt", "Table sites beside torch's snapshot, GPT"),
    ("window_resnet50", "recorded late, against torch's snapshot and profiler, ResNet-50"),
    ("window_gpt", "recorded late, against torch's snapshot and profiler, GPT"),
    ("rhythm_resnet50", "iterations, ResNet-50"), ("rhythm_gpt", "iterations, GPT"),
    ("rhythm_moe", "iterations, mixture of experts"),
    ("rhythm_accumulate", "iterations, four micro-batches"),
    ("rhythm_evaluate", "iterations, evaluation every 10 steps"),
    ("rhythm_epochs", "iterations, micro-batches, evaluations and saves"),
    ("rhythm_switch", "iterations, other kernels from the 21st step on"),
    ("rhythm_decode", "iterations, requests to a GPT, tokens a part of them"),
    ("rhythm_images", "iterations, batches of images through ResNet-50"),
    *((f"paper_{model}", f"the paper's {label}") for model, label in
      (("mlp", "perceptron"), ("alexnet", "AlexNet"), ("vgg16", "VGG-16"),
       ("resnet18", "ResNet-18"), ("resnet50", "ResNet-50"))),
    ("golden_resnet50", "short trace, ResNet-50"), ("golden_gpt", "short trace, GPT"),
    ("golden_resnet50_expandable", "short trace, ResNet-50, expandable segments"),
    ("golden_gpt_expandable", "short trace, GPT, expandable segments"),
)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def take_over(results, figures):
    """A test that was not run or skipped leaves the older result as it was. Where an interpreter
    lies on the machine that measured says nothing."""
    if figures["machine"].pop("simulated", False):
        raise SystemExit("these figures are of a simulated device; they prove nothing")
    for name, facts in figures["tests"].items():
        if facts["result"] in ("passed", "failed"):
            kept = {key: facts[key] for key in ("result", "headline", "checks", "seconds")}
            kept["failures"] = facts["failures"][:3]
            kept["figures"] = {k: v for k, v in facts["figures"].items() if k != "rows"}
            if kept["figures"].get("shown"):
                kept["figures"]["shown"] = [re.sub(r"/\S*/(python3?\b)", r"\1", line)
                                            for line in kept["figures"]["shown"]]
            results[name] = {**kept, "date": figures["date"], "commit": figures["commit"],
                             "machine": figures["machine"]}
    return dict(sorted(results.items()))


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*cells):
    return [row(*cells), row(*["---"] * len(cells))]


def verdict(facts):
    word = facts["result"] if facts["result"] == "passed" else "**failed**"
    return f"{word}, {facts['date']}"


def missing(label, columns):
    return row(*label, NOT_YET, *[""] * (columns - len(label) - 1))


def failed_without_figures(label, facts, columns):
    reason = (facts["failures"] or [""])[0].replace("|", "/")[:120]
    return row(*label, reason, *[""] * (columns - len(label) - 2), verdict(facts))


def line(results, name, label, columns, cells):
    """A row of a table: the figures, or why there are none."""
    facts = results.get(name)
    if not facts:
        return missing(label, columns)
    try:
        return row(*label, *cells(facts["figures"]), verdict(facts))
    except (KeyError, TypeError):
        return failed_without_figures(label, facts, columns)


def equality(results):
    lines = head("model", "allocator", "block events", "segment events", "peak allocated",
                 "peak reserved", "launches a step: trace / profiler / kernels run",
                 "launches with pointers", "result")

    def cells(figures):
        return (figures["block_events"], figures["segment_events"],
                f"{figures['max_allocated'] / MIB:.1f} MiB",
                f"{figures['max_reserved'] / MIB:.0f} MiB",
                f"{figures['launches_per_step']} / {figures['profiler_launches_per_step']}"
                f" / {figures['profiler_kernels_per_step']}",
                f"{figures['launches_with_pointers']} of {figures['launches']}")
    for model, title in MODELS:
        for allocator in ("native", "expandable"):
            lines.append(line(results, f"equal_{model}_{allocator}", (title, allocator), 9, cells))
    for model, title in (("moe", "mixture of experts"), ("compile", "GPT by torch.compile")):
        lines.append(line(results, f"equal_{model}_native", (title, "native"), 9, cells))
    return lines


def covered(results):
    lines = head("job", "launches: trace / profiler", "allocations and frees equal",
                 "to the record of", "bytes laid to somebody", "NVML's", "result")
    for name, title in covering.JOBS:
        facts = results.get(name)
        try:
            found = covering.facts_of(facts) if facts else None
        except KeyError:
            found = None
        if not found:
            lines.append(missing((title,), 7))
            continue
        lines.append(row(title, " / ".join(map(str, found["launches"])), found["allocations"],
                         found["owner"], f"{found['bytes'] / MIB:.0f} MiB",
                         f"{found['nvml'] / MIB:.0f} MiB", verdict(facts)))
    return lines


def ratio(figures, mode):
    value = figures["modes"].get(mode, {}).get("ratio")
    return f"{value['median']:.3f} ({value['p25']:.3f}-{value['p75']:.3f})" if value else ""


def overhead(results):
    lines = head("model", "pairs x steps", "bare, ms a step", "second bare process", "memtrace",
                 "limit", "without stacks", "Python stacks, of without", "with both kinds",
                 "torch's memory history", "with C++ stacks", "result")

    def cells(figures):
        python = figures.get("python_over_none")
        return (f"{figures['pairs']} x {figures['steps']}",
                f"{figures['modes']['bare']['ms']['median']:.2f}", ratio(figures, "control"),
                ratio(figures, "traced"), figures["limit"], ratio(figures, "traced_none"),
                f"{python:.3f}" if python else "", ratio(figures, "traced_both"),
                ratio(figures, "history"), ratio(figures, "history_all"))
    for model, title in MODELS:
        lines.append(line(results, f"overhead_{model}", (title,), 12, cells))
    return lines


def size(results):
    lines = head("model", "events", "trace, bytes an event", "memtrace-analyze, events a second",
                 "memtrace-dump to CSV, events a second", "result")

    def cells(figures):
        return (figures["events"], f"{figures['bytes_per_event']:.2f}",
                f"{figures['analyze_events_per_s'] / 1e6:.1f} M",
                f"{figures['dump_events_per_s'] / 1e6:.2f} M")
    for model, title in MODELS:
        lines.append(line(results, f"size_{model}", (title,), 6, cells))
    return lines


THERE = ("PARAMETER", "GRADIENT", "OPTIMIZER_STATE", "ACTIVATION", "INPUT", "TEMPORARY",
         "AUTOGRAD_DETAIL", "none")


def confusion(results):
    """Rows: categories here; columns: PyTorch's; MiB at the peak of the profiled steps."""
    lines = head("model", "here", *(f"`{there}`" for there in THERE), "agree", "result")
    for model, title in MODELS:
        facts = results.get(f"categories_{model}")
        if not facts or "table" not in facts["figures"]:
            lines.append(line(results, f"categories_{model}", (title,), len(THERE) + 4, None))
            continue
        share = f"{100 * facts['figures']['share']:.2f} %"
        for ours, found in sorted(facts["figures"]["table"].items()):
            cells = (f"{found[there] / MIB:.1f}" if there in found else "" for there in THERE)
            lines.append(row(title, ours, *cells, share, verdict(facts)))
            title = share = ""
    return lines


def others(results):
    lines = head("test", "found", "checks", "result")
    for name, title in OTHERS:
        facts = results.get(name)
        if not facts:
            lines.append(missing((title,), 4))
            continue
        found = facts["failures"][0] if facts["failures"] else facts["headline"]
        lines.append(row(title, found.replace("|", "/")[:160], facts["checks"], verdict(facts)))
    return lines


def provenance(results):
    """Where the figures come from, one line for each date and machine."""
    if not results:
        return [NOT_YET.capitalize() + "."]
    runs = {}
    for name, facts in results.items():
        what = "; ".join(f"{key} {value}" for key, value in facts["machine"].items())
        runs.setdefault((facts["date"], facts["commit"], what), []).append(name)
    return [f"- {date}, commit {commit or 'unknown'}: {what}. Tests: {', '.join(sorted(names))}."
            for (date, commit, what), names in sorted(runs.items())]


JOBS = (("overhead_resnet50", "ResNet-50, batch 32"),
        ("overhead_gpt", "a 12-layer GPT, bound by launches"))


def costs(results):
    """What README.md says of the jobs, a row each."""
    for name, title in JOBS:
        figures = results[name]["figures"]
        modes = figures["modes"]
        control = modes.get("control", {}).get("ratio")
        scatter = f"; bare against bare {control['median']:.3f}" if control else ""
        yield row(f"{title}, on an {results[name]['machine']['gpu'].removeprefix('NVIDIA ')}, "
                  "Python stacks included",
                  f"steps take {modes['traced']['ratio']['median']:.3f} times as long "
                  f"({figures['pairs']} pairs of {figures['steps']} steps{scatter})")


def render_readme(page, results):
    rows = re.compile(r"(?<=\| what \| measured \|\n\|---\|---\|\n)(?:\| [^\n]* Python stacks "
                      r"included \|[^\n]*\n)+")
    text = "\n".join(costs(results)) + "\n"
    page, count = rows.subn(lambda _: text, page)
    if count != 1:
        raise SystemExit(f"README.md has {count} places for what recording costs, not one")
    return page


TABLES = {"equality": equality, "coverage": covered, "overhead": overhead, "size": size,
          "others": others, "categories": confusion, "provenance": provenance}


def render(page, results):
    """The page with every table between its two marks written anew."""
    for name, write in TABLES.items():
        mark = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", re.S)
        text = "\n".join(write(results))
        page, count = mark.subn(lambda m, t=text: f"{m[1]}{t}\n{m[2]}", page)
        if count != 1:
            raise SystemExit(f"validation.md has {count} places for the table {name}, not one")
    return page


def pages(results):
    """Each page that shows figures: its path, what it says and what it should say."""
    for path, renewed in ((PAGE, render), (README, render_readme)):
        with open(path, encoding="utf-8") as file:
            page = file.read()
        yield path, page, renewed(page, results)


def check(results):
    stale = [os.path.basename(path) for path, page, new in pages(results) if page != new]
    print(f"{', '.join(stale)}: out of date, run python3 tests/gpu/figures.py" if stale else
          "README.md and docs/validation.md are as results.json says")
    return 1 if stale else 0


def main(arguments):
    results = load(RESULTS)
    if arguments == ["--check"]:
        return check(results)
    for path in arguments:
        results = take_over(results, load(path))
    if arguments:
        with open(RESULTS, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    for path, _, new in pages(results):
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)
    sys.path.append(os.path.join(HERE, "examples"))
    return importlib.import_module("examplespage").main([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
