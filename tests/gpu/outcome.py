"""The result of one test: what was checked, what failed, and the figures found on the way.

A test program calls outcome.main(check): check(outcome, arguments) does the work. The result goes
as JSON into the file named by GPU_TEST_RESULT, which suite.py reads, and readable on stdout.
Exit 0: passed, 1: failed, 77: skipped.
"""
import json
import os
import sys
import traceback

EXIT = {"passed": 0, "failed": 1, "skipped": 77}


class Skip(Exception):
    """Raised with the reason why a test cannot be run here."""


class Outcome:
    def __init__(self):
        self.checks, self.failures, self.figures = 0, [], {}
        self.headline, self.skipped = "", ""

    def check(self, good, what):
        self.checks += 1
        if not good:
            self.failures.append(what)
        return bool(good)

    def equal(self, value, expected, what):
        return self.check(value == expected, f"{what}: {value!r}, expected {expected!r}")

    def none(self, problems, what):
        """A list of problems that should be empty."""
        self.checks += 1
        self.failures.extend(f"{what}: {problem}" for problem in problems)
        return not problems

    def result(self):
        if self.failures:
            return "failed"
        return "skipped" if self.skipped else "passed"

    def write(self):
        facts = {"result": self.result(), "headline": self.skipped or self.headline,
                 "checks": self.checks, "failures": self.failures, "figures": self.figures}
        path = os.environ.get("GPU_TEST_RESULT")
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(facts, file, indent=1)
        for failure in self.failures:
            print("FAILED:", failure)
        print(json.dumps(self.figures, indent=1))
        print(f"{facts['result']}: {self.checks} checks; {facts['headline']}")


def main(check):
    outcome = Outcome()
    try:
        check(outcome, sys.argv[1:])
        outcome.check(outcome.checks > 0, "nothing was checked")
    except Skip as skip:
        outcome.skipped = f"skipped: {skip}"
    except Exception as error:  # a test that breaks is a test that failed, and must say so
        traceback.print_exc(file=sys.stdout)
        outcome.failures.append(f"{type(error).__name__}: {error}")
    outcome.write()
    sys.exit(EXIT[outcome.result()])
