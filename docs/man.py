#!/usr/bin/env python3
"""Write a page of plain markdown as a manual page. usage: man.py PAGE.md NAME SECTION

Understood: headings, paragraphs, lists (also nested), tables, fenced and indented code, `code`,
**bold**, *emphasis* and links. A list item may run over several lines if they are indented.
"""
import re
import sys


def escape(text):
    """Text that roff takes literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def inline(text):
    """Marks inside a line; code is taken out first, so that nothing in it is a mark."""
    parts = re.split(r"(`[^`]+`)", text)
    for i, part in enumerate(parts):
        if part.startswith("`") and len(part) > 1:
            parts[i] = f"\\fB{escape(part[1:-1])}\\fP"
            continue
        part = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", part)
        part = escape(part) if i == 0 else escape(part).removeprefix("\\&")
        part = re.sub(r"\*\*([^*]+)\*\*", r"\\fB\1\\fP", part)
        parts[i] = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?!\w)", r"\\fI\1\\fP", part)
    return "".join(parts)


def cells(row):
    """The cells of a table row; an escaped bar belongs to its cell."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", inner)]


def table(rows):
    body = [cells(row) for row in rows if not re.fullmatch(r"[\s|:-]+", row)]
    columns = max(len(row) for row in body)
    yield ".TS"
    yield "allbox;"
    yield " ".join(["lb"] * columns)
    yield " ".join(["l"] * (columns - 1) + ["lx"]) + "."
    for row in body:
        yield "\t".join(f"T{{\n{inline(cell)}\nT}}" for cell in row)
    yield ".TE"


def code(lines):
    yield ".PP"
    yield ".RS 4"
    yield ".nf"
    for line in lines:
        yield escape(line)
    yield ".fi"
    yield ".RE"


def take(lines, at, matches):
    """The run of lines from `at` on that match, and where it ends."""
    end = at
    while end < len(lines) and matches(lines[end]):
        end += 1
    return lines[at:end], end


def heading(line):
    marks, _, title = line.partition(" ")
    if len(marks) == 1:
        return []
    if len(marks) == 2:
        return [f".SH {escape(title).upper()}"]
    return [f".SS {inline(title)}"]


ITEM = re.compile(r"(\s*)([-*]|\d+\.) (.*)")


def item(lines, at):
    """A list item with the lines that continue it."""
    indent, mark, first = ITEM.match(lines[at]).groups()
    more, end = take(lines, at + 1, lambda l: l.startswith(" ") and not ITEM.match(l))
    bullet = "\\(bu" if mark in "-*" else mark
    text = " ".join([first.strip()] + [l.strip() for l in more])
    out = [f'.IP "{bullet}" 4', inline(text)]
    return ([".RS 4"] + out + [".RE"] if len(indent) > 1 else out), end


def is_text(line):
    return bool(line.strip()) and not re.match(r"#|```|\|", line) and not ITEM.match(line)


def convert(lines):
    """roff lines of a page."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            body, at = take(lines, at + 1, lambda l: not l.startswith("```"))
            at += 1
            yield from code(body)
        elif line.startswith("    "):
            body, at = take(lines, at, lambda l: l.startswith("    ") or not l.strip())
            yield from code([l[4:] for l in "\n".join(body).rstrip().split("\n")])
        elif line.startswith("#"):
            at += 1
            yield from heading(line)
        elif line.startswith("|"):
            body, at = take(lines, at, lambda l: l.startswith("|"))
            yield from table(body)
        elif ITEM.match(line):
            out, at = item(lines, at)
            yield from out
        else:
            body, at = take(lines, at, is_text)
            yield ".PP"
            yield inline(" ".join(l.strip() for l in body))


def main(path, name, section):
    with open(path, encoding="utf-8") as page:
        lines = page.read().split("\n")
    print("'\\\" t")  # tells man(1) to run tbl
    print(f'.TH {name.upper()} {section} "" "memtrace" "File Formats"')
    # The first heading is "name: what it is".
    title = next(l[2:] for l in lines if l.startswith("# ")).removeprefix(name + ": ")
    print(".SH NAME")
    print(f"{escape(name)} \\- {escape(title)}")
    print("\n".join(convert(lines)))


if __name__ == "__main__":
    main(*sys.argv[1:])
