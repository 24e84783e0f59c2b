#!/usr/bin/env python3
"""Iterations found in parts of real traces, against those of the whole ones.

usage: cuts.py BUILD [STEM...]

Each STEM.mtrace is cut at PLACES places, or, if none is named, all in tests/rhythm/real at FEW:
once so that it ends there, as of a job that was killed, and once so that it begins there, as of a
recording that was begun late. Whole iterations must be found as they are in the whole trace, and
the one that was cut must not be, unless nine tenths of it are there: in all parts but for one of
each trace, as a part may begin or end where nothing tells where iterations do. Prints a line for
each; exit 1 if one is not so.
"""
import bisect
import concurrent.futures
import csv
import glob
import io
import os
import random
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs
PLACES, FEW = 20, 3
# Of so many whole iterations at least all are found.
ENOUGH = 8
NEARLY = 0.9
MOST_WRONG = 1


class Tools:
    def __init__(self, build):
        self.cut = [*EMULATOR, os.path.join(build, "tests", "rhythm", "cuttrace")]
        self.analyze = [*EMULATOR, os.path.join(build, "tools", "memtrace-analyze")]
        self.dump = [*EMULATOR, os.path.join(build, "tools", "memtrace-dump")]

    def table(self, trace, name):
        done = subprocess.run([*self.analyze, f"--table={name}", "--format=csv", trace],
                              check=True, capture_output=True, text=True)
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def iterations(self, trace):
        """[(first event, events, begin in ns)]"""
        return [(int(row["first_event"]), int(row["events"]), int(row["start_ns"]))
                for row in self.table(trace, "iterations")]

    def events(self, trace):
        facts = {row["key"]: row["value"] for row in self.table(trace, "summary")}
        return int(facts["events"])

    def launches(self, trace):
        """Times of all launches."""
        done = subprocess.run([*self.dump, "--format=csv", "--kind=launch", trace], check=True,
                              capture_output=True, text=True)
        return [int(row["time_ns"]) for row in csv.DictReader(io.StringIO(done.stdout))]

    def iterations_of_part(self, trace, begin, end):
        with tempfile.TemporaryDirectory() as folder:
            part = os.path.join(folder, "part.mtrace")
            subprocess.run([*self.cut, trace, part, str(begin), str(end)], check=True)
            return self.iterations(part)


def share_within(row, begin, end):
    """Of an iteration, how much lies in the events from begin to end."""
    return (min(end, row[0] + row[1]) - max(begin, row[0])) / row[1]


def differences(whole, part, begin, end, launches):
    """What is wrong with iterations of the events from begin to end. Launches tell which is which:
    events are numbered anew, and what comes before an iteration's first launch, as the copy of its
    input, may be counted to it or to the one before."""
    first = [bisect.bisect_left(launches, row[2]) for row in whole]
    expected = {launch for launch, row in zip(first, whole)
                if share_within(row, begin, end) == 1
                and (not begin or row[0] - begin >= (1 - NEARLY) * row[1])}
    nearly = {launch for launch, row in zip(first, whole)
              if share_within(row, begin, end) >= NEARLY}
    found = {bisect.bisect_left(launches, row[2]) for row in part}
    if expected <= found <= nearly and len(found) == len(part):
        return None
    return (f"events {begin} to {end}, {len(expected)} whole iterations: {len(part)} found, "
            f"{len(expected - found)} missing, {len(found - nearly)} that are none")


def judge(tools, stem, places):
    """(all is right, lines that say so or what is not)"""
    trace, chance = stem + ".mtrace", random.Random(5)
    whole, events, launches = tools.iterations(trace), tools.events(trace), tools.launches(trace)
    low, high = whole[ENOUGH][0], whole[-1][0]
    parts = [(0, chance.randrange(low, events)) for _ in range(places)]
    parts += [(chance.randrange(whole[0][0], high - low), events) for _ in range(places)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(lambda part: tools.iterations_of_part(trace, *part), parts))
    wrong = [differences(whole, rows, *part, launches) for rows, part in zip(found, parts)]
    wrong = [line for line in wrong if line]
    name = os.path.basename(stem).removeprefix("rhythm_")
    line = f"{name}: {len(parts) - len(wrong)} of {len(parts)} parts have its iterations"
    return len(wrong) <= MOST_WRONG, [line, *wrong]


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    tools = Tools(arguments[0])
    stems = arguments[1:] or [path[:-len(".mtrace")] for path in
                              sorted(glob.glob(os.path.join(HERE, "real", "*.mtrace")))]
    places = PLACES if arguments[1:] else FEW
    results = [judge(tools, stem, places) for stem in stems]
    for good, lines in results:
        print("ok:" if good else "not ok:", "\n  ".join(lines))
    return 0 if results and all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
