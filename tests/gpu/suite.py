#!/usr/bin/env python3
"""Runs the tests of a real GPU within a fixed time, and says in a table how they went.

usage: suite.py LOGDIR [NAME...]     a NAME may end in * ; no NAME: all      suite.py --list

Tests that measure nothing run side by side; those that do, alone and after them. Every test has a
limit, the whole has one too (LIMIT_S): what could not start in time is reported as not run, and
counts as a failure. Exit 0: none failed, 1: some did, 2: usage.
"""
import concurrent.futures
import fnmatch
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from importlib import metadata

import gpu_device
import jobs

LIMIT_S = float(os.environ.get("LIMIT_S", 440))
LANES = int(os.environ.get("LANES", 5))
MODELS = ("resnet50", "gpt")
RUNTIMES = (("nvidia-cuda-runtime-cu11", "11.8.89"), ("nvidia-cuda-runtime-cu12", "12.0.146"),
            ("nvidia-cuda-runtime-cu12", "12.9.79"))
PACKAGES = ("torch", "torchvision", "triton", "jax", "cupy-cuda13x", "cupy-cuda12x")


def listed():
    """[(name, program and arguments, limit in seconds, alone)], in the order in which they start:
    the long ones first."""
    tests = [("quickstart", ["quickstart.py"], 240, False)]
    for model in MODELS:
        for allocator in ("native", "expandable"):
            tests.append((f"equal_{model}_{allocator}", ["equality.py", model, allocator], 150,
                          False))
        tests.append((f"killed_{model}", ["killed.py", model], 150, False))
    for model in ("moe", "compile"):
        tests.append((f"equal_{model}_native", ["equality.py", model, "native"], 200, False))
    tests.append(("equal_gpt_async", ["asyncequal.py", "gpt"], 150, False))
    tests.append(("equal_reduce_overhead", ["graphequal.py"], 200, False))
    for model in MODELS:
        tests.append((f"categories_{model}", ["categories.py", model], 170, False))
    for kind in ("pool", "async"):
        tests.append((f"coverage_jax_{kind}", ["examples/coverage_jax.py", kind], 150, False))
    tests.append(("coverage_cupy", ["examples/coverage_cupy.py"], 120, False))
    for name in ("jax", "cublas", "cupy", "triton", "cuda"):
        tests.append((f"example_{name}", [f"examples/example_{name}.py"], 150, False))
    for name in ("compile", "jax", "cupy", "async_pool"):
        tests.append((f"smoke_{name}", ["smoke.py", name], 120, False))
    for model in MODELS:
        tests.append((f"stacks_{model}", ["stackframes.py", model], 120, False))
        tests.append((f"sites_{model}", ["sites.py", model], 120, False))
    for model in MODELS:
        tests.append((f"window_{model}", ["window.py", model], 120, False))
    for model in MODELS:
        tests.append((f"golden_{model}", ["golden_candidate.py", model], 90, False))
        tests.append((f"golden_{model}_expandable",
                      ["golden_candidate.py", model, "expandable"], 90, False))
    for loop in ("resnet50", "gpt", "moe", "accumulate", "evaluate", "epochs", "switch", "decode",
                 "images"):
        tests.append((f"rhythm_{loop}", ["rhythm.py", loop], 90, False))
    for what in ("replay", "reduce_overhead"):
        tests.append((f"graphs_{what}", ["graphcount.py", what], 120, False))
    for model in ("resnet50", "vgg16", "alexnet", "resnet18", "mlp"):
        tests.append((f"paper_{model}", ["paper.py", model], 150, False))
    for runtime in ("static", "shared"):
        tests.append((f"known_calls_{runtime}", ["known_calls.py", runtime], 60, False))
        tests.append((f"known_graphs_{runtime}", ["known_graphs.py", runtime], 60, False))
        tests.append((f"known_memory_{runtime}", ["known_memory.py", runtime], 60, False))
        tests.append((f"known_external_{runtime}", ["known_external.py", runtime], 60, False))
        tests.append((f"multi_peer_{runtime}", ["known_peers.py", runtime], 60, False))
    tests.append(("reload", ["reload.py"], 90, False))
    tests.append(("nvtx_torch", ["nvtx_torch.py"], 90, False))
    tests.append(("oom", ["oom.py"], 60, False))
    tests.append(("multi_dataloader", ["dataloader.py"], 150, False))
    for how in ("ddp", "fsdp"):
        tests.append((f"multi_{how}", ["multirank.py", how], 170, True))
    tests.append(("multi_graph", ["rankgraph.py"], 120, True))
    tests.append(("multi_calls", ["rankcalls.py"], 120, True))
    tests.append(("multi_example", ["examples/example_ranks.py"], 120, True))
    tests.append(("account_resnet50", ["account.py", "resnet50"], 100, True))
    for package, version in RUNTIMES:
        tests.append((f"known_runtime_{version}", ["runtimes/old_runtime.py", package, version],
                      90, False))
    for model in MODELS:
        tests.append((f"overhead_{model}", ["pairs.py", model], 300, True))
    for model in MODELS:
        tests.append((f"size_{model}", ["tracesize.py", model], 60, True))
    return tests


