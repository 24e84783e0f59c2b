#!/usr/bin/env python3
"""What libmemtrace.so asks of a foreign process and what it puts into it.

usage: lint_symbols.py LIBRARY VERSION_SCRIPT

It calls nothing that ends the process or writes on its stdout, needs nothing but libc, and exports
exactly the names of the version script, which is made from the lists of hooks.
"""
import re
import subprocess

import tree

# Calls that end the process or speak on its stdout.
FORBIDDEN = {
    "abort", "exit", "_exit", "_Exit", "quick_exit", "__assert_fail", "__assert_perror_fail",
    "__assert", "__fortify_fail", "err", "errx", "verr", "verrx", "error", "error_at_line",
    "perror", "printf", "vprintf", "__printf_chk", "__vprintf_chk", "puts", "putchar",
    "putchar_unlocked", "stdout", "argp_parse", "getopt_long",
}
# Names that other C libraries lack. A program of theirs would not start if they were not weak.
GLIBC_ONLY = {
    "__register_atfork", "__sigaction", "_dl_find_object", "dlvsym", "fcntl64", "dlinfo", "dlmopen",
    "ssignal", "strerrordesc_np", "strerrorname_np", "__libc_single_threaded", "backtrace",
}
NEEDED = re.compile(r"(libc\.so\.\d+|ld-linux[-\w]*\.so\.\d+)$")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(library, which):
    """Names of the dynamic symbols, without versions."""
    found = set()
    for line in output("nm", "-D", which, library).splitlines():
        kind, name = line.split()[-2:]
        if kind not in "NA":
            found.add(name.split("@")[0])
    return found


def strong(library):
    """Undefined names that must be found."""
    lines = output("nm", "-D", "--undefined-only", library).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if line.split()[-2] == "U"}


def needed(library):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", "-W", library))


def export_list(path):
    """The names between global: and local:, quoted or not."""
    with open(path, encoding="utf-8") as script:
        text = script.read().partition("global:")[2].partition("local:")[0]
    return set(re.findall(r'"?(\w+)"?\s*;', text))


def check(library, exports):
    for name in sorted(symbols(library, "--undefined-only") & FORBIDDEN):
        yield f"{library} refers to {name}"
    for name in sorted(strong(library) & GLIBC_ONLY):
        yield f"{library} cannot do without {name}, which only glibc has (shim/guest/glibc.h)"
    for name in needed(library):
        if not NEEDED.match(name):
            yield f"{library} needs {name}; a preloaded library must need only libc"
    wanted, found = export_list(exports), symbols(library, "--defined-only")
    for name in sorted(found - wanted):
        yield f"{library} exports {name}, which is not on the list"
    for name in sorted(wanted - found):
        yield f"{library} does not export {name}, which is on the list"


if __name__ == "__main__":
    tree.run(check)
