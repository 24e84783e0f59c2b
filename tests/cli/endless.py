#!/usr/bin/env python3
"""A loop beyond the iterations that are listed takes no more memory for being longer.

usage: endless.py TOOLDIR

A block comes and goes. Behind the last iteration that is listed the rest of the trace is one span;
it is judged in parts, and what is over must not be kept until its end.
"""
import os
import subprocess
import sys
import tempfile

SHORT, LONG = 2_700_000, 4_400_000  # iterations of two events; 2,097,152 are listed
MOST = 1.3
PEAK = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)")


def write(tools, path, times):
    with subprocess.Popen([os.path.join(tools, "memtrace-import"), "csv", "-", "-q", "-o", path],
                          stdin=subprocess.PIPE, text=True) as log:
        log.stdin.write("time_ns,op,address,size_bytes\n")
        log.stdin.writelines(f"{i}00,alloc,65536,512\n{i}50,free,65536,\n"
                             for i in range(1, times + 1))
        log.stdin.close()
        if log.wait() != 0:
            raise SystemExit("memtrace-import failed")


def peak_kib(tools, path):
    command = [os.path.join(tools, "memtrace-analyze"), "-q", "--table=patterns", path]
    done = subprocess.run([sys.executable, "-c", PEAK, *command], stdout=subprocess.PIPE, text=True,
                          check=True)
    return int(done.stdout)


def main(arguments):
    tools, = map(os.path.abspath, arguments)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{times}.mtrace") for times in (SHORT, LONG)]
        for path, times in zip(paths, (SHORT, LONG)):
            write(tools, path, times)
        short, long = (peak_kib(tools, path) for path in paths)
        good = long <= MOST * short
        print(f"{'ok' if good else 'not ok'}: {short >> 10} MiB for {SHORT:,}, "
              f"{long >> 10} MiB for {LONG:,}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
