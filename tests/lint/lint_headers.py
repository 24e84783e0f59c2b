#!/usr/bin/env python3
"""Every header compiles alone. usage: lint_headers.py ROOT CUDA_INCLUDE_DIR"""
import os
import subprocess

import tree

FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wundef", "-Wstrict-prototypes",
         "-Werror", "-fsyntax-only"]


def compile_alone(root, header, cuda):
    source = f'#include "{os.path.join(root, header)}"\n'
    folders = ("src", "include", "src/event", "tests", os.path.dirname(header))
    places = [os.path.join(root, folder) for folder in folders]
    command = [os.environ.get("CC", "cc"), *FLAGS, *["-I" + p for p in places],
               "-isystem", cuda, "-x", "c", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=False)


def check(root, cuda):
    for header in tree.files(root, (".h",)):
        result = compile_alone(root, header, cuda)
        if result.returncode != 0:
            yield f"{header} does not compile alone:\n{result.stderr.rstrip()}"


if __name__ == "__main__":
    tree.run(check)
