#!/usr/bin/env python3
"""Count what meson wrote into testlog.json (one object a test) and say it in one line.

usage: count.py TESTLOG STATUS, STATUS being meson's own exit code. Exit 0 only when at least one
test ran, none failed, and meson agrees.
"""
import collections
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def count(lines):
    """(passed, failed, skipped); every result that is not known to be good is a failure."""
    tally = collections.Counter()
    for line in lines:
        result = json.loads(line)["result"]
        tally["passed" if result in PASSED else "skipped" if result in SKIPPED else "failed"] += 1
    return tally["passed"], tally["failed"], tally["skipped"]


def main(path, status):
    try:
        with open(path, encoding="utf-8") as log:
            passed, failed, skipped = count(log)
    except OSError as error:
        print(f"meson left no results: {error}")
        passed, failed, skipped = 0, 1, 0
    if status != 0 and failed == 0:
        print(f"meson test exited with {status} though no test is recorded as failed")
        failed = 1
    if passed == 0 and failed == 0:
        print("no test ran")
        failed = 1
    line = f"tests: {passed} passed, {failed} failed"
    print(line + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
