#!/usr/bin/env python3
"""The format page describes the events that event.def lists, and no others.
usage: page.py EVENT.DEF PAGE.md"""
import re
import sys

EVENT = re.compile(r'EVENT\((\d+), (\w+), "([^"]*)"\)')
FIELD = re.compile(r'FIELD\((\w+), (\w+), (\w+), "([^"]*)"\)')
TAIL = re.compile(r'TAIL\((\w+), (\w+), "([^"]*)"\)')


def described(lines):
    """What event.def says, as the lines that the page must have."""
    slot = 0
    for line in lines:
        if match := EVENT.match(line):
            yield "### {} {}: {}".format(*match.groups())
            slot = 0
        elif match := FIELD.match(line):
            yield "| {} | `{}` | {} | {} |".format(slot, *match.groups()[1:])
            slot += 1
        elif match := TAIL.match(line):
            yield "| tail | | {} | {} |".format(*match.groups()[1:])


def on_page(lines):
    """The same lines as the page has them."""
    inside = False
    for line in lines:
        if line.startswith("## "):
            inside = line == "## Kinds of events"
        elif inside and re.match(r"### |\| (\d+|tail) \|", line):
            yield line


def main(event_def, page):
    with open(event_def, encoding="utf-8") as file:
        wanted = list(described(file.read().split("\n")))
    with open(page, encoding="utf-8") as file:
        found = list(on_page(file.read().split("\n")))
    for line in wanted:
        if line not in found:
            print(f"{page} lacks: {line}")
    for line in found:
        if line not in wanted:
            print(f"{page} has what event.def has not: {line}")
    if wanted != found and sorted(wanted) == sorted(found):
        print(f"{page}: the events stand in another order than in event.def")
    return wanted != found or not wanted


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
