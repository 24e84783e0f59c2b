#!/usr/bin/env python3
"""A second reader, written from docs/memtrace-trace.5.md alone: what it reads from a trace must be
what memtrace-dump prints. usage: reader.py EVENT.DEF DUMP TRACE...

It knows the page's decoding rules and takes names and types of fields from event.def, which page.py
holds the page to. Only traces without damage; zstd(1) decompresses.
"""
import heapq
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import zlib

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs

HEADER = struct.Struct("<4sHBBIIIIQQQQII")
FILE_HEADER = struct.Struct("<8sHHIQQQIB15sI")
ENDERS = ("free", "unmap", "release", "block_free", "pool_free", "kernel", "code", "frame",
          "module", "string")
NAMING = ("launch", "access", "mark", "range_push", "range_start")  # the dump adds a name
DETAILS = ("code", "module")  # whose text goes on behind the NUL
SYMBOLS = {"launch": "kernel", "block_alloc": "size", "block_free": "size"}
WORD, MASK32 = 1 << 64, (1 << 32) - 1


def kinds_of(event_def):
    """{number: (name, [(field, type)], tail type or None)}"""
    kinds = {}
    with open(event_def, encoding="utf-8") as file:
        for line in file:
            if match := re.match(r"EVENT\((\d+), (\w+),", line):
                fields, tail = [], []
                kinds[int(match[1])] = (match[2], fields, tail)
            elif match := re.match(r"FIELD\(\w+, (\w+), (\w+),", line):
                fields.append((match[1], match[2]))
            elif match := re.match(r"TAIL\(\w+, (\w+),", line):
                tail.append(match[1])
    return kinds


def unzigzag(code):
    return code // 2 if code % 2 == 0 else -(code + 1) // 2


class Column:
    def __init__(self, data=b""):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]


class Chunk:
    """The columns of a chunk, and what decoding them has taught so far."""

    def __init__(self, raw, header):
        self.thread, self.shift = header[6], header[3]
        self.quanta = header[10] >> self.shift
        self.columns = {}
        self.addresses, self.literal, self.handles, self.totals = [], 0, {}, {}
        self.before, self.averages = 0, [0] * 32768
        self.shapes, self.counted = {}, 0
        whole = Column(raw)
        while whole.at < len(raw):
            number = whole.varint()
            self.columns[number] = Column(whole.take(whole.varint()))

    def column(self, kind, slot):
        return self.columns.setdefault(kind * 16 + slot, Column())

    def address(self, column):
        code = column.varint()
        if code > 1:
            value = self.addresses[-(code - 1)]
        elif code == 1:
            value = self.addresses[-column.varint()]
            value = (value + column.varint()) % WORD
        else:
            value = self.literal = (self.literal + unzigzag(column.varint())) % WORD
        self.addresses.append(value)
        return value

    def handle(self, column, key):
        kept, last = self.handles.setdefault(key, ([], [0]))
        code = column.varint()
        if code:
            value = kept.pop(code - 1)
        else:
            value = last[0] = (last[0] + unzigzag(column.varint())) % WORD
        kept.insert(0, value)
        del kept[32:]
        return value

    def field(self, kind, slot, name, field_type):
        column = self.column(kind, slot)
        if field_type in ("COUNT", "API", "SIZE") and not column.data:
            return 0
        if field_type == "ADDRESS":
            return self.address(column)
        if field_type == "HANDLE":
            return self.handle(column, (kind, slot))
        if field_type == "TOTAL":
            value = (self.totals.get(name, 0) + unzigzag(column.varint())) % WORD
            self.totals[name] = value
            return value
        return column.varint()

    def offsets(self, kind, kernel):
        count = self.column(kind, 12).varint()
        place = kernel % 1024
        if count:
            if self.counted + count - 1 > 65536:
                self.shapes, self.counted = {}, 0
            shape, last = [], 0
            for _ in range(count - 1):
                last = (last + self.column(kind, 14).varint()) % 4096
                shape.append(last)
            self.shapes[place] = shape
            self.counted += len(shape)
        return self.shapes.get(place, [])

    def time(self, symbol):
        error = self.column(0, 1).byte()
        if error == 255:
            error += self.column(0, 2).varint()
        place = ((((self.before * 0x9e3779b1) & MASK32) ^ symbol) * 0x85ebca77 & MASK32) >> 17
        self.before, average = symbol, self.averages[place]
        gap = (average >> 2) + unzigzag(error)
        if gap < 16384 and average:
            self.averages[place] += max(-256, min(256, 4 * gap - average)) >> 2
        elif gap < 16384:
            self.averages[place] = 4 * gap
        self.quanta += gap
        return self.quanta << self.shift


