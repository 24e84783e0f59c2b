#!/usr/bin/env python3
"""examples/cublas: whose memory is it? Matrices are the program's, what cuBLAS takes is named as
its own, and cuDNN's workspaces are blocks of PyTorch.

usage: example_cublas.py
"""
import glob
import os
import re
import sysconfig

import example_cuda
import exampletest
import known_calls
import outcome

PRODUCTS, SIDE = 400, 2048
STEPS = 20


def cublas_path():
    """The toolkit's libraries, and those of Python's packages."""
    packages = sysconfig.get_paths()["purelib"]
    places = [known_calls.library_path(),
              *glob.glob(os.path.join(packages, "nvidia", "*", "lib"))]
    return os.pathsep.join(places)


def check_gemm(out):
    program = example_cuda.build("gemm", "examples/cublas/gemm.c", "-ldl")
    run = exampletest.Example(out, "gemm", [program], {"LD_LIBRARY_PATH": cublas_path()},
                              ["--nvml-ms=10"])  # it is over soon
    if not run.good:
        return None
    run.check_sound()
    libraries = run.libraries()
    out.equal(libraries.get("gemm"), [3, 3 * 4 * SIDE * SIDE], "the program's own allocations")
    theirs = {name: counts for name, counts in libraries.items()
              if name.startswith("libcublas")}
    out.check(sum(counts[1] for counts in theirs.values()) > 0,
              f"nothing was taken by cuBLAS: {libraries}")
    out.equal(set(libraries) - set(theirs), {"gemm"}, "who else allocates")
    matrices = [row for row in run.table("blocks") if row["size_bytes"] == 4 * SIDE * SIDE]
    out.equal(len([row for row in matrices if row["writes"] == 1
                   and row["touches"] >= PRODUCTS]), 3, "matrices that every product touches")
    run.analyze()
    run.analyze("--table=accounting")
    run.shown = [line.replace(program, "./gemm") for line in run.shown]
    out.figures["libraries"] = libraries
    return run.shown, sum(counts[1] for counts in theirs.values())


def check_conv(out):
    exampletest.needs("torch")
    run = exampletest.Example(out, "conv", ["python3", "examples/cublas/conv.py", str(STEPS)])
    if not run.good:
        return []
    summary = run.check_sound()
    told = [int(number) for number in re.findall(r"(?:allocated|reserved) (\d+)", run.output)]
    out.equal([summary["device.0.allocator_peak_allocated_bytes"],
               summary["device.0.allocator_peak_reserved_bytes"]], told,
              "most bytes allocated and reserved, as PyTorch says")
    run.analyze("--table=categories")
    run.analyze("--table=peak_blocks", most=exampletest.MORE)
    out.figures["conv_libraries"] = run.libraries()
    return run.shown


def check(out, _arguments):
    gemm = check_gemm(out)
    conv = check_conv(out)
    if gemm:
        out.figures["shown"] = gemm[0][1:] + conv
        out.headline = f"{gemm[1] / (1 << 20):.0f} MiB taken by cuBLAS, named"


if __name__ == "__main__":
    outcome.main(check)
