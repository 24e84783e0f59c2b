#!/usr/bin/env python3
"""Memory of another library (cuImportExternalMemory), as far as can be had without one: a plain
CUDA program offers the driver its own by file descriptors. What the driver takes is in the trace,
exactly; what it refuses it refuses alike without the recorder, and nothing is told of it.

usage: known_external.py static|shared     (which CUDA runtime the program is linked with)
"""
import jobs
import known_calls
import known_memory
import outcome
import traceread

IMPORTED = "cuExternalMemoryGetMappedBuffer"


def split(printed):
    """({what was offered: the driver's answer}, the lines of events). For the self-test too."""
    notes, lines = {}, []
    for text in printed.splitlines():
        words = text.split()
        if words[:1] == ["note"]:  # offered twice: of plain and of virtual memory
            notes.setdefault(words[1], []).append(int(words[2]))
        else:
            lines.append(text)
    return notes, lines


def words_of(notes):
    """What came of each offer. Also used by the self-test."""
    offers = {name: errors for name, errors in notes.items() if "_as_" in name}
    taken = [name for name, errors in offers.items() if 0 in errors and "array_in" not in name]
    refused = [f"{name} ({', '.join(map(str, errors))})" for name, errors in notes.items()
               if any(errors)]
    return (f"taken by the driver: {', '.join(taken) or 'nothing'}; refused, with its error: "
            f"{', '.join(refused) or 'nothing'}")


def check_blocks(out, rows, notes):
    """Imported memory is of others: it has rows, and no bytes count for it."""
    taken = sum(errors.count(0) for name, errors in notes.items()
                if "_as_" in name and "array_in" not in name)
    rows = [row for row in rows if row["api"] == IMPORTED]
    out.check(len(rows) >= taken, f"{len(rows)} imported blocks of {taken} offers that were taken")
    out.equal({row["source"] for row in rows}, {"imported"} if rows else set(), "their source")


def check(out, arguments):
    runtime, = arguments
    stem = jobs.work(f"known_external_{runtime}")
    program, trace = known_calls.build(runtime, "known_external"), stem + ".mtrace"
    status, bare, stderr = jobs.run([program], known_calls.runtime_environment())
    if not out.equal(status, 0, f"exit code of the bare program ({stderr.strip()[-300:]})"):
        return
    jobs.remove(trace)
    status, printed, stderr = jobs.run(jobs.launched(trace, [program]),
                                       known_calls.runtime_environment(), stem + ".log")
    if not out.equal(status, 0, f"exit code of the traced program ({stderr.strip()[-300:]})"):
        return
    notes, lines = split(printed)
    out.equal(notes, split(bare)[0], "the driver's answers, traced and bare")
    known_memory.check_one(out, "memory of others", trace, lines, {})
    check_blocks(out, traceread.table(trace, "blocks"), notes)
    out.figures["answers"] = notes
    out.headline = f"{len(lines)} events, exact; {words_of(notes)}"


if __name__ == "__main__":
    outcome.main(check)