def chosen(names):
    tests = listed()
    known = [test[0] for test in tests]
    for name in names:
        if not fnmatch.filter(known, name):
            print(f"no test is called {name}; these are: {' '.join(known)}", file=sys.stderr)
            sys.exit(2)
    return [test for test in tests
            if not names or any(fnmatch.fnmatch(test[0], name) for name in names)]


class Runner:
    def __init__(self, deadline):
        self.deadline, self.lock, self.results = deadline, threading.Lock(), {}

    def keep(self, name, facts, seconds):
        facts = {"failures": [], "figures": {}, "checks": 0, **facts, "seconds": round(seconds, 1)}
        with self.lock:
            self.results[name] = facts
            print(f"{facts['result']:8} {name} ({seconds:.0f} s) {facts['headline']}", flush=True)
            for failure in facts["failures"][:4]:
                print(f"         {failure[:300]}", flush=True)

    def run(self, test):
        name, command, limit, _ = test
        left = self.deadline - time.monotonic()
        if left < min(limit, 20):
            self.keep(name, {"result": "not run", "headline": "the time was up",
                             "failures": ["not run: the time was up"]}, 0)
            return
        begin = time.monotonic()
        limit = min(limit, left)
        status = self.execute(name, command, limit)
        seconds = time.monotonic() - begin
        self.keep(name, read_result(name, status, limit), seconds)

    @staticmethod
    def execute(name, command, limit):
        """The exit status, None if it took too long. Every child of the test dies with it."""
        result = jobs.work(name + ".result.json")
        jobs.remove(result)
        # Programs in a folder below find what they share here; nobody else's modules are hidden.
        path = {"PYTHONPATH": os.path.abspath(jobs.HERE)} if os.sep in command[0] else {}
        with open(jobs.work(name + ".out"), "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                jobs.python(command[0], *command[1:]), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **path, "GPU_TEST_RESULT": result})
            try:
                return process.wait(limit)
            except subprocess.TimeoutExpired:
                return None
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()


def read_result(name, status, limit):
    if status is None:
        return {"result": "failed", "headline": f"took longer than {limit:.0f} s",
                "failures": [f"stopped after {limit:.0f} s: {last_line(name)}"]}
    try:
        with open(jobs.work(name + ".result.json"), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {"result": "failed", "headline": f"ended with {status} and left no result",
                "failures": [f"ended with {status}: {last_line(name)}"]}


def last_line(name):
    with open(jobs.work(name + ".out"), encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    return lines[-1] if lines else "no output"


def machine(device):
    """What the figures were measured on. Never more than is needed to repeat them."""
    facts = {"gpu": device["name"], "gpus": device["count"], "simulated": device["simulated"],
             "cuda_driver": device["driver_api"], "cpus": os.cpu_count(),
             "libc": " ".join(platform.libc_ver()), "python": platform.python_version()}
    try:
        with open("/proc/driver/nvidia/version", encoding="utf-8") as file:
            facts["driver"] = next(word for word in file.readline().split()
                                   if word[0].isdigit() and "." in word)
    except (OSError, StopIteration):
        pass
    for package in PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    return facts


def commit():
    """COMMIT, for a tree that was copied without its history, or what git says."""
    if os.environ.get("COMMIT"):
        return os.environ["COMMIT"]
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                          check=False, cwd=jobs.HERE)
    return done.stdout.strip() if done.returncode == 0 else ""


def table(results, order):
    lines = []
    for name in order:
        facts = results[name]
        note = facts["failures"][0] if facts["failures"] else facts["headline"]
        lines.append(f"{name:26} {facts['result']:8} {facts['seconds']:6.1f} s  {note[:150]}")
    counts = {word: sum(facts["result"] == word for facts in results.values())
              for word in ("passed", "failed", "skipped", "not run")}
    lines.append("gpu tests: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    return "\n".join(lines) + "\n"


def pack(logdir, results, order, facts):
    text = table(results, order)
    with open(os.path.join(logdir, "table.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(logdir, "figures.json"), "w", encoding="utf-8") as file:
        json.dump({**facts, "tests": results}, file, indent=1)
    with tarfile.open(os.path.join(logdir, "logs.tar.gz"), "w:gz") as archive:
        for name in sorted(os.listdir(jobs.WORK)):
            path = os.path.join(jobs.WORK, name)
            small = os.path.isfile(path) and os.path.getsize(path) < 1 << 20
            if small and name.endswith((".out", ".log", ".json", ".marks")):
                archive.add(path, name)
    return text


def main(arguments):
    if arguments[:1] == ["--list"]:
        print("\n".join(test[0] for test in listed()))
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    device, reason = gpu_device.find()
    if not device:
        print(f"skipped: no GPU ({reason})")
        return 0
    logdir = os.path.abspath(arguments[0])
    os.makedirs(logdir, exist_ok=True)
    os.environ["GPU_TEST_LOGDIR"] = logdir
    tests = chosen(arguments[1:])
    facts = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit(),
             "machine": machine(device)}
    runner = Runner(time.monotonic() + LIMIT_S)
    shutil.rmtree(jobs.WORK, ignore_errors=True)
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(runner.run, [test for test in tests if not test[3]]))
    for test in tests:
        if test[3]:
            runner.run(test)
    print("\n" + pack(logdir, runner.results, [test[0] for test in tests], facts), end="")
    bad = [name for name, result in runner.results.items()
           if result["result"] not in ("passed", "skipped")]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
