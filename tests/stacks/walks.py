#!/usr/bin/env python3
"""The recorder's unwinder beside libunwind: the same addresses, in C, C++ and below Python.

usage: walks.py [LIBWALKCOMPARE PROGRAM CXX-SOURCE FOLDER]; without arguments it was not built
"""
import os
import shutil
import subprocess
import sys

from python_stacks import interpreters

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77


def run(command, **environment):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True,
                          text=True, timeout=300)
    print(done.stdout + done.stderr, end="", flush=True)
    if done.returncode:
        print(f"{' '.join(command)}: ended with {done.returncode}")
    return done.returncode != 0


def stripped(program):
    copy = program + "-stripped"
    if not shutil.which("strip"):
        return []
    subprocess.run(["strip", "-o", copy, program], check=True)
    return [copy]


def throws(library, source, folder):
    """The C++ program, if there is a compiler."""
    if not shutil.which("g++"):
        return []
    program = os.path.join(folder, "walk-throws")
    where = os.path.dirname(library)
    subprocess.run(["g++", "-O2", "-D_GNU_SOURCE", "-I" + HERE, source, "-o", program,
                    library, "-Wl,-rpath," + where, "-Wl,-z,lazy"], check=True)
    return [program, *stripped(program)]


def main(*arguments):
    if not arguments:
        print("skipped: libunwind is not installed (apt-get install libunwind-dev)")
        return SKIPPED
    library, program, source, folder = arguments
    os.makedirs(folder, exist_ok=True)
    programs = [program, *stripped(program), *throws(library, source, folder)]
    wrong = [run([name], LD_BIND_NOW="") for name in programs]
    wrong += [run([python, os.path.join(HERE, "walk_python.py"), library])
              for _, python in sorted(interpreters().items())]
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
