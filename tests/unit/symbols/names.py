#!/usr/bin/env python3
"""Functions, lines and inlined calls are those that addr2line tells, for programs built in many
ways; a file that is not the recorded one is not used. usage: names.py NAMES SAMPLE.cc FOLDER

The sample is built here with the C++ compiler of $CXX (or c++), objcopy and strip.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

failures = 0


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def check(what, good, more=""):
    global failures
    failures += not good
    print(("ok: " if good else "not ok: ") + what + ("" if good else "\n" + more))


class Names:
    """What the library says."""

    def __init__(self, program):
        self.program = program

    def __call__(self, path, build_id, addresses, sysroot="", debug_path="", env=None):
        text = run(self.program, sysroot, debug_path, path, build_id,
                   input="\n".join(f"{a:x}" for a in addresses),
                   env={**os.environ, "DEBUGINFOD_URLS": "", **(env or {})})
        answers, answer = [], []
        for line in text.splitlines():
            if line == ".":
                answers.append(answer)
                answer = []
            else:
                answer.append(tuple(line.split("\t")))
        assert len(answers) == len(addresses)
        return answers


def build_id(path):
    match = re.search(r"Build ID: (\w+)", run("readelf", "-n", path))
    return match.group(1) if match else ""


def calls(path):
    """Return addresses of every call in the program's own text."""
    code = run("objdump", "-d", "--no-show-raw-insn", "-j", ".text", path)
    lines = re.findall(r"^ +([0-9a-f]+):\t(\w+)", code, re.MULTILINE)
    return [int(after, 16) for (_, what), (after, _) in zip(lines, lines[1:])
            if what in ("call", "bl", "blr")]


def addr2line(path, addresses):
    """The reference: [(function, file:line)] of each address, innermost first."""
    text = run("addr2line", "-a", "-i", "-f", "-C", "-e", path,
               *(f"{address:#x}" for address in addresses))
    answers = []
    for part in re.split(r"^0x[0-9a-f]+\n", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        answers.append([(bare(f), re.sub(r" \(discriminator.*", "", where))
                        for f, where in zip(lines[::2], lines[1::2])])
    return answers


def bare(function):
    """Without parameters and return type: the library leaves them out."""
    text = function.replace("(anonymous namespace)", "{anonymous}").replace("operator()", "{call}")
    text = re.sub(r"::\{lambda\([^{}]*\)#", "::{lambda#", text)
    depth, begin, end = 0, 0, len(text)
    for i, c in enumerate(text):
        depth += (c == "<") - (c == ">")
        if c == "(" and depth == 0:
            end = i
            break
        if c == " " and depth == 0:
            begin = i + 1
    text = text[begin:end]
    return text.replace("{anonymous}", "(anonymous namespace)").replace("{call}", "operator()")


def same(ours, reference):
    """Paths may be written in different ways; a file without a line is no place in it."""
    def clean(answer):
        return [(bare(function),
                 "?" if where.endswith((":?", ":0")) else os.path.basename(where))
                for function, where in answer]
    return clean(ours) == clean(reference)


def compare(what, ours, reference, least):
    worse = [(a, b) for a, b in zip(ours, reference) if not same(a, b)]
    known = sum(bool(answer) and answer[0][0] != "?" for answer in ours)
    check(f"{what}: {known} addresses as addr2line says",
          not worse and known >= least,
          f"  {known} known of {len(ours)}, {len(worse)} differ: {worse[:1]}")


BUILDS = {
    "plain": ["-O2", "-g", "-DMAIN"],
    "unoptimized": ["-O0", "-g", "-DMAIN"],
    "static-pie": ["-O2", "-g", "-DMAIN", "-static-pie"],
    "no-pie": ["-O2", "-g", "-DMAIN", "-no-pie", "-fno-pie"],
    "shared": ["-O2", "-g", "-shared", "-fPIC"],
    "dwarf4": ["-O2", "-gdwarf-4", "-DMAIN"],
    "no-aranges": ["-O2", "-g", "-DMAIN", "-gno-pubnames"],
    "compressed": ["-O2", "-g", "-gz", "-DMAIN"],
    "sections": ["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections", "-DMAIN"],
}


def build(sample, folder, name, flags):
    path = os.path.join(folder, name)
    # Without the C library's checking functions, which some compilers bring in: addr2line does not
    # name those that lie inline.
    run(os.environ.get("CXX", "c++"), "-Wl,--build-id", "-fno-omit-frame-pointer",
        "-U_FORTIFY_SOURCE", *flags, "-o", path, sample)
    return path


def with_debug(names, sample, folder):
    for name, flags in BUILDS.items():
        path = build(sample, folder, name, flags)
        if name == "no-aranges":
            run("objcopy", "--remove-section=.debug_aranges", path)
        own = [a - 1 for a in calls(path)][:400]
        compare(name, names(path, build_id(path), own), addr2line(path, own), 10)


def without_debug(names, sample, folder):
    """The symbol table alone: function names, no lines."""
    path = build(sample, folder, "symbols-only", ["-O2", "-DMAIN"])
    own = [a - 1 for a in calls(path)]
    found = [answer[0][0] for answer in names(path, build_id(path), own) if answer]
    for wanted in ("run", "store::(anonymous namespace)::hidden", "store::Pool<int>::take"):
        check(f"symbols alone know {wanted}", wanted in found, f"  only {sorted(set(found))}")
    shared = build(sample, folder, "dynamic-only.so", ["-O2", "-shared", "-fPIC", "-s"])
    own = [a - 1 for a in calls(shared)]
    found = {answer[0][0] if answer else None for answer in names(shared, build_id(shared), own)}
    check("a stripped library has its exported names, and no others",
          {"run", "store::Pool<int>::take", None} <= found
          and not any(f and "hidden" in f for f in found), f"  {found}")


def separate(names, sample, folder):
    """Debug information in a file of its own, in all the places where it may lie."""
    full = build(sample, folder, "full", BUILDS["plain"])
    own = [a - 1 for a in calls(full)]
    reference, ident = addr2line(full, own), build_id(full)
    place = os.path.join(folder, "installed")
    os.makedirs(os.path.join(place, ".debug"))
    stripped, debug = os.path.join(place, "full"), os.path.join(folder, "full.dbg")
    run("objcopy", "--only-keep-debug", full, debug)
    shutil.copy(full, stripped)
    run("strip", stripped)
    bare_names = names(stripped, ident, own)
    check("a stripped program has no names", not any(bare_names), f"  {bare_names[:3]}")
    run("objcopy", f"--add-gnu-debuglink={debug}", stripped)
    for beside in (place, os.path.join(place, ".debug")):
        shutil.copy(debug, beside)
        compare(f"debuglink in {os.path.relpath(beside, folder)}", names(stripped, ident, own),
                reference, 10)
        os.remove(os.path.join(beside, "full.dbg"))
    by_id = os.path.join(folder, "by-id", ".build-id", ident[:2])
    os.makedirs(by_id)
    shutil.copy(debug, os.path.join(by_id, ident[2:] + ".debug"))
    paths = "/nowhere:" + os.path.join(folder, "by-id")
    compare("debug path by build-id", names(stripped, ident, own, debug_path=paths), reference, 10)
    compare("debug file without the program", names("/gone/full", ident, own, debug_path=paths),
            reference, 10)
    flat = os.path.join(folder, "flat")
    os.makedirs(flat)
    shutil.copy(debug, flat)
    compare("debug path by name", names(stripped, ident, own, debug_path=flat), reference, 10)
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "opt"))
    shutil.copy(full, os.path.join(root, "opt", "job"))
    compare("sysroot", names("/opt/job", ident, own, sysroot=root), reference, 10)
    check("without the sysroot nothing", not any(names("/opt/job", ident, own)))


