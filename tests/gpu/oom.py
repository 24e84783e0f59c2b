#!/usr/bin/env python3
"""A job that runs out of memory: who asked, for how much, what PyTorch held and how much was free,
by PyTorch's own account; and what the driver refused.

usage: oom.py
"""
import json

import jobs
import outcome
import traceread


def check_blocks(out, rows, facts):
    """Rows of table failures of the caching allocator. Also used by the self-test."""
    out.equal(len(rows), facts["ooms"], "failures of the allocator, and torch's num_ooms")
    for row, failed in zip(rows, facts["failed"]):
        what = f"{failed['size'] >> 20} MiB"
        out.equal(row["size_bytes"], failed["size"], f"{what}: asked for")
        out.equal(row["allocator_allocated_bytes"], failed["allocated"],
                  f"{what}: memory_allocated()")
        out.equal(row["allocator_reserved_bytes"], failed["reserved"],
                  f"{what}: memory_reserved()")
        out.equal(row["total_bytes"], facts["total"], f"{what}: bytes of the device")
        out.check(0 < row["free_bytes"] <= facts["total"], f"{what}: {row['free_bytes']} free")
        out.check(f"train_oom.py:{failed['line']})" in str(row["site"]),
                  f"{what}: {row['site']} is to blame, not line {failed['line']}")


def check_driver(out, rows, facts):
    """And of the driver: it was asked for the first alone, which is more than it has."""
    size = facts["failed"][0]["size"]
    out.check(rows and {row["size_bytes"] for row in rows} == {size},
              f"the driver refused {[row['size_bytes'] for row in rows]}, torch asked for {size}")
    out.equal({row["error"] for row in rows}, {2}, "CUDA_ERROR_OUT_OF_MEMORY")


def check(out, _arguments):
    stem = jobs.work("oom")
    trace, file = stem + ".mtrace", stem + ".json"
    jobs.remove(trace, file)
    status, _, stderr = jobs.run(jobs.launched(trace, jobs.python("train_oom.py", file)),
                                 log=stem + ".log")
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})"):
        return
    with open(file, encoding="utf-8") as stream:
        facts = json.load(stream)
    out.check(all(failed["line"] for failed in facts["failed"]), "not everything failed")
    rows = traceread.table(trace, "failures")
    check_blocks(out, [row for row in rows if row["what"] == "block"], facts)
    check_driver(out, [row for row in rows if row["what"] == "allocation"], facts)
    out.figures.update(failures=len(rows), ooms=facts["ooms"])
    out.headline = f"{facts['ooms']} failures as torch tells them, with their lines"


if __name__ == "__main__":
    outcome.main(check)
