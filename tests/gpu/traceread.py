"""Reading a trace through the tools that users have: memtrace-dump and memtrace-analyze."""
import csv
import io
import json
import os
import shlex
import struct
import subprocess

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs
BUILD = os.environ.get("BUILD_DIR", "build-gpu")
HEADER = struct.Struct("<8sHHIQQQIB15sI")  # struct mt_file_header of src/format/layout.h
MAGIC = b"\x89MTRACE\n"


class ToolError(Exception):
    pass


def tool(name):
    return os.path.join(BUILD, "tools", name)


def run_tool(name, *args, accept=(0,)):
    done = subprocess.run([*EMULATOR, tool(name), *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)
    if done.returncode not in accept:
        raise ToolError(f"{name} {' '.join(args)} exited with {done.returncode}: "
                        + done.stderr.strip()[-600:])
    return done.stdout


def start_ns(path):
    """CLOCK_MONOTONIC at time 0 of the trace."""
    with open(path, "rb") as file:
        fields = HEADER.unpack(file.read(HEADER.size))
    if fields[0] != MAGIC:
        raise ToolError(f"{path} is not a trace")
    return fields[6]


def number(text):
    """A cell: a number where it is one (0x... too), else the text."""
    try:
        return int(text, 0)
    except (TypeError, ValueError):
        return text


def with_numbers(fields):
    return {key: int(value, 16) if isinstance(value, str) and value.startswith("0x") else value
            for key, value in fields.items()}


def events(path, *kinds, accept=(0,)):
    """Events of these kinds (all, if none is named) in order, each a dict of its fields; its kind
    is under "event", addresses and handles are numbers."""
    args = ["--format", "jsonl"] + (["--kind", ",".join(kinds)] if kinds else []) + [path]
    for line in run_tool("memtrace-dump", *args, accept=accept).splitlines():
        yield json.loads(line, object_hook=with_numbers)


def table(path, name, accept=(0,)):
    """The rows of a table of memtrace-analyze, each a dict. `path` may be a list of them."""
    paths = [path] if isinstance(path, str) else path
    text = run_tool("memtrace-analyze", "--table", name, "--format", "csv", *paths, accept=accept)
    return [{key: number(value) for key, value in row.items()}
            for row in csv.DictReader(io.StringIO(text))]
