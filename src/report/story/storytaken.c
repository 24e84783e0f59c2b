#include "report/story/story.h"

#include <inttypes.h>
#include <string.h>

#include "report/story/sums.h"
#include "report/story/storywords.h"

/* The parts of the sum, as table accounting calls them, and as a person does, at length and short.
 */
static const char *const parts[][3] = {
    {"blocks", "blocks", "blocks"},
    {"slack", "slack in segments", "slack"},
    {"nccl", "NCCL", "NCCL"},
    {"driver", "other allocations", "driver allocations"},
    {"unmapped", "physical memory mapped nowhere", "unmapped"},
    {"rounding", "rounding", "rounding"},
    {"pools", "freed memory in pools", "pools"},
    {"managed", "managed memory elsewhere", "managed elsewhere"},
    {"context", "context", "context"},
    {"modules", "modules", "modules"},
    {"graphs", "graphs", "graphs"},
    {"profilers", "profilers", "profilers"},
    {"unattributed", "unknown use", "unknown"},
    {"others", "other processes", "other processes"},
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

bool mt_story_taken_line(struct mt_page *page, const struct mt_rows *rows, uint64_t device)
{
    struct mt_sum parted = {.parts = 0};
    const char *known_by = NULL;
    size_t told = 0;
    for (size_t i = 0; i < mt_rows_count(rows); i++)
        if (is_part(rows, i, device, "total"))
            known_by = mt_rows_get(rows, i, "known_by").s;
    if (!known_by)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        mt_sum_add(&parted, parts[i][2], sum(rows, device, parts[i][0]));
    parted.total = sum(rows, device, "total");
    mt_page_add(page, "%s taken%s (NVML): ", BYTES((uint64_t)parted.total),
                strcmp(known_by, "device") == 0 ? " by all processes" : "");
    mt_sum_write(page, &parted, &told, MT_PAGE_COLUMNS, false);
    return true;
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
