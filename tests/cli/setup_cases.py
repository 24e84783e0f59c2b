#!/usr/bin/env python3
"""The parts of the quickstart that this machine would not reach: what tools/setup.sh installs and
what it leaves alone, and the way that is taken where there is a GPU.

usage: setup_cases.py ROOT BUILD

The programs of the system are stand-ins: setup.sh meets ones that say what is installed and note
what they were asked for. The quickstart meets an nvidia-smi that lists a GPU and a Python that has
PyTorch; below them lies the simulated device, and the screen names it.
"""
import os
import subprocess
import sys
import tempfile

FAILURES = []
NOTE = 'echo "$(basename "$0") $*" >>"$CALLS"\n'
# Each gets what is missing in MISSING, one word each.
STAND_INS = {
    "apt-get": NOTE + 'exit ${APT_STATUS:-0}\n',
    "sudo": NOTE + '[ "$1" = -n ] && shift\nexec "$@"\n',
    "id": "echo ${USER_ID:-0}\n",
    "cc": 'text=$(cat)\nfor word in $MISSING; do case $text in *$word*) exit 1 ;; esac; done\n',
    "pkg-config": 'for word in $MISSING; do [ "$2" != "$word" ] || exit 1; done; exit 0\n',
    "ninja": NOTE,
    "meson": NOTE + '[ "$1" != introspect ] || '
             'echo "[{\\"name\\": \\"tests\\", \\"value\\": ${TESTS:-true}}]"\n',
    "nvidia-smi": 'echo "GPU 0: a stand-in"\n',
}


def expect(condition, what, screen=""):
    if not condition:
        FAILURES.append(f"{what}\n{screen}")


