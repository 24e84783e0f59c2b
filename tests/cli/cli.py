#!/usr/bin/env python3
"""Run the command line cases of a file. usage: cli.py CASES [NAME=VALUE...]

A case, in a file *.cases (lines that begin with # are comments):

    case the name of it
    ? a shell line that must succeed for the case to make sense here; else it is skipped
    $ a shell line; several run one after the other in one shell
    > a line of stdout
    ! a line of stderr
    = the exit code, 0 when not given
    + a pattern that one file or folder in the case's folder matches at the end
    - a pattern that none matches

In expected lines {} stands for any text, {n} for a number, {tmp} for the case's folder; a line ...
stands for any lines, also none. Each case runs in an empty folder of its own, with the NAME=VALUE
of the command line in its environment, PATH put in front of the usual one, and MEMTRACE_* unset.
"""
import fnmatch
import os
import re
import shlex
import subprocess
import sys
import tempfile

TIMEOUT = 60
FIELDS = {"?": "conditions", "$": "commands", ">": "stdout", "!": "stderr", "+": "present",
          "-": "absent"}


class Case:
    def __init__(self, name):
        self.name = name
        self.conditions = []
        self.commands, self.stdout, self.stderr = [], [], []
        self.present, self.absent = [], []
        self.code = 0


def parse(lines):
    """The cases of a file, in order."""
    cases = []
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith("case "):
            cases.append(Case(line[len("case "):]))
        elif cases and line.startswith("= "):
            cases[-1].code = int(line[2:])
        elif cases and line[0] in FIELDS and (len(line) == 1 or line[1] == " "):
            getattr(cases[-1], FIELDS[line[0]]).append(line[2:])
        else:
            raise SystemExit(f"line {number}: not a line of a case: {line}")
    return cases


def pattern(expected, folder):
    """A regular expression for whole output."""
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        text = re.escape(line).replace(r"\{tmp\}", re.escape(folder))
        text = text.replace(r"\{n\}", r"[0-9][0-9.,]*").replace(r"\{\}", ".*")
        parts.append(text + r"\n")
    return "".join(parts)


def compare(what, expected, got, folder):
    if got and not got.endswith("\n"):
        got += "\n"
    if re.fullmatch(pattern(expected, folder), got):
        return []
    shown = "".join(f"    {line}\n" for line in expected) or "    (nothing)\n"
    came = "".join(f"    {line}\n" for line in got.splitlines()) or "    (nothing)\n"
    return [f"  {what} should be\n{shown}  but is\n{came}".rstrip("\n")]


def matches(folder, glob):
    found = [os.path.relpath(os.path.join(where, name), folder)
             for where, folders, files in os.walk(folder) for name in folders + files]
    return fnmatch.filter(found, glob)


def environment(settings):
    result = {k: v for k, v in os.environ.items() if not k.startswith("MEMTRACE_")}
    result.pop("LD_PRELOAD", None)
    for name, value in settings.items():
        result[name] = value + ":" + os.environ["PATH"] if name == "PATH" else value
    return result


def emulated(folder, place):
    """A script in `place` for each program of the folder, which is of another machine: it runs
    under the emulator that meson names."""
    for name in os.listdir(folder):
        path = os.path.join(os.path.abspath(folder), name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            script = os.path.join(place, name)
            with open(script, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\nexec {os.environ['MESON_EXE_WRAPPER']} "
                           f"{shlex.quote(path)} \"$@\"\n")
            os.chmod(script, 0o700)
    return place


def run_case(case, settings):
    """What is wrong with it; empty when nothing is."""
    with tempfile.TemporaryDirectory(prefix="memtrace-cli-") as folder:
        try:
            got = subprocess.run(["sh", "-c", "\n".join(case.commands)], cwd=folder,
                                 env=environment(settings), stdin=subprocess.DEVNULL,
                                 timeout=TIMEOUT, capture_output=True, check=False)
        except subprocess.TimeoutExpired:
            return [f"  not done after {TIMEOUT} s"]
        problems = compare("stdout", case.stdout, got.stdout.decode(errors="replace"), folder)
        problems += compare("stderr", case.stderr, got.stderr.decode(errors="replace"), folder)
        if got.returncode != case.code:
            problems.append(f"  exit code should be {case.code}, but is {got.returncode}")
        problems += [f"  no {g} was left" for g in case.present if not matches(folder, g)]
        problems += [f"  {g} was left" for g in case.absent if matches(folder, g)]
        return problems


def makes_sense(case, settings):
    return all(subprocess.run(["sh", "-c", condition], env=environment(settings), check=False,
                              stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
               for condition in case.conditions)


def run_file(path, settings):
    """How many cases failed."""
    with open(path, encoding="utf-8") as lines:
        cases = parse(lines)
    failed = skipped = 0
    for case in cases:
        if not makes_sense(case, settings):
            print("skipped: " + case.name)
            skipped += 1
            continue
        problems = run_case(case, settings)
        failed += bool(problems)
        print(("not ok: " if problems else "ok: ") + case.name)
        print("\n".join(problems), end="\n" if problems else "")
    print(f"{len(cases) - failed - skipped} of {len(cases)} cases passed, {skipped} skipped")
    return failed if cases else 1


def main(path, settings):
    with tempfile.TemporaryDirectory(prefix="memtrace-cli-tools-") as place:
        if os.environ.get("MESON_EXE_WRAPPER") and "PATH" in settings:
            settings["PATH"] = emulated(settings["PATH"], place)
        return run_file(path, settings)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], dict(a.split("=", 1) for a in sys.argv[2:])) else 0)
