"""What the lint checks share: the files of the tree, and how a problem is reported."""
import os
import sys

SKIPPED_DIRS = {".git", "__pycache__", "out", ".debs", "subprojects"}
SOURCE_ENDS = (".c", ".h", ".def", ".S", ".py", ".sh")


def files(root, ends=SOURCE_ENDS):
    """Paths relative to root of every file with one of the endings, build folders left out."""
    found = []
    for folder, names, entries in os.walk(root):
        names[:] = [n for n in names if n not in SKIPPED_DIRS and not n.startswith("build")]
        names[:] = [n for n in names
                    if not os.path.exists(os.path.join(folder, n, "meson-private"))]
        for entry in entries:
            if entry.endswith(ends):
                found.append(os.path.relpath(os.path.join(folder, entry), root))
    return sorted(found)


def lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        return source.read().split("\n")


def report(problems):
    """Print every problem; the exit code of a check."""
    problems = list(problems)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems" if problems else "clean")
    return 1 if problems else 0


def run(check):
    """A check as a program: its arguments are those of the command line."""
    sys.exit(report(check(*sys.argv[1:])))
