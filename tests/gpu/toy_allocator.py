"""A small caching allocator that keeps records as torch does, to test comparisons without torch.

It works forward, from requests to blocks; torch_history.Replay works back from the records. That
both arrive at the same sizes is the point.
"""
import random

PIECE = 2 << 20


class Toy:
    def __init__(self, expandable, seed=1):
        self.expandable, self.chance = expandable, random.Random(seed)
        self.base = 0x7F0000000000
        self.blocks = []  # [address, size, state, requested, segment], in order of address
        self.trace, self.reports, self.driver = [], [], []
        self.allocated = self.reserved = self.peak_allocated = self.peak_reserved = 0

    def record(self, action, address, size):
        self.trace.append([action, address, size, 0])

    def report(self, action, address, size):
        self.allocated += size if action == "alloc" else -size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        self.reports.append((action, address, size, self.allocated, self.reserved))

    def reserve(self, size):
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)

    def segment(self, need):
        small = need <= 1 << 20
        size = PIECE if small else 10 * PIECE if need < 10 << 20 else -(-need // PIECE) * PIECE
        address = self.base
        if self.expandable:
            size = -(-need // PIECE) * PIECE
            for at in range(address, address + size, PIECE):
                self.driver.append(("map", at, PIECE))
            self.record("segment_map", address, size)
        else:
            self.driver.append(("alloc", address, size))
            self.record("segment_alloc", address, size)
            self.base += 1 << 30
        self.base += size
        self.reserve(size)
        segment = "expandable" if self.expandable else address
        self.blocks.append([address, size, "inactive", 0, segment])
        self.merge()

    def find(self, need):
        small = need <= 1 << 20
        fitting = [b for b in self.blocks if b[2] == "inactive" and b[1] >= need
                   and (self.expandable or self.is_small(b) == small)]
        return min(fitting, key=lambda b: (b[1], b[0]), default=None)

    def is_small(self, block):
        return sum(b[1] for b in self.blocks if b[4] == block[4]) == PIECE

    def alloc(self, requested):
        need = max(512, (requested + 511) // 512 * 512)
        block = self.find(need)
        if not block:
            self.segment(need)
            block = self.find(need)
        rest = block[1] - need
        if rest >= 512 if self.expandable or self.is_small(block) else rest > 1 << 20:
            self.blocks.append([block[0] + need, rest, "inactive", 0, block[4]])
            block[1] = need
            self.blocks.sort()
        block[2:4] = ["active_allocated", requested]
        self.record("alloc", block[0], requested)
        self.report("alloc", block[0], block[1])

    def free(self, block, later=False):
        address, size = block[0], block[1]
        self.record("free_requested", address, block[3])
        block[2] = "active_pending_free"
        if not later:
            self.complete(block)
        self.report("free", address, size)

    def complete(self, block):
        self.record("free_completed", block[0], block[3])
        block[2:4] = ["inactive", 0]
        self.merge()

    def merge(self):
        self.blocks.sort()
        place = 0
        while place + 1 < len(self.blocks):
            a, b = self.blocks[place], self.blocks[place + 1]
            if a[2] == b[2] == "inactive" and a[4] == b[4] and a[0] + a[1] == b[0]:
                a[1] += b[1]
                del self.blocks[place + 1]
            else:
                place += 1

    def release(self):
        """Give back what is wholly free, as empty_cache does."""
        for block in [b for b in self.blocks if b[2] == "inactive"]:
            if self.expandable:
                self.unmap(block)
            elif sum(b[4] == block[4] for b in self.blocks) == 1:
                self.driver.append(("free", block[0], None))
                self.record("segment_free", block[0], block[1])
                self.blocks.remove(block)
                self.reserve(-block[1])

    def unmap(self, block):
        begin = -(-block[0] // PIECE) * PIECE
        end = (block[0] + block[1]) // PIECE * PIECE
        if begin >= end:
            return
        for at in range(begin, end, PIECE):
            self.driver.append(("unmap", at, PIECE))
        self.record("segment_unmap", begin, end - begin)
        self.blocks.remove(block)
        for address, stop in ((block[0], begin), (end, block[0] + block[1])):
            if address < stop:
                self.blocks.append([address, stop - address, "inactive", 0, block[4]])
        self.blocks.sort()
        self.reserve(begin - end)

    def live(self):
        return [b for b in self.blocks if b[2] == "active_allocated"]

    def run(self, steps):
        sizes = (1, 100, 513, 4096, 70000, 1 << 20, 3 << 20, 11 << 20, 40_000_001)
        for _ in range(steps):
            live = self.live()
            pending = [b for b in self.blocks if b[2] == "active_pending_free"]
            dice = self.chance.random()
            if dice < 0.5 or not live:
                self.alloc(self.chance.choice(sizes) + self.chance.randrange(3) * 512)
            elif dice < 0.9:
                self.free(self.chance.choice(live), later=self.chance.random() < 0.2)
            elif dice < 0.97 and pending:
                self.complete(self.chance.choice(pending))
            elif dice > 0.98:
                self.release()
        return self

    def history(self):
        """As train_common.write_history writes it."""
        blocks = [[address, size, requested, state]
                  for address, size, state, requested, _ in self.blocks]
        return {"traces": [self.trace], "max_allocated": [self.peak_allocated],
                "max_reserved": [self.peak_reserved],
                "segments": [{"device": 0, "blocks": blocks, "expandable": self.expandable}]}
