#!/usr/bin/env python3
"""Names of a stripped program from a debuginfod server, here one of a few lines on this machine.

usage: debuginfod.py SHIM SIMCUDA DUMP ANALYZE PROGRAM FOLDER
"""
import csv
import ctypes
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import threading

from native_stacks import Job

SKIPPED = 77


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, {path: bytes}, and keeps in mind what was asked for."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


def build_id(program):
    text = subprocess.run(["readelf", "-n", program], check=True, capture_output=True,
                          text=True).stdout
    return re.search("Build ID: ([0-9a-f]+)", text).group(1)


def split(program, folder):
    """(stripped copy, its debug information, its build-id)"""
    stripped, debug = (os.path.join(folder, name) for name in ("stripped", "its.debug"))
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    subprocess.run(["strip", "-o", stripped, program], check=True)
    with open(debug, "rb") as file:
        return stripped, file.read(), build_id(program)


def frames(analyze, trace, folder, server):
    """Table frames as (function, line) of the program; the client keeps nothing between calls."""
    cache = os.path.join(folder, "cache")
    shutil.rmtree(cache, ignore_errors=True)
    environment = {**os.environ, "HOME": folder, "DEBUGINFOD_CACHE_PATH": cache,
                   "DEBUGINFOD_TIMEOUT": "5", "DEBUGINFOD_URLS": server.url() if server else ""}
    text = subprocess.run([analyze, "--table=frames", "--format=csv", trace], check=True,
                          env=environment, stdout=subprocess.PIPE, text=True, timeout=120).stdout
    return {(row["function"], row["line"]) for row in csv.DictReader(io.StringIO(text))
            if row["function"]}


def check(analyze, trace, folder, debug, number):
    path = f"/buildid/{number}/debuginfo"
    other = bytearray(debug)
    at = debug.find(bytes.fromhex(number))
    other[at] ^= 1  # the debug file of another build
    wrong = []

    def expect(what, server, named):
        found = frames(analyze, trace, folder, server)
        has = any(function.startswith("recursion") and line for function, line in found)
        print(f"{what}: {'with' if has else 'without'} names, "
              f"{len(server.asked) if server else 0} requests")
        if has != named or (server and path not in server.asked):
            wrong.append(what)

    expect("no server", None, False)
    expect("a server that has the file", Server({path: debug}), True)
    expect("a server that has it not", Server({}), False)
    expect("a server with another build's", Server({path: bytes(other)}), False)
    expect("a server with half of it", Server({path: debug[:len(debug) // 2]}), False)
    return int(bool(wrong))


def main(shim, simcuda, dump, analyze, program, folder):
    try:
        ctypes.CDLL("libdebuginfod.so.1")
    except OSError:
        print("skipped: libdebuginfod is not installed (apt-get install libdebuginfod1)")
        return SKIPPED
    if not shutil.which("objcopy"):
        print("skipped: objcopy is not installed (apt-get install binutils)")
        return SKIPPED
    os.makedirs(folder, exist_ok=True)
    stripped, debug, number = split(program, folder)
    job = Job(shim, simcuda, dump, stripped, folder)
    job.run(stripped)
    return check(analyze, job.trace, folder, debug, number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
