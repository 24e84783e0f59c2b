#!/usr/bin/env python3
"""Whether memtrace-analyze says the same of long traces, sound and damaged ones, with one processor
and with all, of which a second one reads ahead.

usage: processors.py FOLDER_OF_TOOLS BENCH_TRACE
"""
import os
import subprocess
import sys
import tempfile

ANALYZE = os.path.abspath(os.path.join(sys.argv[1], "memtrace-analyze"))
BENCH_TRACE = os.path.abspath(sys.argv[2])


def one_processor():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def said(folder, name, alone):
    """Exit code, both outputs, and every table."""
    tables = os.path.join(folder, "tables")
    done = subprocess.run([ANALYZE, "--csv", tables, name], cwd=folder, capture_output=True,
                          preexec_fn=one_processor if alone else None, check=False)
    what = {"exit code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    for table in os.listdir(tables):
        with open(os.path.join(tables, table), "rb") as file:
            what[table] = file.read()
        os.remove(os.path.join(tables, table))
    return what


def write_traces(folder):
    """A sound one, and others that are damaged in the middle, at the end, and cut."""
    path = os.path.join(folder, "sound.mtrace")
    subprocess.run([BENCH_TRACE, "write", path, "30"], check=True, stdout=subprocess.DEVNULL)
    with open(path, "rb") as file:
        sound = file.read()
    traces = {"sound": sound, "cut": sound[:len(sound) // 2]}
    for name, at in (("middle", len(sound) // 2), ("late", len(sound) * 9 // 10)):
        traces[name] = sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:]
    for name, data in traces.items():
        with open(os.path.join(folder, name + ".mtrace"), "wb") as file:
            file.write(data)
    return [name + ".mtrace" for name in traces]


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in write_traces(folder):
            alone, with_all = said(folder, name, True), said(folder, name, False)
            differs = [what for what in alone if alone[what] != with_all.get(what)]
            damaged = b"damaged" in alone["stderr"] or b"cut" in alone["stderr"]
            fine = not differs and len(alone) > 20 and damaged == (name != "sound.mtrace")
            wrong += not fine
            print("ok:" if fine else "not ok:", name, *differs, alone["stderr"].decode().strip())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