def write_program(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def run(command, root, **environment):
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout


class Machine:
    """A machine on which setup.sh runs with stand-ins; `missing` is not installed there."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        self.calls = os.path.join(folder, "calls")
        self.build = os.path.join(folder, "build")
        self.programs = os.path.join(folder, "programs")
        os.mkdir(self.programs)
        for name, text in STAND_INS.items():
            write_program(self.programs, name, text)

    def setup(self, *arguments, built=False, **environment):
        """(exit status, screen, calls of stand-ins)"""
        for path in (self.calls, os.path.join(self.build, "build.ninja")):
            if os.path.exists(path):
                os.unlink(path)
        if built:
            os.makedirs(self.build, exist_ok=True)
            with open(os.path.join(self.build, "build.ninja"), "w", encoding="utf-8"):
                pass
        status, screen = run(
            ["sh", "tools/setup.sh", *arguments, self.build], self.root, CALLS=self.calls,
            PATH=self.programs + os.pathsep + os.environ["PATH"], **environment)
        if not os.path.exists(self.calls):
            return status, screen, []
        with open(self.calls, encoding="utf-8") as file:
            return status, screen, file.read().splitlines()


def asked(calls, *words):
    return any(all(word in call.split() for word in words) for call in calls)


FOR_REPORTS = "libdw iberty"


def test_quickstart_needs_little(machine):
    status, screen, calls = machine.setup(
        "-t", "quickstart", MISSING="check " + FOR_REPORTS, USER_ID="1000", CI="")
    expect(status == 0, "what only tests and reports want is not needed", screen)
    expect(not asked(calls, "apt-get") and not asked(calls, "sudo"), "apt was called", str(calls))
    expect(asked(calls, "meson", "setup", "-Dtests=false"), "without tests", str(calls))
    expect(asked(calls, "ninja", "quickstart"), "ninja gets the target", str(calls))
    expect("going on without libiberty-dev libdw-dev" in screen, "it says what is left out", screen)
    status, screen, calls = machine.setup("-t", "quickstart", MISSING="", CI="")
    expect(not asked(calls, "meson", "-Dtests=false"), "with tests where Check is", str(calls))
    expect("without" not in screen, "nothing is left out", screen)


def test_what_is_installed(machine):
    status, _, calls = machine.setup("-t", "quickstart", MISSING="libzstd " + FOR_REPORTS)
    expect(asked(calls, "apt-get", "install", "libzstd-dev", "libdw-dev", "libiberty-dev"),
           "what is wished comes along with what is needed", str(calls))
    expect(status == 0 and not asked(calls, "sudo"), "root needs no sudo", str(calls))
    _, _, calls = machine.setup("-t", "quickstart", MISSING="libzstd", USER_ID="1000")
    expect(asked(calls, "sudo", "install", "libzstd-dev"), "others need it", str(calls))
    _, _, calls = machine.setup(MISSING="check")
    expect(asked(calls, "apt-get", "install", "check"), "tests need Check", str(calls))
    _, _, calls = machine.setup(MISSING="libdw")
    expect(asked(calls, "apt-get", "install", "libdw-dev"), "and test names", str(calls))
    _, _, calls = machine.setup(MISSING="")
    expect(not asked(calls, "apt-get"), "all is there", str(calls))
    status, screen, _ = machine.setup("-t", "quickstart", MISSING="libzstd", APT_STATUS="100")
    expect(status != 0 and "could not install: libzstd-dev" in screen, "apt fails", screen)


def test_tests_come_later(machine):
    _, _, calls = machine.setup(built=True, MISSING="", TESTS="false")
    expect(asked(calls, "meson", "configure", "-Dtests=true"), "tests are added", str(calls))
    _, _, calls = machine.setup(built=True, MISSING="", TESTS="true")
    expect(not asked(calls, "configure"), "or are there", str(calls))
    _, _, calls = machine.setup("-t", "quickstart", built=True, MISSING="check", TESTS="false")
    expect(not asked(calls, "configure"), "or are not asked for", str(calls))


def test_gpu_branch(root, build, folder):
    """With a GPU: the CUDA program on it, and PyTorch where it is there."""
    mlp = os.path.join(build, "examples", "mlp", "mlp")
    python = write_program(folder, "python-with-torch", (
        f'case "$*" in *train.py*) exec "{mlp}" -s 3 ;; *"import torch"*) exit 0 ;; esac\n'
        f'exec "{sys.executable}" "$@"\n'))
    without = write_program(folder, "python-without", (
        'case "$*" in *"import torch"*) exit 1 ;; esac\n' f'exec "{sys.executable}" "$@"\n'))
    programs = os.path.join(folder, "gpu")
    os.mkdir(programs)
    write_program(programs, "nvidia-smi", STAND_INS["nvidia-smi"])
    for interpreter, names in ((python, ["mlp", "pytorch"]), (without, ["mlp"])):
        out = os.path.join(folder, os.path.basename(interpreter) + ".out")
        status, screen = run(
            ["sh", "examples/quickstart.sh"], root, OUT_DIR=out, BUILD_DIR=build,
            PYTHON=interpreter, PATH=programs + os.pathsep + os.environ["PATH"],
            LD_LIBRARY_PATH=os.path.join(build, "tests", "simcuda"), SIMULATED="")
        lines = screen.splitlines()
        expect(status == 0, "the quickstart fails", screen)
        expect(lines and lines[0] == "memtrace quickstart, on the GPU of this machine" and
               lines[-1] == "memtrace quickstart: done, on the GPU of this machine",
               "the first and last line say where", screen)
        traces = sorted(name[:-7] for name in os.listdir(out) if name.endswith(".mtrace"))
        expect(traces == names, f"traces: {traces}, expected {names}", screen)
        for name in names:
            expect(os.path.getsize(os.path.join(out, name, "blocks.csv")) > 100,
                   f"blocks of {name}", screen)
            expect(f"{out}/{name}/blocks.csv" in lines, f"reports of {name} are named", screen)


def main(arguments):
    root, build = (os.path.abspath(path) for path in arguments)
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(root, folder)
        test_quickstart_needs_little(machine)
        test_what_is_installed(machine)
        test_tests_come_later(machine)
        test_gpu_branch(root, build, folder)
    print("\n".join(FAILURES) if FAILURES else "setup.sh and quickstart.sh do as they say")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
