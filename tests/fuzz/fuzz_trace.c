/* Any bytes as a trace file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "fuzz.h"
#include "memtrace/trace.h"

static void read_all(struct mt_trace *trace)
{
    const struct mt_record *record;
    uint64_t last = 0;
    while ((record = mt_trace_next(trace, NULL))) {
        if (!mt_record_is_valid(record) || record->time < last)
            abort();
        last = record->time;
        mt_trace_kernel(trace, record->word[0]);
        mt_trace_api(trace, record->word[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char name[64];
    struct mt_trace *trace;
    struct mt_error error = {0};
    struct mt_trace_stats stats;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    if (mt_trace_open(&trace, name, &error) < 0) {
        if (trace || !*error.message)
            abort();
        close(fd);
        return 0;
    }
    read_all(trace);
    mt_trace_stats(trace, &stats);
    if (mt_trace_position(trace) > stats.events)
        abort();
    mt_trace_window(trace, stats.first_ns + 1, stats.last_ns);
    mt_trace_rewind(trace);
    read_all(trace);
    mt_trace_free(trace);
    close(fd);
    return 0;
}