def mismatch(names, sample, folder):
    path = build(sample, folder, "newer", BUILDS["plain"])
    own = [a - 1 for a in calls(path)]
    for what, ident in (("another build-id", "00" * 20), ("no build-id", "")):
        check(f"{what} was recorded: nothing is taken from the file",
              not any(names(path, ident, own)))
    bare_path = build(sample, folder, "without-id", [*BUILDS["plain"], "-Wl,--build-id=none"])
    own = [a - 1 for a in calls(bare_path)]
    compare("neither has a build-id", names(bare_path, "", own), addr2line(bare_path, own), 10)
    check("one was recorded, the file has none", not any(names(bare_path, "ab" * 20, own)))
    stripped, debug = os.path.join(folder, "stale"), os.path.join(folder, "stale.dbg")
    run("objcopy", "--only-keep-debug", bare_path, debug)
    run("objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", bare_path, stripped)
    compare("a debug file by its checksum", names(stripped, "", own),
            addr2line(bare_path, own), 10)
    with open(debug, "ab") as file:
        file.write(b"x")
    check("a debug file with another checksum", not any(names(stripped, "", own)))


def strange(names, folder):
    """What is no program answers nothing, at once."""
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    for path in (fifo, folder, "/dev/zero", "/dev/null", "/nowhere", "[vdso]", "", __file__):
        check(f"nothing in {path or 'no path'}", not any(names(path, "", [0, 1 << 63])))


def signal_return(names):
    """The C library's code that a signal handler returns to, stripped or not."""
    found = glob.glob("/lib/x86_64-linux-gnu/libc.so.6")
    if not found:
        print("skipped: no x86-64 C library here")
        return
    code = run("objdump", "-d", "--no-show-raw-insn", found[0])
    match = re.search(r"^ +([0-9a-f]+):\tmov +\$0xf,%rax\n.*\tsyscall", code, re.MULTILINE)
    address = int(match.group(1), 16)
    answer = names(found[0], build_id(found[0]), [address - 1, address + 64])
    check("the signal return is known as such", ("signal",) in answer[0], f"  {answer}")
    check("other code is not", ("signal",) not in answer[1])


def main(program, sample, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = Names(program)
    with_debug(names, sample, folder)
    without_debug(names, sample, folder)
    separate(names, sample, folder)
    mismatch(names, sample, folder)
    strange(names, folder)
    signal_return(names)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
