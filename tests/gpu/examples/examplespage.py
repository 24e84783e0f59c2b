#!/usr/bin/env python3
"""Keeps what the READMEs of the examples show: commands and their output as they were on a real
GPU, out of tests/gpu/results.json, which figures.py takes over.

usage: examplespage.py            write the pages       (PYTHONPATH=tests/gpu)
       examplespage.py --check    exit 1 if a page is not what the results say
"""
import os
import re
import sys

import figures

EXAMPLES = os.path.join(figures.HERE, "..", "..", "examples")
PAGES = {"quickstart": os.path.join(EXAMPLES, "README.md"),
         "multi_example": os.path.join(EXAMPLES, "ranks", "README.md"),
         **{f"example_{name}": os.path.join(EXAMPLES, name, "README.md")
            for name in ("cublas", "cuda", "cupy", "jax", "triton")}}
BEGIN, END = "<!-- shown begins -->\n", "<!-- shown ends -->"


def shown(facts):
    if not facts or not facts["figures"].get("shown"):
        return f"{figures.NOT_YET.capitalize()}.\n"
    lines = "\n".join(facts["figures"]["shown"])
    gpu = facts["machine"].get("gpu", "a GPU")
    where = f"{facts['date']}, commit {facts['commit'] or 'unknown'}, on {gpu}"
    return f"{where}:\n\n```\n{lines}\n```\n"


def render(page, facts):
    mark = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.S)
    page, count = mark.subn(lambda m: m[1] + "\n" + shown(facts) + "\n" + m[2], page)
    if count != 1:
        raise SystemExit(f"a README has {count} places for what is shown, not one")
    return page


def stale(results):
    """[(path, the page as it should be)] of the pages that are not."""
    found = []
    for name, path in PAGES.items():
        with open(path, encoding="utf-8") as file:
            page = file.read()
        new = render(page, results.get(name))
        if new != page:
            found.append((path, new))
    return found


def main(arguments):
    pages = stale(figures.load(figures.RESULTS))
    if arguments == ["--check"]:
        print("\n".join(os.path.relpath(path) + " is out of date" for path, _ in pages))
        return 1 if pages else 0
    for path, page in pages:
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
