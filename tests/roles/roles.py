#!/usr/bin/env python3
"""Whether memtrace-analyze tells what blocks are for, over jobs whose blocks are known.

usage: roles.py JOB TOOLDIR              every shape once or twice, for every run of the tests
       roles.py JOB TOOLDIR --update DOC more of each; the table of DOC is written anew
       roles.py JOB TOOLDIR --show SHAPE SEED   the confusion of one, by rule

JOB is roles-job. Each rule must be in docs/categories.md. Right are bytes whose category is what
the job made them for: at the moment when most is allocated, and over the whole trace as bytes times
lifetime. Unknown is wrong.
"""
import collections
import concurrent.futures
import csv
import os
import re
import shlex
import subprocess
import sys
import tempfile

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ITERATIONS = 12

# What is expected of each job. Its iterations are found, and not layers or micro-batches, but for
# one at an end. The peak is what a planner works with, and PyTorch's own categories are held to the
# same share there. Over the whole trace one iteration of twelve, 8 %, may lie before the first one
# that is found: nothing is known of its phases. Inference is the forward pass alone, and has no
# phases.
LEAST_PEAK, LEAST_ALL = 0.95, 0.90


def run(*command):
    done = subprocess.run([*EMULATOR, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def read_truth(path):
    """[{address, birth, death, size, category}]"""
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return [dict(zip(("address", "birth", "death", "size"), map(int, row)), category=row[4])
            for row in rows]


def read_csv(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def judge(job, tools, shape, seed):
    """Facts of one job: bytes by (truth, found, rule), at the peak and times lifetime."""
    with tempfile.TemporaryDirectory() as folder:
        trace, truth, out = (os.path.join(folder, name) for name in ("j.mtrace", "truth", "csv"))
        run(job, shape, str(seed), str(ITERATIONS), trace, truth)
        run(os.path.join(tools, "memtrace-analyze"), "-q", "--csv", out, "--with=roles", trace)
        known = read_truth(truth)
        roles = {row["block_id"]: row for row in read_csv(os.path.join(out, "roles.csv"))}
        found = {(int(row["address"], 16), int(row["birth_ns"])): roles.get(row["block_id"])
                 for row in read_csv(os.path.join(out, "blocks.csv")) if row["level"] == "block"}
        iterations = len(read_csv(os.path.join(out, "iterations.csv")))
        moment = int(read_csv(os.path.join(out, "peak.csv"))[0]["time_ns"])
    at_peak, over_all, missing = collections.Counter(), collections.Counter(), 0
    for block in known:
        role = found.get((block["address"], block["birth"]))
        missing += role is None
        found_as = (role["category"], role["rule"]) if role else ("none", "")
        key = (block["category"], *found_as)
        over_all[key] += block["size"] * (block["death"] - block["birth"])
        if block["birth"] <= moment < block["death"]:
            at_peak[key] += block["size"]
    return {"shape": shape, "seed": seed, "iterations": iterations, "blocks": len(known),
            "missing": missing, "peak": at_peak, "all": over_all}


def is_astray(result):
    return not ITERATIONS - 1 <= result["iterations"] <= ITERATIONS + 1


def share(bytes_by_key):
    right = sum(size for (truth, found, _), size in bytes_by_key.items() if truth == found)
    return right / max(1, sum(bytes_by_key.values()))


def worst(bytes_by_key):
    """The largest part that is wrong: 'activation taken for temporary'."""
    wrong = collections.Counter()
    for (truth, found, _), size in bytes_by_key.items():
        if truth != found:
            wrong[f"{truth} taken for {found}"] += size
    (text, size), = wrong.most_common(1) or [("", 0)]
    part = size / max(1, sum(bytes_by_key.values()))
    return f"{text} ({100 * part:.2f} %)" if part >= 0.0001 else ""


def listed(job):
    return dict(line.split("\t") for line in run(job, "list").splitlines())


def judge_all(job, tools, pairs):
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda pair: judge(job, tools, *pair), pairs))


def untold():
    """Rules of roles.def that docs/categories.md does not have in a row with their category."""
    path = os.path.join(ROOT, "src", "analysis", "answers", "roles.def")
    with open(path, encoding="utf-8") as file:
        rules = re.findall(r"^RULE\((\w+), (\w+),", file.read(), flags=re.M)
    with open(os.path.join(ROOT, "docs", "categories.md"), encoding="utf-8") as file:
        page = file.read()
    return [f"docs/categories.md: no row '| `{rule}` | {category} |'" for rule, category in rules
            if f"| `{rule}` | {category} |" not in page]


def check(job, tools):
    wrong = untold()
    results = judge_all(job, tools, [(shape, seed) for shape in listed(job) for seed in (1, 2)])
    wrong += [f"{r['shape']}, seed {r['seed']}: {r['iterations']} iterations of {ITERATIONS}"
              for r in results if is_astray(r)]
    for r in results:
        name = f"{r['shape']}, seed {r['seed']}"
        if r["missing"]:
            wrong.append(f"{name}: {r['missing']} of {r['blocks']} blocks have no category")
        for what, least in (("peak", LEAST_PEAK), ("all", LEAST_ALL)):
            if share(r[what]) < least and not is_astray(r):
                wrong.append(f"{name}: {what}: {100 * share(r[what]):.1f} % of the bytes are "
                             f"right; {worst(r[what])}")
    print("\n".join(wrong) if wrong else f"{len(results)} jobs: categories as expected")
    return 1 if wrong else 0


def rows(job, tools, seeds):
    yield ("| job | what it is | iterations found | at the peak | the worst | "
           "of bytes x lifetime | the worst | largest mistake |")
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for shape, doc in listed(job).items():
        results = judge_all(job, tools, [(shape, seed) for seed in seeds])
        total = collections.Counter()
        for r in results:
            total.update(r["all"])
        found = sum(not is_astray(r) for r in results)
        cells = [shape, doc, f"in {found} of {len(results)}"]
        for what in ("peak", "all"):
            shares = [share(r[what]) for r in results]
            cells += [f"{100 * sum(shares) / len(shares):.1f} %", f"{100 * min(shares):.1f} %"]
        yield f"| {' | '.join(cells)} | {worst(total)} |"


def update(job, tools, path):
    lines = "\n".join(rows(job, tools, range(101, 111)))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text, times = re.subn(r"(<!-- figures: categories -->\n).*?(<!-- end -->)",
                          lambda match: match.group(1) + lines + "\n" + match.group(2), text,
                          flags=re.S)
    if times != 1:
        raise SystemExit(f"{path} has no table of categories")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(lines)


def show(job, tools, shape, seed):
    r = judge(job, tools, shape, seed)
    print(f"{r['iterations']} iterations, {r['blocks']} blocks, {r['missing']} without category")
    for what in ("peak", "all"):
        print(f"{what}: {100 * share(r[what]):.2f} %")
        total = sum(r[what].values())
        for (truth, found, rule), size in r[what].most_common():
            if truth != found:
                print(f"  {100 * size / total:6.2f} %  {truth} taken for {found} by {rule}")


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    job, tools = map(os.path.abspath, arguments[:2])
    if len(arguments) == 2:
        return check(job, tools)
    if arguments[2] == "--update" and len(arguments) == 4:
        update(job, tools, arguments[3])
    elif arguments[2] == "--show" and len(arguments) == 5:
        show(job, tools, arguments[3], int(arguments[4]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
