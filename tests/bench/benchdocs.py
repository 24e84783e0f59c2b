#!/usr/bin/env python3
"""What README.md and docs/analysis.md say of the analyzer's speed, and docs/recording.md of what a
hook costs, from results.csv.

usage: benchdocs.py           write it into the pages
       benchdocs.py --check   exit 1 if a page says something else
"""
import csv
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
QUESTIONS = (("sites", "who holds memory (`--table=sites`)"),
             ("replay", "what kernels touch (`--table=kernels`)"), ("summary", "the screen"),
             ("csv", "all tables as CSV"))
AGAINST = (("training_sites", "who holds memory, of a training job"),
           ("training_replay", "what kernels touch, of a training job"),
           ("training_summary", "the screen of a training job"),
           ("pairs_sites", "who holds memory, of the same allocations and frees"),
           ("pairs_summary", "the screen of the same allocations and frees"))


class Rows:
    def __init__(self):
        with open(os.path.join(HERE, "results.csv"), encoding="utf-8", newline="") as file:
            self.rows = {row["name"]: row for row in csv.DictReader(file)}

    def median(self, name):
        row = self.rows.get(name)
        return f"{float(row['median']):.3g}" if row else "–"

    def whole(self, name):
        row = self.rows.get(name)
        return f"{float(row['median']):,.0f}" if row else "–"

    def range(self, name):
        row = self.rows.get(name)
        if not row:
            return "–"
        return f"{row['median']} ({row['low']} to {row['high']})"

    def sizes(self):
        """10, 102, ...: million events of the traces that were analyzed."""
        found = {re.fullmatch(r"analyze_summary_(\d+)M_events", name) for name in self.rows}
        return sorted(int(match[1]) for match in found if match)

    def machine(self):
        return self.rows["analyze_summary_10M_events"]["machine"]


def hooked(rows):
    """The same call from one thread, and from eight at once."""
    alone, at_once = ([rows.median(f"hook_{name}_{threads}_threads")
                       for name in ("launch", "alloc_free", "block")] for threads in (1, 8))
    return (f"| a launch with three pointers, an allocation or free, a block | {alone[0]}, "
            f"{alone[1]} and {alone[2]} ns added; from eight threads at once {at_once[0]}, "
            f"{at_once[1]} and {at_once[2]} |\n")


def readme(rows):
    small, large = rows.sizes()[0], rows.sizes()[1]
    return (
        f"| `memtrace-analyze` | {rows.median(f'analyze_replay_{small}M_events')} million events a "
        "second and core for the replay; for the ten lines of the screen "
        f"{rows.median(f'analyze_summary_{small}M_events')} million of a trace of {small} million "
        f"events and of one of {large} million "
        f"{rows.median(f'analyze_summary_{large}M_events')}; "
        f"{rows.median(f'analyze_csv_{small}M_events')} million for all tables as CSV (what a "
        "second core that reads ahead saves: [docs/analysis.md](docs/analysis.md)); "
        f"{rows.median(f'analyze_summary_{small}M_memory')} MiB for {small} and "
        f"{rows.median(f'analyze_summary_{large}M_memory')} for {large} million events |\n")


def speeds(rows):
    yield "| what | events | on one processor | by the clock | all processors' time | memory |\n"
    yield "|---|---|---|---|---|---|\n"
    for question, what in QUESTIONS:
        for size in rows.sizes():
            name = f"analyze_{question}_{size}M"
            if name + "_events" not in rows.rows:
                continue
            yield (f"| {what} | {size} M | {rows.range(name + '_events')} | "
                   f"{rows.range(name + '_clock')} | {rows.median(name + '_spent')} | "
                   f"{rows.median(name + '_memory')} MiB |\n")


def executed(rows):
    yield "| what | instructions of each further event | once, millions |\n"
    yield "|---|---|---|\n"
    for question, what in QUESTIONS:
        name = f"analyze_{question}_instructions"
        yield f"| {what} | {rows.whole(name)} | {rows.whole(name + '_once')} |\n"


