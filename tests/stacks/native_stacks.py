#!/usr/bin/env python3
"""Native stacks in a trace are those that gdb sees, address by address; and other tests of them.

usage: native_stacks.py SHIM SIMCUDA DUMP PROGRAM FOLDER
"""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
THROWS = r"""
#include <cstdint>
#include <dlfcn.h>
#include <stdexcept>
static int (*ask)(uint64_t *, size_t);
static __attribute__((noinline)) void call() { uint64_t a; ask(&a, 4096); asm volatile(""); }
struct Guard { ~Guard() { call(); } };
static __attribute__((noinline)) void thrower(int n)
{
    Guard guard;
    if (n == 0)
        throw std::runtime_error("here");
    thrower(n - 1);
    asm volatile("");
}
int main()
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW), *context;
    ask = (int (*)(uint64_t *, size_t))dlsym(driver, "cuMemAlloc_v2");
    ((int (*)(unsigned))dlsym(driver, "cuInit"))(0);
    ((int (*)(void **, unsigned, int))dlsym(driver, "cuCtxCreate_v2"))(&context, 0, 0);
    try { thrower(5); } catch (const std::exception &) { call(); }
    return 0;
}
"""


class Job:
    def __init__(self, shim, simcuda, dump, program, folder):
        self.dump, self.program, self.folder = dump, program, folder
        self.trace = os.path.join(folder, "native.mtrace")
        self.settings = {"LD_LIBRARY_PATH": simcuda, "MEMTRACE_OUTPUT": self.trace,
                         "MEMTRACE_FORCE": "1", "MEMTRACE_STACKS": "native", "LD_PRELOAD": shim}

    def run(self, *command, **settings):
        return subprocess.run(command, env={**os.environ, **self.settings, **settings}, check=True,
                              capture_output=True, text=True, timeout=300).stdout

    def below_gdb(self, program):
        """The frames that gdb sees; gdb itself is not recorded."""
        options = [word for name, value in self.settings.items()
                   for word in ("-ex", f"set environment {name} {value}")]
        text = subprocess.run(["gdb", "-q", "-nx", "-batch", "-ex", "set confirm off",
                               "-ex", "set startup-with-shell off", *options,
                               "-x", os.path.join(HERE, "gdb_frames.py"), program],
                              capture_output=True, text=True, timeout=300)
        return [json.loads(line.partition("frames: ")[2]) for line in text.stdout.splitlines()
                if "frames: " in line], text

    def events(self, *options):
        text = subprocess.run([self.dump, "--format=jsonl", *options, self.trace],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        return [json.loads(line) for line in text.splitlines()]

    def stacks(self):
        """Absolute addresses of each allocation's stack."""
        frames, modules, found = {}, {0: 0}, []
        for event in self.events():
            if event["event"] == "module":
                modules[event["id"]] = event["base"]
            elif event["event"] == "frame":
                frames[event["id"]] = event
            elif event["event"] == "alloc":
                stack, at = [], event["stack"]
                while at:
                    stack.append(modules[frames[at]["module"]] + frames[at]["where"])
                    at = frames[at]["caller"]
                found.append(stack)
        return found


def cut(ours, theirs):
    """gdb guesses on where no table leads (code made at run time): there both need not agree."""
    return theirs[:len(ours)] if 0 < len(ours) < len(theirs) and not ours[-1:] == theirs[-1:] \
        else theirs


def as_gdb_sees(job):
    theirs, text = job.below_gdb(job.program)
    if not theirs:
        print("gdb cannot run programs here:", text.stdout[-400:], text.stderr[-400:])
        return None
    ours = job.stacks()
    wrong = abs(len(ours) - len(theirs))
    short = 0  # gdb guesses on where no table leads: above a coroutine, through made code
    for left, right in zip(ours, theirs):
        if len(left) < len(right):
            short += 1
            print("  ends", len(right) - len(left), "frames earlier:", [hex(at) for at in right])
        if left != cut(left, right) or not left:
            wrong += 1
            print("  the trace has", [hex(at) for at in left])
            print("  gdb has      ", [hex(at) for at in right])
    print(f"{len(theirs)} allocations beside gdb: {wrong} wrong, {short} end earlier")
    return wrong or short > 2


def exceptions(job):
    compiler = shutil.which("g++")
    if not compiler:
        return 0
    program = os.path.join(job.folder, "throws")
    subprocess.run([compiler, "-O2", "-x", "c++", "-", "-o", program, "-ldl"], input=THROWS,
                   text=True, check=True)
    subprocess.run(["strip", program], check=True)
    job.run(program)
    depths = [len(stack) for stack in job.stacks()]
    print("stacks below destructors and a handler of C++, in a stripped program:", depths)
    return len(depths) != 7 or min(depths) < 3


def soak(job):
    """Very many stacks, again and again: each is told once, and memory does not grow."""
    stacks, rounds = 100000, 100
    # First, since the most memory of a process counts what its parent had when it was started.
    many = int(job.run(job.program, str(stacks), str(rounds)))
    lost = [pair["value"] for pair in job.events("--meta") if pair["key"] == "stacks_lost"]
    few = int(job.run(job.program, str(stacks), "1"))
    frames = len(job.events("--kind=frame"))
    named = {event["stack"] for event in job.events("--kind=alloc")}
    bare = int(job.run(job.program, str(stacks), "1", MEMTRACE_STACKS="none"))
    print(f"{rounds} x {stacks} allocations: {len(named)} stacks, {frames} frames told, "
          f"{few - bare} KiB for stacks after one round and {many - bare} after all")
    return (len(named) != stacks or 0 in named or lost or many > few + 20000 or frames > 7 * stacks
            or few > bare + stacks)  # 1 KiB a stack


def main(*arguments):
    job = Job(*arguments)
    os.makedirs(job.folder, exist_ok=True)
    wrong = [exceptions(job), soak(job)]
    beside = as_gdb_sees(job) if shutil.which("gdb") else None
    if any(wrong) or beside:
        return 1
    return SKIPPED if beside is None else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
