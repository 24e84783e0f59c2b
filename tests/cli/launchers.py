#!/usr/bin/env python3
"""Jobs of two processes by real launchers, on the simulated device: a trace for each rank, named by
it, that knows its place. Of Open MPI's mpirun, MPICH's and Slurm's srun those that are there and
work are used; why others are not is printed, and without any the test is skipped.

usage: launchers.py FOLDER_OF_TOOLS JOB FOLDER_OF_LIBRARIES
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

TOOLS, JOB, LIBRARIES = (os.path.abspath(path) for path in sys.argv[1:4])
SKIP = 77
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES,
               # Open MPI: tests may be run by root, on a machine of one processor.
               "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1"}
LAUNCHERS = (("Open MPI", ("mpirun.openmpi", "mpirun"), "Open MPI", ["-n", "2"]),
             ("MPICH", ("mpiexec.hydra", "mpirun.mpich"), "HYDRA", ["-n", "2"]),
             ("Slurm", ("srun",), "slurm", ["-n", "2", "--overcommit"]),
             ("Open MPI in a job of Slurm", ("salloc",), "slurm",
              ["-Q", "-n", "2", "--overcommit", "mpirun.openmpi", "-n", "2"]))


def run(command, folder):
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def launcher(names, word, options, folder):
    """(command, None), or (None, why there is none). mpirun may be anybody's: it says whose."""
    found = "is not installed"
    for name in filter(shutil.which, names):
        if word.lower() not in run([name, "--version"], folder).stdout.lower():
            continue
        try:
            done = run([name, *options, "true"], folder)
        except subprocess.TimeoutExpired:
            return None, "starts nothing within a minute"
        if done.returncode == 0:
            return [name, *options], None
        found = "starts nothing: " + (done.stderr.strip().splitlines() or ["no reason"])[0]
    return None, found


def place(trace):
    """What the trace knows of its rank."""
    dump = os.path.join(TOOLS, "memtrace-dump")
    done = subprocess.run([dump, "--meta", trace], capture_output=True, text=True, check=False)
    meta = dict(line.split(None, 1) for line in done.stdout.splitlines() if " " in line)
    return tuple(meta.get(key) for key in ("rank", "local_rank", "world_size"))


def problems(command, how, folder):
    """How it differs from two whole traces in their places."""
    memtrace = [os.path.join(TOOLS, "memtrace"), "-o", os.path.join(folder, "t.%r.mtrace"), "--"]
    done = run([*command, *memtrace, JOB] if how == "within" else [*memtrace, *command, JOB],
               folder)
    if done.returncode != 0:
        return [f"exit code {done.returncode}: {done.stderr[-300:]}"]
    names = sorted(glob.glob(os.path.join(folder, "*")))
    wanted = [os.path.join(folder, f"t.{rank}.mtrace") for rank in (0, 1)]
    if names != wanted:
        return [f"files {names}"]
    if done.stderr.count(" 0 lost") != 2:
        return [f"the launcher says: {done.stderr}"]
    places = [place(name) for name in names]
    expected = [(str(rank), str(rank), "2") for rank in (0, 1)]
    return [] if places == expected else [f"rank, local rank, size: {places}"]


def main():
    wrong, done = 0, 0
    for product, names, word, options in LAUNCHERS:
        with tempfile.TemporaryDirectory() as folder:
            command, why = launcher(names, word, options, folder)
            if command is None:
                print(f"skipped: {product} {why}")
                continue
        for how in ("within", "around"):
            with tempfile.TemporaryDirectory() as folder:
                found = problems(command, how, folder)
            print("not ok:" if found else "ok:", product, how, *found)
            wrong += bool(found)
            done += 1
    return 1 if wrong else 0 if done else SKIP


if __name__ == "__main__":
    sys.exit(main())
