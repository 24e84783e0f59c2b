#!/usr/bin/env python3
"""The quickstart on a GPU, as a stranger runs it: in a fresh copy of the tree, with what is
installed on the machine and nothing that the other tests have prepared.

usage: quickstart.py

Leaves the screen as quickstart.txt in the log folder.
"""
import importlib.util
import os
import shutil

import jobs
import outcome
import traceread

ROOT = os.path.join(jobs.HERE, "..", "..")
LEFT_BEHIND = ("build*", "out", ".git", ".debs", "__pycache__", "*.mtrace.ring")
# What run.sh and suite.py have set for the tests.
OURS = ("BUILD_DIR", "PKG_CONFIG_PATH", "PYTHONPATH", "GPU_TEST_RESULT", "GPU_TEST_LOGDIR",
        "OUT_DIR", "PYTHON", "SIMULATED")
WHERE = "on the GPU of this machine"
TABLES = ("blocks", "summary", "timeline", "kernels", "iterations", "categories", "peak")


def fresh_copy():
    folder = os.path.abspath(jobs.work("quickstart"))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return folder


def check_screen(out, lines):
    out.equal(lines[:1], [f"memtrace quickstart, {WHERE}"], "first line")
    out.equal(lines[-1:], [f"memtrace quickstart: done, {WHERE}"], "last line")
    out.check(not any("apt-get" in line for line in lines), "nothing had to be installed")
    out.check(not any("simulated" in line.lower() for line in lines), "nothing was simulated")


def check_job(out, folder, name, lines):
    place = os.path.join("out", "quickstart", name)
    for table in TABLES:
        path = os.path.join(place, table + ".csv")
        out.check(path in lines, f"{path} is named under Reports")
        out.check(os.path.getsize(os.path.join(folder, path)) > 40, f"{path} holds rows")
    trace = os.path.join(folder, place + ".mtrace")
    facts = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for key in ("events_lost", "events_damaged", "launches_arguments_unknown", "overlaps",
                "allocator_mismatches", "invalid_records"):
        out.equal(facts.get(key), 0, f"{name}: {key}")
    out.equal(facts.get("complete"), 1, f"{name}: complete")
    rows = traceread.table(trace, "blocks")
    out.figures[name] = {"blocks": len(rows), "launches": facts["launches"],
                         "iterations": len(traceread.table(trace, "iterations"))}
    out.check(facts["launches"] > 500, f"{name}: launches {facts['launches']}")
    return {row["source"] for row in rows}


def check(out, _arguments):
    folder = fresh_copy()
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    status, stdout, stderr = jobs.run(
        ["sh", os.path.join(folder, "examples", "quickstart.sh")], environment,
        jobs.work("quickstart.log"))
    shutil.copyfile(jobs.work("quickstart.log"), os.path.join(jobs.LOGDIR, "quickstart.txt"))
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]} {stdout.strip()[-300:]})"):
        return
    lines = stdout.splitlines()
    out.figures["shown"] = ["$ sh examples/quickstart.sh", *lines]
    check_screen(out, lines)
    out.check(any("the loss went from" in line for line in lines), "the CUDA program learned")
    out.equal(check_job(out, folder, "mlp", lines), {"driver"}, "mlp: blocks are the driver's")
    if importlib.util.find_spec("torch"):
        sources = check_job(out, folder, "pytorch", lines)
        out.check("allocator" in sources, f"pytorch: blocks are the allocator's: {sources}")
    out.figures["setup"] = [line for line in lines if line.startswith("setup: ")]
    out.headline = ", ".join(
        f"{name}: {out.figures[name]['blocks']} blocks, {out.figures[name]['launches']} launches"
        for name in ("mlp", "pytorch") if name in out.figures)


if __name__ == "__main__":
    outcome.main(check)
