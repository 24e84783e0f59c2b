#!/usr/bin/env python3
"""Every function of cuda.h that could matter is hooked, or it is said here why not.

usage: lint_driver.py CUDA_INCLUDE_DIR VERSION_SCRIPT COMPILER...

Could matter: what takes, gives back, fills or maps memory, launches, captures, or loads code. What
only headers newer than this list have is told, not refused: a stranger's toolkit is no fault.
"""
import re
import subprocess
import sys

import lint_symbols
import tree

NEWEST = 13050

MATTERS = re.compile(
    r"cu(Mem(Alloc|Free|cpy|set|Host|Create|Release|Map|Unmap|Address|Pool|Prefetch|Discard|Batch"
    r"|Advise|Import|Retain)|Launch|Fabric|(Array|Array3D|MipmappedArray)(Create|Destroy)"
    r"|Graph(Launch|Instantiate|Exec|AddNode|ics)|Module(Load|Unload|GetGlobal)"
    r"|Library(Load|Unload|Get(Global|Managed|Unified))|Stream(Begin|End|Attach|Write|Batch)"
    r"|Ipc(Open|Close)|(|Import|Destroy)ExternalMemory|Multicast(Create|Bind|Unbind)"
    r"|(|Green)Ctx(Create|Destroy)|DevicePrimaryCtxRe|LogicalEndpoint(Create|Bind|Unbind|Destroy))")

# Names without _ptsz and _ptds. The first generation of what is hooked as _v2 is left out by rule:
# its addresses have 32 bits.
LEFT_OUT = {
    "asks or sets what moves no memory":
        r"cuMem(HostGet|PoolGet|PoolSetAccess|PoolExport)\w*|cuGraphExecGet\w+|cuIpcOpenEventHandle"
        r"|cuLibraryGetUnifiedFunction",
    "runs on the host": r"cuLaunchHostFunc\w*|cuGraphExecHostNodeSetParams",
    "waits, signals or writes a word":
        r"cuStream(WriteValue|BatchMemOp)\w+|cuStreamBatchMemOp"
        r"|cuGraphExec(BatchMemOp|Event|ExternalSemaphores)\w+",
    "maps what events of its own already tell of, at addresses that are reserved":
        r"cuMulticast(Bind|Unbind)\w*|cuMemMapArrayAsync",
    "ends when its memory has been freed": r"cuMemPoolDestroy|cuDestroyExternalMemory",
    "names memory that another call maps": r"cuImportExternalMemory",
    "hints about managed memory": r"cuMemDiscard\w+|cuStreamAttachMemAsync",
    "memory of graphics libraries": r"cuGraphics\w+|cuStream(Begin|End)CaptureToCig",
    "decompression, docs/recording.md": r"cuMemBatchDecompressAsync",
    "memory of other machines": r"cuFabricCpyBatchAsync|cuLogicalEndpoint\w+",
    "a part of a primary context": r"cuGreenCtx\w+",
    "recording begins a call later": r"cuCtxCreate",
}


def preprocessed(compiler, include):
    text = "#define __CUDA_API_VERSION_INTERNAL\n#include <cuda.h>\nthe_version = CUDA_VERSION\n"
    return subprocess.run([*compiler, "-E", "-P", "-x", "c", "-I" + include, "-"], input=text,
                          capture_output=True, text=True, check=True).stdout


def is_first_of(name, hooked):
    """Of a function with later variants, of which one is hooked."""
    return not re.search(r"_v\d+$", name) and name + "_v2" in hooked


def unexplained(text, hooked):
    """Functions that matter and are neither hooked nor left out for a reason."""
    reasons = re.compile("|".join(LEFT_OUT.values()))
    for name in sorted(set(re.findall(r"\b(cu[A-Z]\w+)\s*\(", text)) - hooked):
        base = re.sub(r"_pt[sd][sz]$", "", name)
        if MATTERS.match(base) and not reasons.fullmatch(base) and not is_first_of(base, hooked):
            yield name


def check(include, script, *compiler):
    text = preprocessed(compiler, include)
    version = int(re.search(r"the_version = (\d+)", text)[1])
    for name in unexplained(text, lint_symbols.export_list(script)):
        problem = f"{name} of cuda.h {version} is neither hooked nor in LEFT_OUT"
        if version > NEWEST:
            print("newer than this test:", problem, file=sys.stderr)
        else:
            yield problem


if __name__ == "__main__":
    tree.run(check)
