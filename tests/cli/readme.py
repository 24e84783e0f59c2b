#!/usr/bin/env python3
"""The README shows what the quickstart and the commands of its tour print.

usage: readme.py [--update] ROOT

Runs the quickstart, on a machine without a GPU, then the commands of the tour (the lines that begin
with "$ "), and compares the screen with the blocks in README.md; figures differ from run to run and
are made alike. --update writes the screen there. Exit 77 (skipped) where there is a GPU: then the
quickstart prints more.
"""
import difflib
import os
import re
import subprocess
import sys

def output(root, command):
    """All that a command writes, both streams as they come."""
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)
    result = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    if result.returncode != 0:
        raise SystemExit(f"{command} failed with {result.returncode}:\n{result.stdout}")
    return result.stdout


def quickstart(root, _block):
    return output(root, ["sh", "examples/quickstart.sh"])


def tour(root, block):
    """Each command of the block, and what it prints now."""
    parts = []
    for line in block.splitlines():
        if line.startswith("$ "):
            command = line[2:].replace("build/", os.environ.get("BUILD_DIR", "build") + "/")
            parts.append(f"{line}\n{output(root, ['sh', '-c', command])}")
    return "\n".join(parts)


BLOCKS = {"quickstart": quickstart, "tour": tour}


def split(readme, name):
    """README text before, inside and after a block."""
    before, begin, rest = readme.partition(f"<!-- {name} begins -->\n")
    block, end, after = rest.partition(f"<!-- {name} ends -->\n")
    if not end:
        raise SystemExit(f"README.md has no block {name}")
    return before + begin, block, end + after


def comparable(text):
    """The lines without what differs: figures and units, folders, what had to be installed; and of
    the lines of the story that say something else where a step took longer only the label."""
    lines = []
    for line in text.replace(os.environ.get("BUILD_DIR", "build"), "build").splitlines():
        if line.startswith(("setup: ", "```")):
            continue
        line = re.sub(r"^(  (?:rhythm|peak|idle) ).*", r"\1", line)
        line = re.sub(r"\d[\d.,]*( ?(B|KiB|MiB|GiB|ns|us|ms|s|min|h|%)\b)?", "N", line)
        lines.append(re.sub(r"[\s-]+", " ", line).strip())
    return [line for line in lines if line]


def differences(block, printed):
    wanted, got = comparable(block), comparable(printed)
    if wanted == got:
        return []
    return list(difflib.unified_diff(wanted, got, "README.md", "the quickstart", lineterm="", n=1))


def main(arguments):
    update = arguments[:1] == ["--update"]
    (root,) = arguments[update:]
    path = os.path.join(root, "README.md")
    with open(path, encoding="utf-8") as file:
        readme = file.read()
    found = []
    for name, run in BLOCKS.items():
        before, block, after = split(readme, name)
        printed = run(root, block)
        if name == "quickstart" and "on the simulated device" not in printed.partition("\n")[0]:
            print("skipped: the quickstart ran on a GPU")
            return 77
        found += differences(block, printed)
        readme = f"{before}\n```\n{printed.rstrip()}\n```\n\n{after}"
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(readme)
        return 0
    print("\n".join(found) if found else "README.md shows what is printed")
    if found:
        print("\nto take it over: python3 tests/cli/readme.py --update .")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
