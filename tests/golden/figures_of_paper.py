#!/usr/bin/env python3
"""Figures in docs/paper.md are what memtrace-analyze draws today of the trace beside this file.

usage: figures_of_paper.py TOOLDIR [--renew]

paper/mlp.mtrace was recorded on a GPU (examples/paper, job mlp). --renew draws the figures anew.
"""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "paper")
NAMES = ("ati.svg", "gantt.svg")
EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs


def draw(tools, folder):
    command = [*EMULATOR, os.path.join(os.path.abspath(tools), "memtrace-analyze"), "-q",
               "--plots=" + folder, "mlp.mtrace"]
    subprocess.run(command, cwd=os.path.join(HERE, "paper"), check=True)


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def main(arguments):
    with tempfile.TemporaryDirectory() as folder:
        draw(arguments[0], folder)
        if arguments[1:] == ["--renew"]:
            for name in NAMES:
                shutil.copy(os.path.join(folder, name), PAGE)
            return 0
        other = [name for name in NAMES if read(PAGE, name) != read(folder, name)]
    for name in other:
        print(f"docs/paper/{name} is drawn otherwise: python3 tests/golden/figures_of_paper.py "
              "build/tools --renew, and look at it")
    print(f"{len(NAMES)} figures, {len(other)} differ")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
