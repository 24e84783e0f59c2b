#!/usr/bin/env python3
"""What the screen reads is there: rows of table summary, and columns, by the names they have.

usage: lint_story.py ROOT

A name that is in no list would be read as nothing, silently.
"""
import os
import re

import tree

STORY = os.path.join("src", "report", "story")
LISTS = {"summary": ["src/analysis/answers/summary.def", "src/model/counts.def",
                     "src/analysis/answers/summarykeys.c"],
         "columns": ["src/analysis/answers/tables.def", "src/analysis/answers/answers.def"]}
ROW = re.compile(r"\b(?:META|FACT|DEVICE|COUNT)\((\w+),|\"device\.N\.(\w+)\"")
COLUMN = re.compile(r"\bCOLUMN\(\w+, (\w+),")
# Calls with a key of table summary, and with a column; rows of lists that begin with a key.
KEYS = re.compile(r"\b(?:number|share|mt_rows_number|mt_rows_text|device_number|mt_story_device)"
                  r"\(story\b(?:[^()]|\([^()]*\))*?\"(\w+)\"\)")
COLUMNS = re.compile(r"\b(?:U|mt_rows_get|number)\((?!story,)(?:[^()]|\([^()]*\))*?\"(\w+)\"\)")
LISTED = re.compile(r"^ +\{\"(\w+)\", \"", re.MULTILINE)
LISTING = {"brief.c", "notes.c"}


def names(root, which, pattern):
    found = set()
    for path in LISTS[which]:
        if os.path.isfile(os.path.join(root, path)):
            text = "\n".join(tree.lines(root, path))
            found.update(name for match in pattern.findall(text)
                         for name in (match if isinstance(match, tuple) else (match,)) if name)
    return found


def used(path, text):
    """(place in the text, name, what it should be)"""
    patterns = [(KEYS, "row of table summary"), (COLUMNS, "column")]
    if os.path.basename(path) in LISTING:
        patterns.append((LISTED, "row of table summary"))
    for pattern, what in patterns:
        for match in pattern.finditer(text):
            yield match.start(1), match[1], what


def check(root):
    known = {"row of table summary": names(root, "summary", ROW),
             "column": names(root, "columns", COLUMN)}
    found = set()
    for path in tree.files(root, (".c",)):
        if not path.startswith(STORY):
            continue
        text = "\n".join(tree.lines(root, path))
        for at, name, what in used(path, text):
            found.add(what)
            if name not in known[what]:
                line = text.count("\n", 0, at) + 1
                yield f"{path}:{line}: '{name}' is no {what}"
    for what in sorted(set(known) - found):
        yield f"{STORY}: it reads no {what}"


if __name__ == "__main__":
    tree.run(check)
