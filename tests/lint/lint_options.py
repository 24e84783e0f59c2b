#!/usr/bin/env python3
"""A tool's --help and its man page name the same options. usage: lint_options.py MAN_PAGE TOOL...

TOOL... is the program as it is started. Both texts are searched for words that look like options;
an option that only one of them knows is a problem. So is an option without a long form.
"""
import re
import subprocess

import tree

WORD = re.compile(r"(?<![\w/.-])(--[a-z][a-z0-9-]*|-[A-Za-z?])(?![\w-])")


def plain(roff):
    """The words of a man page without font changes and escapes."""
    text = re.sub(r"\\f[A-Z]|\\f\(..|\\&", "", roff)
    text = text.replace("\\-", "-")
    text = re.sub(r'^\.(B|I|BR|RB|IR|RI|BI|IB) ', "", text, flags=re.MULTILINE)
    return re.sub(r"^\.\\\".*$", "", text, flags=re.MULTILINE).replace('"', " ")


def defined_in_page(roff):
    """Options on the tag lines (.TP and the line after it) of every section."""
    tags = re.findall(r"^\.TP(?: \d+)?\n(.*)$", roff, re.MULTILINE)
    return {word for tag in tags for word in WORD.findall(plain(tag))}


def defined_in_help(text):
    """Options at the beginning of an indented line of --help, before the text about them."""
    found = set()
    for line in text.splitlines():
        if re.match(r"\s+-", line):
            found |= set(WORD.findall(re.split(r"\s{2,}", line.strip())[0]))
            long_after_short = re.match(r"\s+-\w,\s+(--[a-z0-9-]+)", line)
            if long_after_short:
                found.add(long_after_short.group(1))
    return found


def check(page, *tool):
    result = subprocess.run([*tool, "--help"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield f"{tool[-1]} --help exits with {result.returncode}"
    with open(page, encoding="utf-8") as roff:
        in_page = defined_in_page(roff.read())
    in_help = defined_in_help(result.stdout)
    if "--help" not in in_help:
        yield f"{tool[-1]} --help on stdout does not list --help"
    for word in sorted(in_help - in_page):
        yield f"{word} is in {tool[-1]} --help, but {page} does not describe it"
    for word in sorted(in_page - in_help):
        yield f"{word} is in {page}, but {tool[-1]} --help does not list it"


if __name__ == "__main__":
    tree.run(check)
