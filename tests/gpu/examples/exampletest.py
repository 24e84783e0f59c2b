"""Running an example under memtrace, what its trace must hold in any case, and what its README
shows of it: the commands as they can be typed and their real output."""
import importlib.util
import os
import re
import subprocess

import jobs
import outcome
import traceread

ROOT = os.path.join(jobs.HERE, "..", "..")
ZERO = ("events_lost", "events_damaged", "overlaps", "late_frees", "invalid_records",
        "launches_arguments_unknown", "graph_launches_unknown", "graphs_partial",
        "allocator_mismatches")
PACKAGES = re.compile(r"[^\s(]*/(site|dist)-packages/")
MORE = 6  # lines of a table that are shown


def needs(*modules):
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise outcome.Skip(f"{module} is not installed")


def environment(**more):
    made = {**os.environ, **more}
    for name in ("PYTHONPATH", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
        made.pop(name, None)
    return made


class Example:
    """One traced run. `command` is as it is typed in the repository's root."""

    def __init__(self, out, name, command, env=None, options=()):
        self.out, self.name = out, name
        self.trace = os.path.join(jobs.WORK, f"example_{name}.mtrace")
        jobs.remove(jobs.work(f"example_{name}.mtrace"))
        self.shown = []
        self.display = f"{name}.mtrace"
        env = environment(**(env or {}))
        done = subprocess.run(
            [traceread.tool("memtrace"), "-f", *options, "-o", self.trace, "--", *command], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", check=False)
        self.output = done.stdout
        with open(jobs.work(f"example_{name}.log"), "w", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\nexit {done.returncode}\n{done.stdout}")
        if done.returncode == 77:
            raise outcome.Skip(done.stdout.strip()[-200:])
        self.good = out.equal(done.returncode, 0, f"exit code ({done.stdout.strip()[-300:]})")
        self.show(" ".join(["memtrace", *options, "-o", self.display, "--", *command]), done.stdout)

    def tidy(self, text):
        """As a reader would see it: no folder of this machine, no warnings of the framework."""
        text = text.replace(self.trace, self.display)
        text = text.replace(os.path.join(traceread.BUILD, "tools", ""), "")
        text = PACKAGES.sub(".../", text)
        return [line.rstrip() for line in text.splitlines() if "warning" not in line.lower()]

    def show(self, command, text, most=40):
        lines = self.tidy(text)
        more = [f"... {len(lines) - most} lines more"] if len(lines) > most else []
        self.shown += ["", "$ " + command.replace(self.trace, self.display), *lines[:most], *more]

    def analyze(self, *arguments, most=40):
        """Run memtrace-analyze as a user would, and show it."""
        text = traceread.run_tool("memtrace-analyze", *arguments, self.trace)
        self.show(f"memtrace-analyze {' '.join([*arguments, self.display])}", text, most)

    def table(self, name):
        return traceread.table(self.trace, name)

    def check_sound(self):
        """What holds for every trace."""
        self.summary = {row["key"]: row["value"] for row in self.table("summary")}
        for key in ZERO:
            self.out.equal(self.summary.get(key), 0, key)
        self.out.equal(self.summary.get("complete"), 1, "complete")
        return self.summary

    def libraries(self):
        """{file of the code that asked: [allocations, bytes]}"""
        texts, found = {0: "unknown"}, {}
        for event in traceread.events(self.trace, "string", "alloc"):
            if event["event"] == "string":
                texts[event["id"]] = event["text"]
            else:
                entry = found.setdefault(texts[event["library"]], [0, 0])
                entry[0] += 1
                entry[1] += event["size"]
        return found

    def launches(self):
        """{name of a kernel: launches}, those by graphs too"""
        return {row["name"]: row["launches"] for row in self.table("kernels")}

    def finish(self, **figures):
        self.out.figures.update(figures, shown=self.shown[1:])
