"""What PyTorch's memory profiler says of the blocks that lived at the peak of a few training steps.

Its MemoryProfile follows tensors through the operators of a profile and tells categories by version
of a storage. It knows storages by address; what is no tensor (workspaces) has neither address nor
category there and is summed up.
"""
import json

CREATING = ("PREEXISTING", "CREATE")


def name(category):
    return category.name if category is not None else "none"


def peak_of(timeline, category_of, is_device, address_of):
    """From the rows (time, action, (key, version), bytes) of a MemoryProfile's timeline: the live
    storages when most lived. [[address, bytes, category]], the address made last, and the bytes of
    what has no address."""
    live, unnamed, total, peak = {}, 0, 0, (-1, [], 0, 0)
    for _, action, (key, version), size in timeline:
        if not is_device(key):
            continue
        address = address_of(key)
        if address is None:
            change = {"CREATE": size, "PREEXISTING": size, "DESTROY": size}.get(action.name, 0)
            unnamed, total = unnamed + change, total + change
        elif action.name in CREATING:
            live[key] = (address, size, category_of(key, version))
            total += size
        elif action.name == "INCREMENT_VERSION" and key in live:
            live[key] = (address, live[key][1], category_of(key, version + 1))
        elif action.name == "DESTROY" and key in live:
            total -= live.pop(key)[1]
        if action.name in CREATING and total > peak[0]:
            peak = (total, list(live.values()), address or 0, unnamed)
    return {"bytes": peak[0], "blocks": [list(block) for block in peak[1]], "last": peak[2],
            "unnamed_bytes": peak[3]}


def facts(profiler, device=0):
    from torch.profiler import _memory_profiler as memory
    profile = memory.MemoryProfile(profiler.profiler.kineto_results)

    def is_device(key):
        return key.device.type == "cuda" and key.device.index == device

    def category_of(key, version):
        return name(profile._categories.get(key, version))

    def address_of(key):
        return key.storage.ptr if isinstance(key, memory.TensorKey) else None
    return peak_of(profile.timeline, category_of, is_device, address_of)


class Categories:
    """The memory profiler over steps first .. first + steps - 1."""

    def __init__(self, path, first, steps):
        self.path, self.first, self.last = path, first, first + steps - 1
        self.profiler = None

    def before(self, step):
        if not self.path or step != self.first:
            return
        import torch
        self.profiler = torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA],
            profile_memory=True, record_shapes=True, with_stack=True)
        self.profiler.__enter__()

    def after(self, step):
        if self.profiler and step == self.last:
            self.profiler.__exit__(None, None, None)
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(facts(self.profiler), file)
            self.profiler = None
