#!/usr/bin/env python3
"""docs/tables.md is what memtrace-analyze says of its tables.

usage: docs_tables.py MEMTRACE_ANALYZE PAGE
"""
import difflib
import os
import shlex
import subprocess
import sys

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs


def main(program, page):
    made = subprocess.run([*EMULATOR, program, "--list-tables", "--format", "markdown"],
                          capture_output=True, text=True, check=True).stdout
    with open(page, encoding="utf-8") as file:
        kept = file.read()
    if made == kept:
        return 0
    sys.stdout.writelines(difflib.unified_diff(kept.splitlines(True), made.splitlines(True),
                                               page, "memtrace-analyze"))
    print(f"{page} is old: memtrace-analyze --list-tables --format markdown > {page}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
