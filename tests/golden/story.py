#!/usr/bin/env python3
"""What memtrace-analyze says of each golden trace: ten lines of 100 columns at most.

usage: story.py TOOLDIR ANALYSIS_PAGE [--renew]

Lines about what is lost or damaged (note, damage), and the last one (more), stand beside the ten
and do not count. A real trace has all of those that a job with stacks has, and --explain says as
much as the ten lines and more. The page shows the screen of one real trace; --renew writes it
there.
"""
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs
BESIDE = {"note", "damage", "more"}
MOST, COLUMNS = 10, 100
REAL = ["", "recorded", "rhythm", "peak", "made of", "asked by", "asked by", "device", "idle",
        "gaps"]
SHOWN = "resnet50.mtrace"
MARK = re.compile(r"(<!-- screen begins -->\n).*?(<!-- screen ends -->)", re.S)


def screen(folder, path, *options):
    command = [*EMULATOR, os.path.join(os.path.abspath(folder), "memtrace-analyze"), *options,
               os.path.basename(path)]
    return subprocess.run(command, cwd=os.path.dirname(path), capture_output=True, text=True,
                          check=False).stdout


def labels(text):
    """What each line begins with; one that goes on has that of the line before."""
    found = []
    for line in text.splitlines():
        if not line.startswith("  "):
            found.append("")
        else:
            found.append(line[2:12].strip() or found[-1])
    return found


def wrong(name, text):
    counted = [label for label in labels(text) if label not in BESIDE]
    if len(counted) > MOST or not counted:
        yield f"{name}: {len(counted)} lines: {', '.join(counted)}"
    for line in text.splitlines():
        if len(line) > COLUMNS:
            yield f"{name}: {len(line)} columns: {line}"


def wrong_real(folder, path):
    name = os.path.basename(path)
    brief, full = screen(folder, path), screen(folder, path, "--explain")
    counted = [label for label in labels(brief) if label not in BESIDE]
    if counted != REAL:
        yield f"{name}: it tells of {', '.join(counted)}"
    missing = {"traced", "trace", "lost", "taken", "rhythm", "peak", "at peak", "growth", "swap",
               "idle", "gaps", "kernels", "largest"} - set(labels(full))
    if missing:
        yield f"{name}: --explain does not tell of {', '.join(sorted(missing))}"


def shown(folder):
    text = screen(folder, os.path.join(HERE, "real", SHOWN))
    return f"\n```\n$ memtrace-analyze {SHOWN}\n{text}```\n\n"


def renew(page, folder):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(page, "w", encoding="utf-8") as file:
        file.write(MARK.sub(lambda m: m[1] + shown(folder) + m[2], text))


def check(folder, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    found = MARK.search(text)
    if not found or found[0] != found[1] + shown(folder) + found[2]:
        yield f"{page}: its screen is not that of {SHOWN}; story.py --renew writes it"
    for place in (HERE, os.path.join(HERE, "real")):
        for name in sorted(os.listdir(place)):
            path = os.path.join(place, name)
            if name.endswith(".mtrace") and not name.startswith("unsupported"):
                said = screen(folder, path)
                if said or name.startswith("good") or place != HERE:
                    yield from wrong(name, said)
                if place != HERE:
                    yield from wrong_real(folder, path)


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    if "--renew" in sys.argv:
        renew(sys.argv[2], sys.argv[1])
    problems = list(check(*sys.argv[1:3]))
    print("\n".join(problems) if problems else "ten lines at most, of 100 columns")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
