#!/usr/bin/env python3
"""A trace written as a log and imported again has the same blocks and accesses.

usage: roundtrip.py TOOLDIR TRACE...

The log is made of the tables blocks and accesses: an allocation and a free for each block of lowest
level, a row for each access. Of blocks that nothing touches the log says as much as of others.
"""
import csv
import os
import shlex
import subprocess
import sys
import tempfile

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs

SAME = ("size_bytes", "birth_ns", "death_ns", "accesses", "reads", "writes", "touches",
        "first_access_ns", "last_access_ns")
TIMES = ("birth_ns", "death_ns", "first_access_ns", "last_access_ns")


def table(tools, name, trace):
    text = subprocess.run([*EMULATOR, os.path.join(tools, "memtrace-analyze"), f"--table={name}",
                           "--format=csv", trace], stdout=subprocess.PIPE, check=True).stdout
    return list(csv.DictReader(text.decode("utf-8", "replace").splitlines()))


def leaves(tools, trace):
    return [row for row in table(tools, "blocks", trace) if row["level"] == "block"]


def events(blocks, accesses):
    """(time, order, columns of the log). Of one time, an address is freed before it is used again,
    and used after it was given out."""
    address = {row["block_id"]: int(row["address"], 16) for row in blocks}
    for row in blocks:
        yield int(row["birth_ns"]), 1, ("alloc", row["address"], row["size_bytes"], "", "")
        if row["death_ns"]:
            yield int(row["death_ns"]), 0, ("free", row["address"], "", "", "")
    for number, row in enumerate(accesses):
        where = address[row["block_id"]] + int(row["offset_bytes"])
        yield (int(row["time_ns"]), 2,
               (row["kind"], hex(where), row["size_bytes"], row["stream"],
                f"{row['by']} {row['kernel']} {number if row['by'] == 'copy' else ''}"))


def write_log(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        log = csv.writer(file)
        log.writerow(("time_ns", "op", "address", "size_bytes", "stream", "by"))
        log.writerows((time, *columns) for time, _, columns in rows)
    return rows[0][0]


def known(rows, shift):
    """The blocks as they must come back, in an order of their own."""
    return sorted(tuple(str(int(row[name]) - shift) if name in TIMES and row[name] else row[name]
                        for name in SAME) for row in rows)


def check(tools, trace, folder):
    blocks, log = leaves(tools, trace), os.path.join(folder, "a.csv")
    accesses = [row for row in table(tools, "accesses", trace)]
    first = write_log(log, sorted(events(blocks, accesses), key=lambda row: row[:2]))
    again = os.path.join(folder, "a.mtrace")
    subprocess.run([*EMULATOR, os.path.join(tools, "memtrace-import"), "csv", log, "-q", "-f",
                    "-o", again], check=True)
    wanted, found = known(blocks, first), known(leaves(tools, again), 0)
    missing = [row for row in wanted if row not in found]
    for row in missing[:3]:
        print(f"{trace}: lacks {dict(zip(SAME, row))}")
    print(f"{trace}: {len(wanted)} blocks, {len(accesses)} accesses, {len(found)} blocks came "
          f"back, {len(missing)} differ")
    return bool(missing) or len(wanted) != len(found) or not wanted


def main(tools, *traces):
    with tempfile.TemporaryDirectory() as folder:
        return any([check(tools, trace, folder) for trace in traces])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
