#!/usr/bin/env python3
"""A job whose rings lie on a file system that copies on write, Btrfs, goes on when others fill that
to its last byte. Needs mkfs.btrfs and the right to mount; skipped without.

usage: check_btrfs.py VICTIM
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
MIB = 1 << 20


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stderr.strip().splitlines() or ["no reason"])[-1]


def mounted(folder):
    """(where a small Btrfs is mounted, None) or (None, why there is none)."""
    image, place = os.path.join(folder, "image"), os.path.join(folder, "place")
    if not shutil.which("mkfs.btrfs"):
        return None, "there is no mkfs.btrfs"
    with open(image, "wb") as file:
        file.truncate(64 * MIB)
    os.mkdir(place)
    for command in (("mkfs.btrfs", "-q", "--mixed", image), ("mount", "-o", "loop", image, place)):
        done, why = call(*command)
        if not done:
            return None, f"{command[0]}: {why}"
    return place, None


def fill(place):
    """To the last block that is given out."""
    for size in (1 << 16, 1 << 12):
        try:
            with open(os.path.join(place, "fill"), "ab", buffering=0) as file:
                while True:
                    file.write(os.urandom(size))
        except OSError:
            pass
    call("sync", "-f", place)


def problems(victim, place):
    """None, or what there is."""
    environment = {**os.environ, "LD_PRELOAD": os.environ["MT_SHIM"],
                   "LD_LIBRARY_PATH": os.environ["MT_SIM"], "MEMTRACE_RING_KIB": "64",
                   "MEMTRACE_WAIT_US": "1000", "MEMTRACE_OUTPUT": os.path.join(place, "t.mtrace")}
    with subprocess.Popen([victim, "flood", "1000000000"], env=environment, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as job:
        try:
            time.sleep(0.3)
            fill(place)
            time.sleep(1)
            ended = job.poll()
        finally:
            job.kill()
        said = job.stderr.read()
    if ended is not None:
        return f"the job ended with {ended} (SIGBUS is {-signal.SIGBUS}): {said.strip()}"
    return None


def main():
    victim = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        place, why = mounted(folder)
        if place is None:
            print("skipped:", why)
            return SKIP
        try:
            found = problems(victim, place)
        finally:
            call("umount", place)
    print("not ok: " + found if found else "ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
