"""What PyTorch itself recorded (train_common.write_history), and the block sizes that follow.

torch's history gives the size that was *asked for*; the allocator hands out blocks, which are
larger: rounded up to 512 bytes, and the whole free block where splitting it is not worth while.
That size is what torch counts as allocated and what it reports to a profiler, so it is what a trace
holds. Replay computes it from torch's history alone, and is itself checked against torch's snapshot
of the end: address, size and state of every block must come out as torch lists them.

Rules of the allocator of torch 2.x that are used here: a request is rounded up to 512 bytes; a free
block is split if at least 512 bytes remain (small segments of 2 MiB, and expandable segments) or
more than 1 MiB (large segments); a freed block joins its free neighbours in the same segment.
"""
import json

ROUND = 512
SMALL_SEGMENT = 2 << 20
LARGE_REMAINDER = 1 << 20
FREE, ALLOCATED, PENDING = "inactive", "active_allocated", "active_pending_free"
EXPANDABLE = "expandable"  # all of them as one: neighbours in address are neighbours in a segment


class HistoryError(Exception):
    pass


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Block:
    __slots__ = ("address", "size", "state", "segment", "requested")

    def __init__(self, address, size, segment):
        self.address, self.size, self.segment = address, size, segment
        self.state, self.requested = FREE, 0


class Replay:
    """One device. After run(): events [("alloc" | "free", address, block size)] in order, segments
    [("alloc" | "free" | "map" | "unmap", address, size)], and peaks in bytes."""

    def __init__(self):
        self.at, self.ending = {}, {}  # blocks by first byte, by end
        self.events, self.segments = [], []
        self.allocated = self.reserved = self.peak_allocated = self.peak_reserved = 0

    def run(self, trace):
        actions = {
            "alloc": self.alloc, "free_requested": self.free, "free_completed": self.complete,
            "segment_alloc": self.segment_alloc, "segment_free": self.segment_free,
            "segment_map": self.segment_map, "segment_unmap": self.segment_unmap,
        }
        for number, (action, address, size, _stream) in enumerate(trace):
            if action in actions:
                try:
                    actions[action](address, size)
                except (KeyError, AssertionError) as error:
                    raise HistoryError(
                        f"entry {number} ({action} {address:#x} {size}) does not fit what came "
                        f"before it: {error!r}") from error
        return self

    def add(self, block):
        self.at[block.address] = self.ending[block.address + block.size] = block
        return block

    def remove(self, block):
        del self.at[block.address], self.ending[block.address + block.size]

    def joins(self, block, other):
        return other is not None and other.state == FREE and other.segment == block.segment

    def join(self, block):
        """Make one block of a free block and its free neighbours."""
        left, right = self.ending.get(block.address), self.at.get(block.address + block.size)
        for other in (left, right):
            if self.joins(block, other):
                self.remove(block)
                self.remove(other)
                block = self.add(Block(min(block.address, other.address), block.size + other.size,
                                       block.segment))

    @staticmethod
    def splits(block, remaining):
        if block.segment == EXPANDABLE or block.segment[1] == SMALL_SEGMENT:
            return remaining >= ROUND
        return remaining > LARGE_REMAINDER

    def cut(self, block, size):
        """Cut a free block in two; the first part."""
        self.remove(block)
        self.add(Block(block.address + size, block.size - size, block.segment))
        return self.add(Block(block.address, size, block.segment))

    def alloc(self, address, requested):
        block = self.at[address]
        assert block.state == FREE, "the block is in use"
        size = max(ROUND, -(-requested // ROUND) * ROUND)
        assert block.size >= size, "the free block is too small"
        if self.splits(block, block.size - size):
            block = self.cut(block, size)
        block.state, block.requested = ALLOCATED, requested
        self.allocated += block.size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        self.events.append(("alloc", address, block.size))

    def free(self, address, requested):
        block = self.at[address]
        assert block.state == ALLOCATED and block.requested == requested, "no such live block"
        block.state = PENDING
        self.allocated -= block.size
        self.events.append(("free", address, block.size))

    def complete(self, address, _size):
        block = self.at[address]
        assert block.state == PENDING, "its free was not requested"
        block.state = FREE
        self.join(block)

    def grow(self, kind, address, size):
        self.segments.append((kind, address, size))
        self.reserved += size if kind in ("alloc", "map") else -size
        self.peak_reserved = max(self.peak_reserved, self.reserved)

    def segment_alloc(self, address, size):
        self.add(Block(address, size, (address, size)))
        self.grow("alloc", address, size)

    def segment_free(self, address, size):
        block = self.at[address]
        assert block.state == FREE and block.size == size, "the segment is in use"
        self.remove(block)
        self.grow("free", address, size)

    def segment_map(self, address, size):
        self.join(self.add(Block(address, size, EXPANDABLE)))
        self.grow("map", address, size)

    def holding(self, address, size):
        for block in self.at.values():
            if block.address <= address and address + size <= block.address + block.size:
                return block
        raise KeyError(address)

    def segment_unmap(self, address, size):
        block = self.holding(address, size)
        assert block.state == FREE, "the range is in use"
        if block.address < address:
            self.cut(block, address - block.address)
            block = self.at[address]
        if block.size > size:
            block = self.cut(block, size)
        self.remove(block)
        self.grow("unmap", address, size)

    def blocks(self):
        return sorted((b.address, b.size, b.state) for b in self.at.values())


def snapshot_blocks(history, device):
    return sorted((address, size, state)
                  for segment in history["segments"] if segment["device"] == device
                  for address, size, _requested, state in segment["blocks"])


def replay(history, device, check=True):
    """Replay of one device; HistoryError unless it ends in torch's own snapshot and peaks."""
    done = Replay().run(history["traces"][device])
    if check:
        mine, theirs = done.blocks(), snapshot_blocks(history, device)
        if mine != theirs:
            odd = sorted(set(mine) ^ set(theirs))[:4]
            raise HistoryError(f"the replay ends with other blocks than torch's snapshot: {odd}")
        for name, value in (("allocated", done.peak_allocated), ("reserved", done.peak_reserved)):
            if value != history["max_" + name][device]:
                raise HistoryError(f"the replay's peak of {name} bytes is {value}, torch's "
                                   f"{history['max_' + name][device]}")
    return done
