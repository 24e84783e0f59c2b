#!/usr/bin/env python3
"""Damaged programs and libraries answer little or nothing, and end nobody's process.
usage: damage.py NAMES SAMPLE.cc FOLDER [ROUNDS [SEED]]

One program is damaged again and again: cut, bytes of its headers and debug sections changed, its
symbol and string tables filled with noise. NAMES must come to its end each time, soon.
"""
import os
import random
import re
import shutil
import subprocess
import sys

TIMEOUT = 60


def sections(path):
    """Name -> (offset, size) of what may be damaged."""
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r"\] (\.\S+)\s+(\w+)\s+[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", text)
    return {name: (int(offset, 16), int(size, 16)) for name, kind, offset, size in found
            if kind != "NOBITS" and (name.startswith((".debug", ".sym", ".str", ".eh", ".dyn"))
                                     or name == ".shstrtab")}


def damage(random_source, data, places):
    """A damaged copy of data."""
    data = bytearray(data)
    way = random_source.random()
    if way < 0.1:
        return data[:random_source.randrange(len(data))]
    if way < 0.3:  # the headers: of the file, and of its sections at the end
        begin, size = random_source.choice([(0, 64), (len(data) - 2048, 2048)])
    else:
        begin, size = random_source.choice(list(places.values()))
    for _ in range(random_source.choice([1, 2, 8, 64])):
        at = begin + random_source.randrange(max(size, 1))
        if at < len(data):
            data[at] = random_source.choice([0, 0xff, 0x80, 1, random_source.randrange(256)])
    return data


def main(names, sample, folder, rounds="40", seed="1"):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    whole, path = os.path.join(folder, "whole"), os.path.join(folder, "damaged")
    subprocess.run([os.environ.get("CXX", "c++"), "-O2", "-g", "-DMAIN", "-Wl,--build-id=none",
                    "-o", whole, sample], check=True)
    places = sections(whole)
    with open(whole, "rb") as file:
        data = file.read()
    source = random.Random(int(seed))
    addresses = "\n".join(f"{a:x}" for a in range(0x1000, 0x2000, 7))
    bad = 0
    for i in range(int(rounds)):
        with open(path, "wb") as file:
            file.write(damage(source, data, places))
        try:
            code = subprocess.run([names, "", "", path, ""], input=addresses, text=True,
                                  stdout=subprocess.DEVNULL, timeout=TIMEOUT,
                                  check=False).returncode
        except subprocess.TimeoutExpired:
            code = "too long"
        if code != 0:
            bad += 1
            shutil.copy(path, f"{path}-{i}")
            print(f"not ok: round {i} of seed {seed}: {code}; the file is {path}-{i}")
    print(f"{int(rounds) - bad} of {rounds} damaged programs were survived")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
