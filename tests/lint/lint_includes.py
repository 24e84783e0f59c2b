#!/usr/bin/env python3
"""The include law. usage: lint_includes.py ROOT

A folder may use what stands before it on the way of the data, and nothing else; no two folders use
each other; an include in quotes is written from src or include. CONTRIBUTING.md names every folder.
"""
import os
import re

import tree

# Room of src -> the rooms whose headers it may include, its own left out.
LAW = {
    "base": set(),
    "event": {"base"},
    "format": {"base", "event"},
    "shim": {"base", "event", "format"},
    "writer": {"base", "event", "format"},
    "import": {"base", "event", "writer"},
    "reader": {"base", "event", "format"},
    "table": {"base"},
    "symbols": {"base"},
    "rhythm": {"base", "event"},
    "stacks": {"base", "symbols"},
    "model": {"base", "event", "table"},
    "analysis": {"base", "event", "reader", "model", "stacks", "symbols", "rhythm", "table"},
    "report": {"base", "table"},
    "plot": {"base", "table", "report"},
    "tools": {"base", "event", "format", "writer", "import", "reader", "model", "stacks", "symbols",
              "table", "analysis", "report", "plot"},
    "memtrace": set(),
}
# Public headers are for whoever implements or calls them.
PUBLIC = {"stacks", "shim", "reader", "analysis", "tools", "format"}
# Headers that are installed side by side call each other by their bare names.
INSTALLED = {"event.h": "event/event.h", "event.def": "event/event.def"}
INSTALLED_ROOMS = {"event", "memtrace"}
# Lists that say the options of two programs once.
EXCEPTIONS = {("tools", "shim/process/config.def")}

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def room(path):
    """The room a file belongs to, None where the law does not reach (tests, examples)."""
    parts = path.split(os.sep)
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else None
    if parts[0] == "include":
        return "memtrace"
    return "tools" if parts[0] == "tools" else None


def includes(root):
    """(file, line number, what is included in quotes) of everything under the law."""
    for path in tree.files(root, (".c", ".h", ".def", ".S")):
        if room(path):
            for number, line in enumerate(tree.lines(root, path), 1):
                match = INCLUDE.match(line)
                if match:
                    yield path, number, match.group(1)


def allowed(user, target):
    used = target.split("/")[0]
    if used == user or (user, target) in EXCEPTIONS:
        return True
    if user == "memtrace" and target in INSTALLED.values():
        return True
    return used in LAW[user] or (used == "memtrace" and user in PUBLIC)


def generated(target):
    """What the build makes (*.inc) lies in no folder of the tree."""
    return target.endswith(".inc")


def resolve(root, target, user):
    """The file meant; tools are no room of src and call their own headers by bare names."""
    for start in ("src", "include") + (("tools",) if user == "tools" else ()):
        if os.path.isfile(os.path.join(root, start, target)):
            return os.path.join(start, target)
    return None


def find_circle(edges):
    """One circle in {folder: {folder}}, as a list, or None."""
    done = set()

    def walk(folder, way):
        if folder in way:
            return way[way.index(folder):] + [folder]
        if folder in done:
            return None
        for following in sorted(edges.get(folder, ())):
            circle = walk(following, way + [folder])
            if circle:
                return circle
        done.add(folder)
        return None

    for start in sorted(edges):
        circle = walk(start, [])
        if circle:
            return circle
    return None


def undescribed(root):
    """Folders of src that the page about the house does not name."""
    page = os.path.join(root, "CONTRIBUTING.md")
    if not os.path.isfile(page):
        return
    with open(page, encoding="utf-8") as file:
        text = file.read()
    folders = {os.path.dirname(path) for path in tree.files(root, (".c", ".h", ".def"))}
    for folder in sorted(folder for folder in folders if folder.startswith("src" + os.sep)):
        if f"`{folder}`" not in text:
            yield f"CONTRIBUTING.md: {folder} is in none of its tables"


def check(root):
    yield from undescribed(root)
    edges = {}
    for path, number, target in includes(root):
        user = room(path)
        place = f"{path}:{number}"
        if user not in LAW:
            yield f"{place}: src/{user} is no room the include law knows"
            continue
        if generated(target):
            continue
        if user in INSTALLED_ROOMS:
            target = INSTALLED.get(target, target)
        file = resolve(root, target, user)
        if file is None:
            yield f'{place}: "{target}" lies neither in src nor in include; write it from there'
            continue
        if not file.startswith("tools" + os.sep) and not allowed(user, target):
            yield f'{place}: {user} must not use "{target}"'
        here, there = os.path.dirname(path), os.path.dirname(file)
        if here != there:
            edges.setdefault(here, set()).add(there)
    circle = find_circle(edges)
    if circle:
        yield "folders include each other in a circle: " + " -> ".join(circle)


if __name__ == "__main__":
    tree.run(check)
