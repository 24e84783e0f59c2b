/* Tests linked with -Wl,--wrap=mt_trace_open read all their traces ahead. */
#include "memtrace/trace.h"

int __real_mt_trace_open(struct mt_trace **trace, const char *path, struct mt_error *error);
int __wrap_mt_trace_open(struct mt_trace **trace, const char *path, struct mt_error *error);

int __wrap_mt_trace_open(struct mt_trace **trace, const char *path, struct mt_error *error)
{
    int code = __real_mt_trace_open(trace, path, error);
    if (code < 0)
        return code;
    mt_trace_ahead(*trace, true);
    return mt_trace_rewind(*trace);
}
