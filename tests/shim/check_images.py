#!/usr/bin/env python3
"""Layouts out of images that nvcc makes: machine code and PTX, plain and packed in every way that
it knows, say the same, and what the language says they are.

usage: check_images.py NVCC SOURCE LAYOUTS FOLDER
"""
import os
import shutil
import subprocess
import sys

MODES = ("size", "speed")
CODE = {"cubin": "-gencode=arch=compute_90,code=sm_90",
        "ptx": "-gencode=arch=compute_90,code=compute_90"}
EXPECTED = {
    "scalars": "0:1 2:2 4:1 8:8 16:4 24:8 32:1", "structures": "0:1 16:48 64:1 72:16 88:8",
    "large": "0:3200 3200:8", "nothing": "", "_Z9templatedIfEvPT_5Mixedi": "0:8 8:16 24:4",
    "_Z9templatedIcEvPT_5Mixedi": "0:8 8:16 24:4",
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def modes_of(nvcc):
    """The ways of packing that this nvcc knows: none before 12.8."""
    return MODES if "compress-mode" in run(nvcc, "--help").stdout else ()


def layouts(program, image):
    """{kernel: its parameters}"""
    lines = run(program, image).stdout.splitlines()
    return {line.split(" ")[0]: " ".join(line.split(" ")[1:]) for line in lines}


def packed_by(image):
    """Which packings a fat binary holds, by the flags of its parts."""
    with open(image, "rb") as file:
        data = file.read()
    found, at = set(), int.from_bytes(data[6:8], "little")
    while at + 64 <= len(data):
        header, size = (int.from_bytes(data[at + place:at + place + bytes_], "little")
                        for place, bytes_ in ((4, 4), (8, 8)))
        flags = int.from_bytes(data[at + 40:at + 48], "little")
        found |= {name for bit, name in ((0x2000, "LZ4"), (0x8000, "zstd")) if flags & bit}
        at += header + size
    return found


def main(nvcc, source, program, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    images = {"text": ["-ptx", "-arch=compute_90"], "elf": ["-cubin", "-arch=sm_90"]}
    for code, generate in CODE.items():
        images[f"{code}-usual"] = ["-fatbin", generate]
        for mode in modes_of(nvcc):
            images[f"{code}-{mode}"] = ["-fatbin", f"--compress-mode={mode}", generate]
    packings = set()
    for name, flags in images.items():
        image = os.path.join(folder, name)
        done = run(nvcc, *flags, "-o", image, source)
        if done.returncode != 0:
            sys.exit(f"{name}: nvcc: {done.stderr}")
        found = layouts(program, image)
        if found != EXPECTED:
            sys.exit(f"{name}: {found}\nexpected {EXPECTED}")
        packings |= packed_by(image) if "-fatbin" in flags else set()
    print(f"{len(images)} images, packed with {' and '.join(sorted(packings))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
