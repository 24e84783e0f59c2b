"""What of sites.py needs no GPU; a part of gpu_selftest.py."""
import sites
from toy_allocator import Toy


def test_sites(expect):
    """The rule of docs/stacks.md, the sums by line, and a difference that is found."""
    own, torch, std = ["train.py", 7, "step"], ["/x/site-packages/torch/nn.py", 1, "call"], \
        ["/usr/lib/python3.12/threading.py", 3, "run"]
    package = ["/x/lib/python3.12/site-packages/transformers/bert.py", 5, "forward"]
    packages = sites.frameworks()
    expect({"torch", "numpy"} <= packages, "frameworks are read from the list of rules")
    for stack, site in (([torch, own, std], own), ([torch, package, own], package),
                        ([std, torch], std), ([], ["", ""])):
        expect(sites.site_of(stack, packages) == tuple(site[:2]), f"site {stack}")
    toy = Toy(False, 5).run(400)
    history = toy.history()
    births = 0
    for entry in history["traces"][0]:
        entry.append(births % 2 if entry[0] == "alloc" else -1)
        births += entry[0] == "alloc"
    ledger, events = sites.torch_ledger({**history, "stacks": [[own], [torch, package]]}, 0)
    expect(events == len(toy.reports), "every event counts")
    expect(sum(ledger.blocks.values()) == births, "every block counts")
    expect(ledger.most == toy.peak_allocated == sum(ledger.at_peak[0].values()), "the peak")
    expect(sum(size for _, size in ledger.alive().values()) == toy.allocated, "what is alive")
    expect(not sites.differences("bytes", dict(ledger.bytes), ledger.bytes), "the same")
    spoilt = {site: size + 512 for site, size in ledger.bytes.items()}
    expect(len(sites.differences("bytes", spoilt, ledger.bytes)) == 2, "other bytes are noticed")
