#!/usr/bin/env python3
"""What is left of files that a program was writing when it was interrupted: nothing but those that
were complete, and the program dies of the signal. SIGHUP under nohup interrupts nothing.

usage: interrupted.py FOLDER_OF_TOOLS BENCH_TRACE
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

TOOLS, BENCH_TRACE = (os.path.abspath(path) for path in sys.argv[1:3])
PATIENCE_S = 60
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def analyze(folder):
    """Long enough to be interrupted; every table is begun before the first trace is read."""
    trace = os.path.join(folder, "a.mtrace")
    if not os.path.exists(trace):
        subprocess.run([BENCH_TRACE, "write", trace, "1"], check=True, stdout=subprocess.DEVNULL)
    return [os.path.join(TOOLS, "memtrace-analyze"), "-q", "--csv", "out", *["a.mtrace"] * 1000]


def import_(folder):
    """It waits for a log that never comes."""
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    return [os.path.join(TOOLS, "memtrace-import"), "csv", "-", "-o", "out/b.mtrace"]


def unfinished(folder):
    out = os.path.join(folder, "out")
    return [name for name in os.listdir(out) if name.endswith(".tmp")] if os.path.isdir(out) else []


def await_files(process, folder):
    end = time.monotonic() + PATIENCE_S
    while not unfinished(folder) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    return process.poll() is None and bool(unfinished(folder))


def start(command, folder, ignored):
    def prepare():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    return subprocess.Popen(command, cwd=folder, preexec_fn=prepare, stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def interrupt(command, folder, number, ignored=()):
    """What is wrong with how it ends, as words."""
    kept = os.path.join(folder, "out", "kept.csv")
    process = start(command, folder, ignored)
    if not await_files(process, folder):
        process.kill()
        return ["no file was begun"]
    with open(kept, "w", encoding="ascii"):
        pass
    wrong = []
    for other in ignored:
        process.send_signal(other)
        time.sleep(0.2)
        if process.poll() is not None or not unfinished(folder):
            wrong.append(f"{other.name} was to be ignored")
    process.send_signal(number)
    if process.wait(PATIENCE_S) != -number:
        wrong.append(f"ended with {process.returncode}")
    wrong += unfinished(folder)
    if not os.path.exists(kept):
        wrong.append("a file of others is gone")
    return wrong


def main():
    cases = [(make, number, ()) for make in (analyze, import_) for number in SIGNALS]
    cases.append((analyze, signal.SIGTERM, (signal.SIGHUP,)))
    failed = 0
    for make, number, ignored in cases:
        with tempfile.TemporaryDirectory() as folder:
            wrong = interrupt(make(folder), folder, number, ignored)
        failed += bool(wrong)
        print("not ok:" if wrong else "ok:", make.__name__, number.name,
              *(f"{other.name} ignored" for other in ignored), *wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
