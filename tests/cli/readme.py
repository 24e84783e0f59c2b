#!/usr/bin/env python3
"""The README shows what the quickstart prints. usage: readme.py [--update] ROOT

Runs the quickstart, on a machine without a GPU, and compares its screen with the block in
README.md; figures differ from run to run and are made alike. --update writes the screen there.
Exit 77 (skipped) where there is a GPU: then the quickstart prints more.
"""
import difflib
import os
import re
import subprocess
import sys

BEGIN, END = "<!-- quickstart begins -->\n", "<!-- quickstart ends -->\n"


def screen(root):
    """All that the quickstart writes, both streams as they come."""
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)
    result = subprocess.run(["sh", "examples/quickstart.sh"], cwd=root, env=environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"the quickstart failed with {result.returncode}:\n{result.stdout}")
    return result.stdout


def split(readme):
    """README text before, inside and after the block."""
    before, _, rest = readme.partition(BEGIN)
    block, _, after = rest.partition(END)
    if not after:
        raise SystemExit("README.md has no quickstart block")
    return before, block, after


def comparable(text):
    """The lines without what differs: figures and units, folders, what had to be installed."""
    lines = []
    for line in text.replace(os.environ.get("BUILD_DIR", "build"), "build").splitlines():
        if line.startswith(("setup: ", "```")):
            continue
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
    printed = screen(root)
    if "on the simulated device" not in printed.partition("\n")[0]:
        print("skipped: the quickstart ran on a GPU")
        return 77
    path = os.path.join(root, "README.md")
    with open(path, encoding="utf-8") as readme:
        before, block, after = split(readme.read())
    if update:
        with open(path, "w", encoding="utf-8") as readme:
            readme.write(f"{before}{BEGIN}\n```\n{printed.rstrip()}\n```\n\n{END}{after}")
        return 0
    found = differences(block, printed)
    print("\n".join(found) if found else "README.md shows what the quickstart prints")
    if found:
        print("\nto take it over: python3 tests/cli/readme.py --update .")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
