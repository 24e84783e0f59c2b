"""What of known_external.py, nvtx_torch.py and reload.py needs no GPU; a part of
gpu_selftest.py."""
import known_external
import nvtx_torch
import outcome
import reload


def test_external(expect):
    notes, lines = known_external.split("note a_as_b 0\nset 1 2\nnote a_as_b 304\nnote c 801\n")
    expect((notes, lines) == ({"a_as_b": [0, 304], "c": [801]}, ["set 1 2"]), "offers")
    expect(known_external.words_of(notes) == "taken by the driver: a_as_b; refused, with its "
           "error: a_as_b (0, 304), c (801)", "offers in words")
    row = {"api": known_external.IMPORTED, "source": "imported"}
    for rows, failures in (([row], 0), ([], 1), ([{**row, "source": "driver"}], 1)):
        out = outcome.Outcome()
        known_external.check_blocks(out, rows, notes)
        expect(len(out.failures) == failures, f"imported blocks: {out.failures}")


def nvtx_rows():
    row = {"level": "block", "range": "autograd::engine::evaluate_function: X/ReluBackward0/x"}
    rows = [{**row, "size_bytes": 1 << 20, "forward_range": "layer0/aten::relu"},
            {**row, "size_bytes": 786432, "forward_range": "layer1/aten::relu"},
            {**row, "size_bytes": 524288, "forward_range": "layer2/aten::relu"}]
    row["range"] = "autograd::engine::evaluate_function: X/AddmmBackward0"
    for size, layer in ((262144, 0), (3145728, 1), (1 << 20, 1), (1572864, 2), (786432, 2)):
        rows.append({**row, "size_bytes": size,
                     "forward_range": f"layer{layer}/aten::linear/aten::addmm"})
    return nvtx_torch.STEPS * [*rows, {**row, "size_bytes": 4096, "forward_range": ""}]


def test_ranges(expect):
    good = nvtx_rows()
    other = [dict(row) for row in good]
    other[3]["forward_range"] = "layer1/aten::linear/aten::addmm"
    for rows, failures in ((good, 0), (good[1:], 1), (other, 1)):
        out = outcome.Outcome()
        nvtx_torch.check_blocks(out, rows)
        expect(len(out.failures) == failures, f"forward ranges: {out.failures}")


def test_reload(expect):
    events = [{"event": "kernel", "id": 1, "text": "stays_0"},
              {"event": "launch", "kernel": 1, "words": [{"offset": 0, "address": 16}]}]
    launches, told = reload.recorded(events)
    out = outcome.Outcome()
    reload.check_launches(out, [["stays_0", [16]]], launches, told)
    expect(not out.failures, "what was launched and told once is right")
    for done in (["other_1", [16]], ["stays_0", [16, 24]]):
        out = outcome.Outcome()
        reload.check_launches(out, [done], launches, told)
        expect(out.failures, f"{done} is noticed")
    out = outcome.Outcome()
    reload.check_launches(out, [["stays_0", [16]]], *reload.recorded([events[0], *events]))
    expect(out.failures, "a kernel that is told twice is noticed")


def test_others(expect):
    test_external(expect)
    test_ranges(expect)
    test_reload(expect)
