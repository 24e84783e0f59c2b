"""Running jobs, traced and bare, and where their files go."""
import glob
import os
import subprocess
import sys

import traceread

HERE = os.path.relpath(os.path.dirname(os.path.abspath(__file__)))
WORK = os.environ.get("GPU_TEST_WORK", os.path.join(traceread.BUILD, "gpu-work"))
LOGDIR = os.environ.get("GPU_TEST_LOGDIR", WORK)


def script(name):
    return os.path.join(HERE, name)


def work(name):
    os.makedirs(WORK, exist_ok=True)
    return os.path.join(WORK, name)


def library():
    """libmemtrace.so of the build."""
    path = os.path.abspath(os.path.join(traceread.BUILD, "src", "shim", "libmemtrace.so"))
    if not os.path.exists(path):
        raise traceread.ToolError(f"{path} is not there")
    return path


def python(name, *args):
    return [sys.executable, script(name), *map(str, args)]


def launched(trace, command):
    """The command under the launcher."""
    return [traceread.tool("memtrace"), "-f", "-q", "-o", trace, "--", *command]


def preloaded(trace, environment=None):
    """The environment of a job that is traced without the launcher."""
    return {**(environment or os.environ), "LD_PRELOAD": library(), "MEMTRACE_OUTPUT": trace,
            "MEMTRACE_FORCE": "1"}


def matching(start, end):
    """Files of the work folder by how their names begin and end."""
    return sorted(path for path in glob.glob(os.path.join(WORK, start + "*" + end)))


def remove(*paths):
    for path in paths:
        for name in (path, path + ".ring"):
            if os.path.exists(name):
                os.unlink(name)


def run(command, environment=None, log=None):
    """Run to the end; (exit code, stdout, stderr). Output is kept in `log` too."""
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False)
    if log:
        with open(log, "w", encoding="utf-8") as file:
            file.write("$ " + " ".join(command) + f"\nexit {done.returncode}\n--- stdout\n"
                       + done.stdout + "--- stderr\n" + done.stderr)
    return done.returncode, done.stdout, done.stderr
