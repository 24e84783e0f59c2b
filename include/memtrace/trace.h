/* Reading a memtrace file from C. Link with libmemtrace-reader, zstd and threads (-pthread).
 *
 * A trace is a sequence of events in the order of time, merged over the threads of one process.
 * A damaged or cut trace, or one whose process was killed, is read as far as it can be; what could
 * not be read is counted in mt_trace_stats.
 *
 * Times are nanoseconds since the start of the trace, sizes bytes. A struct mt_trace is used by one
 * thread at a time; different traces are independent. Nothing is printed. */
#ifndef MEMTRACE_TRACE_H
#define MEMTRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h" /* struct mt_record, the list of events, and names for them */

#ifdef __cplusplus
extern "C" {
#endif

struct mt_trace;
struct mt_error; /* base/error.h: code and message */

/* Open `path`; where PATH.ring lies beside it and belongs to it, its events are read as well.
 * 0, or a negative enum mt_err with *error filled (error may be NULL) and *trace NULL. */
int mt_trace_open(struct mt_trace **trace, const char *path, struct mt_error *error);

/* Release everything; NULL is allowed. */
void mt_trace_free(struct mt_trace *trace);

/* The next event in time, NULL at the end. Events of equal time: those that end something
 * (free, unmap, release, block_free, pool_free) or define it (kernel, code, frame, module, string)
 * first, then by thread number. The record stays valid until the next call. `thread` (may be NULL)
 * gets the thread's number in the trace. Damaged parts are passed over. */
const struct mt_record *mt_trace_next(struct mt_trace *trace, uint32_t *thread);

/* The same, many at a time: the next events of one thread, up to where another thread goes on.
 * Records follow each other by mt_record_next; they stay valid until the next call. How many they
 * are; 0 at the end, a negative enum mt_err where memory is out. Either function goes on where the
 * other one stopped. */
struct mt_trace_run {
    const struct mt_record *first, *end;
    uint32_t thread;
};
int mt_trace_next_run(struct mt_trace *trace, struct mt_trace_run *run);

/* Start again from the first event. */
int mt_trace_rewind(struct mt_trace *trace);

/* Only events with since_ns <= time < until_ns from the next rewind on; chunks outside are skipped.
 */
void mt_trace_window(struct mt_trace *trace, uint64_t since_ns, uint64_t until_ns);

/* From the next rewind on: events without what says where. The same events in the same order, but
 * fields of type ADDRESS, HANDLE and TOTAL may be 0, and launches without parameter words. Takes
 * little more than half of the time. Only where columns were damaged on purpose, so that no
 * checksum tells of it, may a lean reading deliver events that another one does not. */
void mt_trace_lean(struct mt_trace *trace, bool lean);

/* From the next rewind on: read and decode on a thread of its own, up to two MiB of records or so
 * ahead of those that were delivered. All else stays the same: the same events in the same order, a
 * trace is used by one thread at a time. Worth it for long traces where the caller has to do with
 * the events as well, and a second processor is there. Where no thread can be had it is as without.
 */
void mt_trace_ahead(struct mt_trace *trace, bool ahead);

/* The value of a key of the trace's meta data, NULL where there is none; docs/memtrace-trace.5.md
 * lists the keys. Values are UTF-8 as a rule, but any bytes without NUL. */
const char *mt_trace_meta(const struct mt_trace *trace, const char *key);

/* The i-th key, NULL after the last. */
const char *mt_trace_meta_key(const struct mt_trace *trace, uint32_t i);

/* The name of a driver function in API fields ("api.N" in the meta data), "?" if unknown. */
const char *mt_trace_api(const struct mt_trace *trace, uint64_t api);

/* What is known of a kernel id, by the `kernel` events seen so far; NULL if none was seen. */
struct mt_trace_kernel {
    const char *name;       /* as in the module: mangled for C++ */
    uint32_t params;        /* MT_PARAMS_UNKNOWN where the driver could not tell */
    const uint16_t *layout; /* params pairs of offset and size in bytes */
};
const struct mt_trace_kernel *mt_trace_kernel(const struct mt_trace *trace, uint64_t id);

/* What is known of stacks by the `code`, `frame` and `module` events seen so far. A stack is the
 * id of its innermost frame (the field `stack` of events; 0: none), and goes on outwards with
 * `caller`, which is always smaller. Of an id that was not seen all three return NULL. */
struct mt_trace_frame {
    uint32_t id;
    uint32_t caller; /* 0: this is the outermost frame */
    uint32_t code;   /* mt_trace_code; 0: a native frame */
    uint32_t module; /* mt_trace_module; 0: a Python frame, or code that lies in no file */
    uint64_t where;  /* Python: line. Native: where the call returns to, as the file counts its
                        addresses; without module the address in memory */
};
const struct mt_trace_frame *mt_trace_frame(const struct mt_trace *trace, uint64_t id);

struct mt_trace_code {
    const char *file;
    const char *name; /* qualified where the interpreter knows it so (3.11), else plain */
    uint64_t first_line;
};
const struct mt_trace_code *mt_trace_code(const struct mt_trace *trace, uint64_t id);

struct mt_trace_module {
    const char *path;
    const char *build_id; /* hexadecimal, empty: it has none */
    uint64_t base;        /* was added to the file's addresses */
    uint64_t size;        /* from the first to the last mapped byte */
};
const struct mt_trace_module *mt_trace_module(const struct mt_trace *trace, uint64_t id);
/* The text of a `string` event seen so far; NULL if none was seen. */
const char *mt_trace_string(const struct mt_trace *trace, uint64_t id);

struct mt_trace_stats {
    uint64_t file_bytes;      /* size of the file */
    uint64_t events;          /* in the chunks (by their headers) and in the ring file */
    uint64_t events_salvaged; /* of those: from the ring file, after the process was killed */
    uint64_t events_lost;     /* the recorder counted as lost (full ring, full disk) */
    uint64_t events_damaged;  /* in chunks that could not be decoded; complete after a full read */
    uint64_t chunks, chunks_damaged;
    uint64_t bytes_skipped; /* of the file that make no sense */
    uint64_t first_damage;  /* offset in the file, when bytes were skipped or chunks damaged */
    uint64_t first_ns, last_ns;
    uint64_t start_realtime_ns; /* CLOCK_REALTIME at time 0 */
    uint64_t quantum_ns;        /* times are multiples of it */
    uint32_t threads;
    uint32_t pid;
    bool complete; /* the recorder came to its clean end */
};
void mt_trace_stats(const struct mt_trace *trace, struct mt_trace_stats *stats);

/* How far mt_trace_next has come: events delivered or passed over, of stats.events. */
uint64_t mt_trace_position(const struct mt_trace *trace);

#ifdef __cplusplus
}
#endif

#endif