def decode(kinds, raw, header):
    """The events of a chunk as memtrace-dump writes them, without what it adds."""
    chunk = Chunk(raw, header)
    for _ in range(header[7]):
        kind = chunk.column(0, 0).byte()
        name, fields, tail = kinds[kind]
        event = {"thread": chunk.thread, "event": name}
        for slot, (field, field_type) in enumerate(fields):
            event[field] = chunk.field(kind, slot, field, field_type)
        if "BYTES" in tail:
            words = chunk.column(kind, 12).varint()
            text = chunk.column(kind, 13).take(8 * words)
            event["text"] = text.split(b"\0")[0]
            if name in DETAILS:
                event["detail"] = (text.split(b"\0") + [b""])[1]
        if "WORDS" in tail:
            event["words"] = [
                {"offset": 8 * offset, "address": chunk.address(chunk.column(kind, 13))}
                for offset in chunk.offsets(kind, event["kernel"])]
        what = event[SYMBOLS[name]] if name in SYMBOLS else 0
        event["time_ns"] = chunk.time((kind + 64 * what) & MASK32)
        yield event
    assert chunk.quanta << chunk.shift == header[11], "time_last"
    for number, column in chunk.columns.items():
        assert column.at == len(column.data), f"column {number} has more than is needed"


def check_crc(data):
    assert zlib.crc32(data[:-4]) == struct.unpack("<I", data[-4:])[0], "crc"


def unzstd(frame):
    return subprocess.run(["zstd", "-dc"], input=frame, capture_output=True, check=True).stdout


def read(kinds, path):
    """All events of a trace in order, and its facts."""
    with open(path, "rb") as file:
        data = file.read()
    check_crc(data[:64])
    assert FILE_HEADER.unpack(data[:64])[0] == b"\x89MTRACE\n"
    threads, facts, at = {}, {}, 64
    while data[at:at + 4] == b"MTCK":
        check_crc(data[at:at + 64])
        header = HEADER.unpack(data[at:at + 64])
        raw = unzstd(data[at + 64:at + 64 + header[4]])
        at += 64 + header[4]
        assert len(raw) == header[5], "raw_size"
        if header[1] == 1:
            pairs = raw.split(b"\0")[:-1]
            facts.update(zip(pairs[::2], pairs[1::2]))
        elif header[1] == 2:
            events = threads.setdefault(header[6], [])
            last = events[-1]["time_ns"] if events else 0
            events += ({**event, "time_ns": max(last, event["time_ns"])}
                       for event in decode(kinds, raw, header))
    assert at == len(data) or data[-8:] == b"MTRACEIX" and at + 24 == len(data), "the file's end"
    return list(heapq.merge(*threads.values(), key=lambda e: (
        e["time_ns"], e["event"] not in ENDERS, e["thread"]))), facts


def printed(kinds, event, facts):
    """The event with values as they stand in JSON."""
    types = dict(next(fields for name, fields, _ in kinds.values() if name == event["event"]))
    out = dict(event)
    for field, field_type in types.items():
        if field_type in ("ADDRESS", "HANDLE"):
            out[field] = hex(event[field])
        if field_type == "API":
            out[field] = facts.get(b"api.%d" % event[field], b"?").decode()
    for key in ("text", "detail"):
        if key in out:
            text = out[key].decode("utf-8", "backslashreplace")
            # Control characters beyond ASCII are written byte by byte too.
            out[key] = re.sub("[\x80-\x9f]", lambda c: f"\\xc2\\x{ord(c[0]):02x}", text)
    for word in out.get("words", []):
        word["address"] = hex(word["address"])
    return out


def compare(kinds, dump, path):
    """How many events differ from what memtrace-dump says."""
    events, facts = read(kinds, path)
    lines = subprocess.run([*EMULATOR, dump, "--format=jsonl", path], check=True,
                           stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout.decode().splitlines()
    bad = abs(len(lines) - len(events))
    for line, event in zip(lines, events):
        theirs, ours = json.loads(line), printed(kinds, event, facts)
        theirs.pop("layout", None)
        if ours["event"] in NAMING:
            theirs.pop("text", None)
        if theirs != ours:
            bad += 1
            print(f"{path}: the dump has\n  {theirs}\nand this reader\n  {ours}")
    print(f"{path}: {len(events)} events, {bad} differ")
    return bad


def main(event_def, dump, *paths):
    kinds = kinds_of(event_def)
    return any([compare(kinds, dump, path) for path in paths])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
