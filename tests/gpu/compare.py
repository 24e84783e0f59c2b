"""Comparisons between a trace and what PyTorch recorded. Each takes plain lists and returns a list
of problems, empty where all is equal; nothing here runs a program.

Both sides see everything from the first block on, so no prefix is skipped. After torch's snapshot
the interpreter still takes the model down: what a trace holds beyond torch's last entry must be
frees.
"""
import bisect


def show(event):
    return " ".join(hex(value) if number == 1 else str(value) for number, value in enumerate(event))


def first_difference(mine, theirs, what):
    for number, (a, b) in enumerate(zip(mine, theirs)):
        if a != b:
            return [f"{what} {number} is {show(a)} in the trace, {show(b)} in torch's history"]
    if len(mine) < len(theirs):
        return [f"the trace ends after {len(mine)} {what}s, torch's history has {len(theirs)}; "
                f"the next is {show(theirs[len(mine)])}"]
    return []


def blocks(mine, theirs):
    """Both [(alloc | free, address, size)] of one device in order."""
    problems = first_difference(mine, theirs, "block event")
    if not theirs:
        problems.append("torch recorded no block: nothing was compared")
    for event in mine[len(theirs):]:
        if event[0] != "free":
            problems.append(f"after torch's last entry the trace has {show(event)}")
            break
    return problems


def totals(mine, events):
    """The allocator's own running sum, as the trace holds it, against summed block sizes."""
    live = 0
    for number, ((action, _address, size), total) in enumerate(zip(events, mine)):
        live += size if action == "alloc" else -size
        if live != total:
            return [f"block event {number}: {total} bytes allocated in the trace, "
                    f"{live} by summing"]
    return []


def with_sizes(events):
    """Driver allocations and frees: a free gets the size of what it frees, None where unknown."""
    live, sized = {}, []
    for kind, address, size in events:
        if kind == "alloc":
            live[address] = size
        else:
            size = live.pop(address, None)
        sized.append((kind, address, size))
    return sized


def segments(driver, theirs):
    """cudaMalloc'ed segments. `driver`: [(alloc | free, address, size)], a superset of torch's in
    the same order. (problems, positions in `driver` that are torch's)."""
    matched, place = set(), 0
    sized = with_sizes(driver)
    for number, event in enumerate(theirs):
        while place < len(sized) and sized[place] != event:
            place += 1
        if place == len(sized):
            problem = f"segment event {number} ({show(event)}) is not in the trace, or out of order"
            return [problem], matched
        matched.add(place)
        place += 1
    return [], matched


def mappings(driver, theirs):
    """Expandable segments. `driver`: [(map | unmap, address, size)], one a physical handle; the
    pieces of one entry of torch's must tile it without a gap."""
    place = 0
    for number, (kind, address, size) in enumerate(theirs):
        at, end = address, address + size
        what = f"segment event {number} ({show((kind, address, size))})"
        while at < end:
            if place == len(driver):
                return [f"{what}: the trace ends at {at:#x}"]
            if driver[place][:2] != (kind, at) or at + driver[place][2] > end:
                return [f"{what}: the trace has {show(driver[place])} where {kind} {at:#x} "
                        "was expected"]
            at += driver[place][2]
            place += 1
    for event in driver[place:]:
        if event[0] == "map":
            return [f"after torch's last entry the trace has {show(event)}"]
    return []


class Ranges:
    """Live address ranges that do not overlap."""

    def __init__(self):
        self.starts, self.ends = [], {}

    def add(self, address, size):
        if address not in self.ends:
            bisect.insort(self.starts, address)
        self.ends[address] = address + size

    def remove(self, address):
        if self.ends.pop(address, None) is not None:
            del self.starts[bisect.bisect_left(self.starts, address)]

    def holds(self, address, size=1):
        place = bisect.bisect_right(self.starts, address) - 1
        return place >= 0 and address + size <= self.ends[self.starts[place]]


def enclosed(events):
    """Every block lies inside live driver memory. `events` in order: (segment | drop | block,
    address, size). What is mapped piece by piece may be given so; a block may span pieces."""
    live, problems = Ranges(), []
    for kind, address, size in events:
        if kind == "segment":
            live.add(address, size)
        elif kind == "drop":
            live.remove(address)
        elif not spans(live, address, size):
            problems.append(f"block {address:#x} of {size} bytes lies outside the driver's memory")
            if len(problems) == 3:
                break
    return problems


def spans(live, address, size):
    end = address + size
    while address < end:
        place = bisect.bisect_right(live.starts, address) - 1
        if place < 0 or live.ends[live.starts[place]] <= address:
            return False
        address = live.ends[live.starts[place]]
    return True


def unresolved(events):
    """Launches with device pointers none of which lies in a live block. `events` in order: (birth,
    address, size), (death, address, 0), (launch, time, [addresses]). Returns how many launches had
    pointers, and [(time, addresses)] of those without a block."""
    live, launches, bad = Ranges(), 0, []
    for kind, value, more in events:
        if kind == "birth":
            live.add(value, more)
        elif kind == "death":
            live.remove(value)
        elif more:
            launches += 1
            if not any(live.holds(address) for address in more):
                bad.append((value, more[:4]))
    return launches, bad


def per_step(times, marks):
    """How many of `times` (sorted, ns) fall into each (step, begin, end)."""
    return {step: bisect.bisect_right(times, end) - bisect.bisect_left(times, begin)
            for step, begin, end in marks}
