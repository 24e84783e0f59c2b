#!/usr/bin/env python3
"""A job whose rings would lie on a file system that copies on write, Btrfs, goes on when others
fill that to its last byte; also through overlayfs, as in a container. On ext4 they lie in a file
all the same. Needs mkfs.btrfs and the right to mount; skipped without.

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


def disk(folder, kind, options):
    """(where a small disk of that kind is mounted, None) or (None, why there is none)."""
    image, place = os.path.join(folder, "image." + kind), os.path.join(folder, kind)
    if not shutil.which("mkfs." + kind):
        return None, f"there is no mkfs.{kind}"
    with open(image, "wb") as file:
        file.truncate(64 * MIB)
    os.mkdir(place)
    for command in (("mkfs." + kind, *options, image), ("mount", "-o", "loop", image, place)):
        done, why = call(*command)
        if not done:
            return None, f"{command[0]}: {why}"
    return place, None


def overlay(folder, disk_place):
    """(where an overlay that writes to the disk is mounted, None) or (None, why there is none)."""
    place, upper, work, lower = (
        os.path.join(folder, os.path.basename(disk_place) + "-overlay"),
        os.path.join(disk_place, "upper"), os.path.join(disk_place, "work"),
        os.path.join(folder, "lower"))
    for made in (place, upper, work, lower):
        os.makedirs(made, exist_ok=True)
    done, why = call("mount", "-t", "overlay", "overlay", "-o",
                     f"lowerdir={lower},upperdir={upper},workdir={work}", place)
    return (place, None) if done else (None, f"mount: {why}")


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


def problems(victim, place, disk_place, has_file):
    """None, or what there is: the job must live on, and its rings lie in a file or not."""
    trace = os.path.join(place, "t.mtrace")
    environment = {**os.environ, "LD_PRELOAD": os.environ["MT_SHIM"],
                   "LD_LIBRARY_PATH": os.environ["MT_SIM"], "MEMTRACE_RING_KIB": "64",
                   "MEMTRACE_WAIT_US": "1000", "MEMTRACE_OUTPUT": trace}
    with subprocess.Popen([victim, "flood", "1000000000"], env=environment, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as job:
        try:
            time.sleep(0.5)
            had_file = os.path.exists(trace + ".ring")
            fill(disk_place)
            time.sleep(1)
            ended = job.poll()
        finally:
            job.kill()
        said = job.stderr.read()
    for name in (trace, trace + ".ring", os.path.join(disk_place, "fill")):
        if os.path.exists(name):
            os.unlink(name)
    if ended is not None:
        return f"the job ended with {ended} (SIGBUS is {-signal.SIGBUS}): {said.strip()}"
    if had_file != has_file:
        return "there was a ring file" if had_file else "there was no ring file"
    return None


# A disk, how it is made, whether the rings may lie on it.
DISKS = (("btrfs", ("-q", "--mixed"), False), ("ext4", ("-q",), True))


def check(victim, folder, mounts):
    """What was found, and what could not be looked at."""
    found, missing = [], []
    for kind, options, has_file in DISKS:
        place, why = disk(folder, kind, options)
        if place is None:
            missing.append(why)
            continue
        mounts.append(place)
        over, why = overlay(folder, place)
        if over is None:
            missing.append(why)
        else:
            mounts.append(over)
        for where in filter(None, (place, over)):
            problem = problems(victim, where, place, has_file)
            if problem:
                found.append(f"{os.path.basename(where)}: {problem}")
    return found, missing


def main():
    victim, mounts = os.path.abspath(sys.argv[1]), []
    with tempfile.TemporaryDirectory() as folder:
        try:
            found, missing = check(victim, folder, mounts)
        finally:
            for place in reversed(mounts):
                call("umount", place)
    for why in missing:
        print("not looked at:", why)
    for problem in found:
        print("not ok:", problem)
    if not mounts:
        return SKIP
    print("not ok" if found else "ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