def against(rows):
    yield "| memtrace-analyze | on one processor | times heaptrack_print | by the clock | times |\n"
    yield "|---|---|---|---|---|\n"
    for name, what in AGAINST:
        yield (f"| {what} | {rows.range('same_' + name)} | "
               f"{rows.median(name + '_over_heaptrack')} | {rows.range(f'same_{name}_clock')} | "
               f"{rows.median(name + '_over_heaptrack_clock')} |\n")
    yield (f"| heaptrack_print | {rows.range('same_heaptrack_print')} | 1 | "
           f"{rows.range('same_heaptrack_print_clock')} | 1 |\n")


PAGE = """\
Million events a second, median and range; {machine}. One processor: its time, with no other one at
hand. By the clock: with all at hand, of which a second one reads ahead; other work on the machine
counts. All processors' time: of the same runs.

{speeds}
Such times depend on what else a machine has to do, by a third on this one. What is executed does
not (`bench.py BUILDDIR instructions`: traces of 2 and 4 million events under callgrind). What is
done once is mostly the search of the first million events for rhythms.

{executed}
Beside heaptrack_print, in turn with it, which reads what heaptrack recorded of a program of mallocs
and frees at depth 20, and tells what table `sites` tells: who holds memory, and who held it when it
was most. A training job is a trace of as many events, but of other ones: launches with
their pointers beside allocations and frees. The same allocations and frees are a trace of blocks of
the same sizes in the same order, without stacks; there each pair is an iteration to the search for
rhythms, so the screen has as many iterations to compare.

{against}"""


def page(rows):
    return PAGE.format(machine=rows.machine(), speeds="".join(speeds(rows)),
                       executed="".join(executed(rows)), against="".join(against(rows)))


HOOKS = (("launch", "launch", "`cuLaunchKernel`, three pointers"),
         ("launch_ex", "launch_ex", "`cuLaunchKernelEx`, three pointers"),
         ("launch_large", "launch_large", "a structure of 2,880 bytes"),
         ("alloc_free", "alloc_free_alloc", "`cuMemAlloc`"),
         ("alloc_free", "alloc_free_free", "`cuMemFree`"),
         ("block", "block_alloc", "a block handed out"),
         ("block", "block_free", "a block taken back"))


def hooks(rows):
    """In a loop and cold a row tells of a pair of calls, their lines are counted apart."""
    yield ("| call | in a loop | where other code ran before | code lines | data lines read | "
           "written | pages |\n")
    yield "|---|---|---|---|---|---|---|\n"
    for time, lines, what in HOOKS:
        yield (f"| {what} | {rows.median(f'hook_{time}_1_threads')} | "
               f"{rows.range(f'hook_{time}_cold')} | " +
               " | ".join(rows.median(f"hook_{lines}_{figure}")
                          for figure in ("code", "read", "written", "pages")) + " |\n")


def places(rows):
    """Where figures stand: the page, what is found there, and what should be."""
    yield ("README.md", r"(?m)^\| `memtrace-analyze` \| .*\d million events a second.*\n",
           readme(rows))
    yield "README.md", r"(?m)^\| a launch with three pointers, .*\n", hooked(rows)
    yield (os.path.join("docs", "analysis.md"),
           r"(?s)(?<=<!-- speed begins -->\n\n).*?(?=\n<!-- speed ends -->)", page(rows))
    yield (os.path.join("docs", "recording.md"),
           r"(?s)(?<=<!-- hooks begin -->\n\n).*?(?=\n<!-- hooks end -->)", "".join(hooks(rows)))


def renewed(rows):
    """Of each page its path, what it says and what it should say."""
    pages = {}
    for name, pattern, text in places(rows):
        path = os.path.join(ROOT, name)
        if name not in pages:
            with open(path, encoding="utf-8") as file:
                old = file.read()
            pages[name] = (path, old, old)
        path, old, new = pages[name]
        if not re.search(pattern, new):
            raise SystemExit(f"{name}: where the figures stand is not found")
        pages[name] = (path, old, re.sub(pattern, lambda _, text=text: text, new, count=1))
    return pages


def write():
    for path, _, new in renewed(Rows()).values():
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)


def main():
    if sys.argv[1:] == ["--check"]:
        wrong = [name for name, (_, old, new) in renewed(Rows()).items() if old != new]
        raise SystemExit(f"{', '.join(wrong)}: not what tests/bench/results.csv says: run "
                         "python3 tests/bench/benchdocs.py" if wrong else 0)
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    write()


if __name__ == "__main__":
    main()
