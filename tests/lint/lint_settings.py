#!/usr/bin/env python3
"""The man page of the launcher describes every setting of config.def as it is.

usage: lint_settings.py CONFIG_DEF MAN_PAGE

Each variable is named; each option's paragraph gives the default and, for a number, both limits.
"""
import re

import lint_options
import tree

ROW = re.compile(
    r"^(TEXT|NUMBER|SWITCH|CHOICE)\((\w+), ([\w-]+), (\"[^\"]*\"|[\w]+)(?:, (\d+), (\d+))?",
    re.MULTILINE)


def rows(definition):
    """(variable, option or None, texts that its paragraph must hold) of each setting."""
    with open(definition, encoding="utf-8") as source:
        for _, name, option, default, least, most in ROW.findall(source.read()):
            wanted = [default.strip('"').replace("%%", "%")] if default != '""' else []
            # A switch that is off unless given needs no words about it.
            wanted = [("Default: " if most else "") + w for w in wanted if w != "0"]
            wanted += [w for w in (least, most) if w]
            yield "MEMTRACE_" + name, None if option == "NULL" else option, wanted


def paragraphs(page):
    """Option -> text up to the next tag or heading."""
    found = {}
    for part in re.split(r"^\.TP(?: \d+)?\n|^\.SH ", page, flags=re.MULTILINE):
        tag, _, text = part.partition("\n")
        for word in lint_options.WORD.findall(lint_options.plain(tag)):
            found[word] = lint_options.plain(text)
    return found


def check(definition, man):
    with open(man, encoding="utf-8") as source:
        page = source.read()
    described = paragraphs(page)
    count = 0
    for variable, option, wanted in rows(definition):
        count += 1
        if not re.search(rf"\b{variable}\b", page):
            yield f"{man} does not name {variable}"
        if option is None:
            continue
        text = described.get("--" + option)
        if text is None:
            yield f"{man} does not describe --{option}"
            continue
        for word in wanted:
            if not re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text):
                yield f"{man}: the paragraph of --{option} does not say {word}"
    if count == 0:
        yield f"{definition} has no row that this check understands"


if __name__ == "__main__":
    tree.run(check)
