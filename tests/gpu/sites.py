#!/usr/bin/env python3
"""Who holds the memory: table sites beside torch's own snapshot and history, by line of Python.

usage: sites.py resnet50|gpt

torch's frames are reduced to the one line that is to blame by the rule of docs/stacks.md, its
blocks to the sizes that it hands out (torch_history). Then for every line must be the same: blocks
and bytes of the whole run, bytes at the device's peak, the most at a time, and blocks and bytes
alive when torch took its snapshot.
"""
import collections
import os
import re

import jobs
import outcome
import stackframes
import torch_history
import traceread

STEPS = 6
NOBODY = ("", "")  # blocks without Python frames
RULES = os.path.join(os.path.dirname(jobs.HERE) or ".", "..", "src", "stacks", "siterules.def")


def frameworks():
    with open(RULES, encoding="utf-8") as file:
        return set(re.findall(r'^PACKAGE\("([^"]*)"\)', file.read(), re.MULTILINE))


def is_jobs_own(path, packages):
    package = re.split("/(?:site|dist)-packages/", path)
    if len(package) > 1:
        return re.split("[/.]", package[-1])[0] not in packages
    return not path.startswith("<frozen ") and not re.search("/lib/python3[^/]", path)


def site_of(stack, packages):
    """(file, line) of a stack of [file, line, name], innermost frame first."""
    own = [frame for frame in stack if is_jobs_own(frame[0], packages)]
    blamed = (own or stack or [NOBODY])[0]
    return blamed[0], blamed[1]


class Ledger:
    """What each site holds, event by event."""

    def __init__(self):
        self.live, self.blocks, self.bytes = {}, collections.Counter(), collections.Counter()
        self.held, self.peak = collections.Counter(), collections.Counter()
        self.total = self.most = 0
        self.at_peak = []  # what each held, at every time when most was allocated

    def alloc(self, address, size, site):
        self.live[address] = (site, size)
        self.blocks[site] += 1
        self.bytes[site] += size
        self.held[site] += size
        self.peak[site] = max(self.peak[site], self.held[site])
        self.total += size
        if self.total > self.most:
            self.most, self.at_peak = self.total, []
        if self.total == self.most:
            self.at_peak.append(+self.held)

    def free(self, address):
        site, size = self.live.pop(address)
        self.held[site] -= size
        self.total -= size

    def alive(self):
        """{site: (blocks, bytes)}"""
        found = collections.defaultdict(lambda: (0, 0))
        for site, size in self.live.values():
            count, held = found[site]
            found[site] = (count + 1, held + size)
        return dict(found)


def torch_ledger(history, device):
    packages = frameworks()
    stacks = [site_of(stack, packages) for stack in history["stacks"]]
    entries = history["traces"][device]
    plain = {**history, "traces": {device: [entry[:4] for entry in entries]}}
    sites = iter([stacks[entry[4]] for entry in entries if entry[0] == "alloc"])
    ledger = Ledger()
    events = torch_history.replay(plain, device).events
    for action, address, size in events:
        if action == "alloc":
            ledger.alloc(address, size, next(sites))
        else:
            ledger.free(address)
    return ledger, len(events)


# ---- the trace ----


def key(row):
    return row["file"], row["line"]


class Tables:
    """Tables sites and blocks of a trace, for one device. Blocks that the driver handed out and no
    allocator knows are in the sites too: torch knows nothing of them, so they are taken off."""

    def __init__(self, trace, device, moment):
        rows = [row for row in traceread.table(trace, "sites") if row["device"] == device]
        self.by_stack = {row["stack_id"]: key(row) for row in rows if row["by"] == "stack"}
        self.lines = collections.defaultdict(collections.Counter)
        for row in rows:
            if row["by"] == "line":
                self.lines[key(row)].update({name: row[name] for name in (
                    "blocks", "allocated_bytes", "at_peak_bytes", "peak_bytes")})
        facts = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
        self.peak_at = facts[f"device.{device}.peak_allocated_ns"]
        self.alive, self.foreign = {}, set()
        for row in traceread.table(trace, "blocks"):
            if row["device"] == device and row["level"] == "block":
                self.take(row, moment)

    def take(self, row, moment):
        site = self.by_stack[row["stack_id"]]
        if row["source"] == "allocator":
            if lives(row, moment):
                count, held = self.alive.get(site, (0, 0))
                self.alive[site] = (count + 1, held + row["size_bytes"])
            return
        self.foreign.add(site)
        self.lines[site].subtract({
            "blocks": 1, "allocated_bytes": row["size_bytes"],
            "at_peak_bytes": row["size_bytes"] if lives(row, self.peak_at) else 0})


def lives(row, moment):
    return row["birth_ns"] <= moment and (row["death_ns"] == "" or row["death_ns"] > moment)


def snapshot_moment(trace, device, events):
    """The time of the last event that torch's history has."""
    seen = [event["time_ns"] for event in traceread.events(trace, "block_alloc", "block_free")
            if event["device"] == device]
    return seen[events - 1] if len(seen) >= events else None


def differences(what, ours, theirs):
    """Lines about sites of which one side says another number; zeros count as nothing."""
    return [f"{what} of {os.path.basename(site[0]) or 'no frames'}:{site[1]}: {ours.get(site, 0)}, "
            f"torch has {theirs.get(site, 0)}"
            for site in sorted({*ours, *theirs}, key=str)
            if (ours.get(site) or 0) != (theirs.get(site) or 0)]


def compare(out, tables, ledger):
    def column(name):
        return {site: counts[name] for site, counts in tables.lines.items()}

    out.none(differences("blocks", column("blocks"), ledger.blocks)[:3], "sites")
    out.none(differences("bytes", column("allocated_bytes"), ledger.bytes)[:3], "sites")
    out.none(differences("snapshot", tables.alive, ledger.alive())[:3], "blocks")
    peaks, theirs = ({site: size for site, size in side.items() if site not in tables.foreign}
                     for side in (column("peak_bytes"), ledger.peak))
    out.none(differences("peak", peaks, theirs)[:3], "sites")
    # Steps are alike, so the peak is often reached more than once; either side may take any.
    at_peak = column("at_peak_bytes")
    out.none(min((differences("at peak", at_peak, held) for held in ledger.at_peak), key=len)[:3],
             "sites")


def check(out, arguments):
    model, = arguments
    recorded = stackframes.record(out, model, "sites", STEPS)
    if not recorded:
        return
    trace, history = recorded
    ledger, events = torch_ledger(history, 0)
    moment = snapshot_moment(trace, 0, events)
    if not out.check(moment is not None, f"the trace has fewer than torch's {events} events"):
        return
    tables = Tables(trace, 0, moment)
    compare(out, tables, ledger)
    out.check(len(ledger.blocks) > 5, f"only {len(ledger.blocks)} lines ask for memory")
    alive = sum(size for _, size in ledger.alive().values())
    out.figures = {"lines": len(ledger.blocks), "blocks": sum(ledger.blocks.values()),
                   "bytes_at_snapshot": alive, "bytes_at_peak": ledger.most}
    out.headline = (f"{len(ledger.blocks)} lines, {sum(ledger.blocks.values())} blocks, "
                    f"{alive >> 20} MiB at the snapshot, {ledger.most >> 20} MiB at the peak")


if __name__ == "__main__":
    outcome.main(check)
