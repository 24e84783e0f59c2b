#include "report/story.h"

#include <inttypes.h>
#include <string.h>

#include "report/number.h"

#define BYTES(n) mt_human_bytes((char[MT_HUMAN_MAX]){0}, n)

/* The parts of the sum, as table accounting calls them, and as a person does. */
static const char *const parts[][2] = {
    {"blocks", "blocks"},
    {"slack", "slack in segments"},
    {"nccl", "NCCL"},
    {"driver", "other allocations"},
    {"unmapped", "physical memory mapped nowhere"},
    {"rounding", "rounding"},
    {"pools", "freed memory in pools"},
    {"managed", "managed memory elsewhere"},
    {"context", "context"},
    {"modules", "modules"},
    {"graphs", "graphs"},
    {"profilers", "profilers"},
    {"unattributed", "unknown use"},
    {"others", "other processes"},
};

static const char *says(const char *known_by)
{
    return strcmp(known_by, "process") == 0 ? "this process"
           : strcmp(known_by, "alone") == 0 ? "the only process on it"
                                            : "all processes on it";
}

static bool is_part(const struct mt_rows *rows, size_t i, uint64_t device, const char *what)
{
    const char *is = mt_rows_get(rows, i, "what").s;
    return is && strcmp(is, what) == 0 && mt_rows_get(rows, i, "device").u == device;
}

static int64_t sum(const struct mt_rows *rows, uint64_t device, const char *what)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < mt_rows_count(rows); i++)
        if (is_part(rows, i, device, what))
            bytes += mt_rows_get(rows, i, "size_bytes").i;
    return bytes;
}

static void put_parts(struct mt_output *output, const struct mt_rows *rows, uint64_t device)
{
    bool first = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int64_t bytes = sum(rows, device, parts[i][0]);
        if (bytes == 0)
            continue;
        mt_printf(output, "%s%s%s of %s", first ? "" : ", ", bytes < 0 ? "-" : "",
                  BYTES((uint64_t)(bytes < 0 ? -bytes : bytes)), parts[i][1]);
        first = false;
    }
    mt_put_char(output, '\n');
}

void mt_story_taken(struct mt_output *output, const struct mt_rows *rows)
{
    bool first = true;
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        uint64_t device = mt_rows_get(rows, i, "device").u;
        if (!is_part(rows, i, device, "total"))
            continue;
        mt_story_label(output, first ? "taken" : "");
        mt_printf(output, "at most %s of device %" PRIu64 ", as NVML says of %s:\n",
                  BYTES(mt_rows_get(rows, i, "size_bytes").u), device,
                  says(mt_rows_get(rows, i, "known_by").s));
        mt_story_label(output, "");
        put_parts(output, rows, device);
        first = false;
    }
}
