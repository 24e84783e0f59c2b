"""What of the tests of several GPUs, and of NVML's figures, needs no GPU; a part of
gpu_selftest.py."""
import account
import known_peers
import multirank
import outcome
import rankcalls
import rankgraph
from profile_counts import count_comms


def test_comms(expect):
    """Collectives of torch.profiler's trace: those of the steps, with their bytes; no waits."""
    def comm(ts, name, **more):
        return {"name": "record_param_comms", "ts": ts, "args": {"Collective name": name, **more}}
    step = {"name": "memtrace_step_3", "cat": "user_annotation", "ph": "X", "ts": 10, "dur": 10}
    size = {"In msg nelems": 6, "Out msg nelems": 12, "dtype": "BFloat16"}
    events = [step, comm(15, "_allgather_base", **size), comm(16, "wait", **size),
              comm(30, "allreduce", **size)]
    expect(count_comms(events) == [[3, "ncclAllGather", 12, 24]], "one collective in the step")


def rank_failures(spoil):
    """What the comparison of a rank's collectives finds after `spoil` was done to it."""
    run = multirank.Rank("x", 1, "x")
    run.marks = [(6, 100, 200)]
    run.profile = {"steps": {"6": {}}, "comms": [[6, "ncclAllReduce", 512, 512]],
                   "comms_sample": []}
    run.collectives = [
        {"event": "communicator", "time_ns": 50, "ranks": 2, "rank": 1},
        {"event": "block_alloc", "time_ns": 90, "address": 4096, "size": 1024},
        {"event": "collective", "time_ns": 150, "op": "ncclAllReduce", "send": 4096,
         "receive": 4608, "send_bytes": 512, "receive_bytes": 512}]
    spoil(run)
    found = outcome.Outcome()
    multirank.check_collectives(found, run, multirank.RANKS)
    return len(found.failures)


def test_ranks(expect):
    expect(rank_failures(lambda run: None) == 0, "collectives as torch says")
    expect(rank_failures(lambda run: run.collectives.pop()) > 0, "one is missing")
    expect(rank_failures(lambda run: run.collectives[2].update(send_bytes=4)) > 0, "other bytes")
    expect(rank_failures(lambda run: run.collectives[1].update(size=512)) == 1, "outside a block")
    expect(rank_failures(lambda run: run.collectives[0].update(rank=0)) == 1, "another rank")
    expect(rank_failures(lambda run: run.profile.update(comms=[])) > 0, "torch saw none")
    mapped = list(multirank.resolving([{"event": "map", "address": 5, "size": 6},
                                       {"event": "unmap", "address": 5, "size": 6}], set()))
    expect(mapped == [("birth", 5, 6), ("death", 5, 0)], f"memory that is mapped: {mapped}")


def test_peers(expect):
    lines = ["alloc 0x10 16 0", "alloc 0x20 16 1", "copy 0x28 0x10 4", "free 0x20",
             "alloc 0x20 16 0", "copy 0x20 0x10 4"]
    expect(known_peers.copy_ends(lines) == {("write", 1, 4): 1, ("read", 0, 4): 2,
                                            ("write", 0, 4): 1}, "ends of copies by device")
    expect(sum(known_peers.births(lines).values()) == 3, "births")


def account_failures(spoil):
    parts = {"blocks": 300, "slack": 100, "context": 590, "unattributed": 10, "total": 1000}
    facts = {"pid": 7, "processes": [[7, 1004]], "used": 5000, "reserved": 400}
    spoil(parts, facts)
    rows = [{"what": what, "library": "", "size_bytes": size, "known_by": "process"}
            for what, size in parts.items()]
    found = outcome.Outcome()
    account.check_sum(found, rows, "end")
    account.compare(found, rows, facts)
    return len(found.failures)


def test_account(expect):
    expect(account_failures(lambda parts, facts: None) == 0, "an account that adds up")
    for what, spoil in (
            ("a part is missing", lambda parts, facts: parts.pop("unattributed")),
            ("NVML says more", lambda parts, facts: facts.update(processes=[[7, 1020]])),
            ("torch holds less", lambda parts, facts: facts.update(reserved=300)),
            ("it is another process", lambda parts, facts: facts.update(pid=8))):
        expect(account_failures(spoil) == 1, what)


def graph_failures(spoil):
    facts = {"eager": 3, "replays": 2, "bytes": 64, "address": 4096, "kernels": 2}
    row = {"op": "ncclAllReduce", "calls": 5, "captured_calls": 1, "send_bytes": 320,
           "receive_bytes": 320}
    touch = {"by": "nccl", "graph_id": 1, "block_id": 9, "offset_bytes": 96, "size_bytes": 64}
    accesses = [{**touch, "kind": kind} for kind in ("read", "write")] * 2
    spoil(facts, row, accesses)
    found = outcome.Outcome()
    rankgraph.compare(found, facts, [row], accesses, [{"block_id": 9, "address": 4000}])
    return len(found.failures)


def calls_failures(spoil):
    call = {"name": "x", "begin": 10, "end": 20, "read": [[100, 8]], "written": [[200, 16]],
            "peer": 1}
    events = [{"time_ns": 12, "op": "ncclSend", "send": 100, "send_bytes": 8, "receive": 0,
               "receive_bytes": 0, "peer": 1}]
    events += [{"time_ns": 13, "op": "ncclRecv", "send": 0, "send_bytes": 0, "receive": at,
                "receive_bytes": 8, "peer": 1} for at in (208, 200)]
    spoil(call, events)
    found = outcome.Outcome()
    rankcalls.compare(found, [call], events)
    return len(found.failures)


def test_calls(expect):
    expect(calls_failures(lambda call, events: None) == 0, "a call that is two")
    for what, spoil in (
            ("a part is missing", lambda call, events: events.pop()),
            ("too late", lambda call, events: events[0].update(time_ns=21)),
            ("more is read", lambda call, events: call.update(read=[[100, 9]])),
            ("another peer", lambda call, events: events[0].update(peer=0))):
        expect(calls_failures(spoil) == 1, what)
    for memory, wrong in (({"op": "ncclMemAlloc", "address": 64, "size": 8}, 0),
                          ({"op": "ncclMemAlloc", "address": 64, "size": 4}, 1),
                          ({"op": "ncclCommRegister", "address": 64, "size": 8}, 1)):
        found = outcome.Outcome()
        rankcalls.check_memory(found, 70, [memory])
        expect(len(found.failures) == wrong, f"memory of NCCL: {memory}")


def test_graph(expect):
    expect(graph_failures(lambda facts, row, accesses: None) == 0, "a graph's collective")
    for what, spoil in (
            ("too few calls", lambda facts, row, accesses: row.update(calls=3)),
            ("an access is missing", lambda facts, row, accesses: accesses.pop()),
            ("it lies elsewhere", lambda facts, row, accesses: facts.update(address=5000)),
            ("torch saw others", lambda facts, row, accesses: facts.update(kernels=3))):
        expect(graph_failures(spoil) == 1, what)


def test_multi(expect):
    for test in (test_comms, test_ranks, test_peers, test_account, test_calls, test_graph):
        test(expect)
