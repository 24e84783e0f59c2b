#!/usr/bin/env python3
"""How a source may look. usage: lint_text.py ROOT

No white space at line ends, no tabs, 100 columns, 600 lines a file, 80 lines a function, and no
file name twice in the tree.
"""
import collections
import os
import re

import tree

COLUMNS = 100
FILE_LINES = 600
FUNCTION_LINES = 80
NAMES_ON_PURPOSE = {"meson.build", "__init__.py", "run.sh"}


def functions(text):
    """(first line, number of lines) of each C function: its braces stand alone in column one."""
    start = None
    for number, line in enumerate(text, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None


def python_functions(text):
    """The same for Python: from a def to the last line that is indented deeper."""
    opened = []
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        while opened and indent <= opened[-1][0]:
            _, start, last = opened.pop()
            yield start, last - start + 1
        opened = [(i, s, number) for i, s, _ in opened]
        if re.match(r"\s*def ", line):
            opened.append((indent, number, number))
    for _, start, last in opened:
        yield start, last - start + 1


def check_lines(path, text):
    for number, line in enumerate(text, 1):
        if line != line.rstrip():
            yield f"{path}:{number}: white space at the end of the line"
        if "\t" in line:
            yield f"{path}:{number}: a tab"
        if len(line) > COLUMNS:
            yield f"{path}:{number}: {len(line)} columns, {COLUMNS} are allowed"


def check_lengths(path, text):
    count = len(text) - 1
    if count > FILE_LINES:
        yield f"{path}: {count} lines, {FILE_LINES} are allowed"
    find = python_functions if path.endswith(".py") else functions
    for start, length in find(text):
        if length > FUNCTION_LINES:
            yield f"{path}:{start}: a function of {length} lines, {FUNCTION_LINES} are allowed"


def check_names(paths):
    places = collections.defaultdict(list)
    for path in paths:
        places[os.path.basename(path)].append(path)
    for name, where in sorted(places.items()):
        if len(where) > 1 and name not in NAMES_ON_PURPOSE:
            yield f"{name} is the name of more than one file: " + ", ".join(where)


def check(root):
    paths = tree.files(root)
    for path in paths + tree.files(root, ("meson.build",)):
        text = tree.lines(root, path)
        yield from check_lines(path, text)
        yield from check_lengths(path, text)
    yield from check_names(paths)


if __name__ == "__main__":
    tree.run(check)
