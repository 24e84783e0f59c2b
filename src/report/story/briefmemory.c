/* The story in ten lines: of memory. The line of categories adds up to the peak, the one of sites
 * too, and the one of what the driver says to its total. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/story/storydevices.h"
#include "report/story/story.h"
#include "report/story/sums.h"
#include "report/story/weights.h"
#include "report/story/storywords.h"

#define SHOWN 4u              /* devices, the largest */
#define SITE_COLUMNS 44u      /* of a name */
#define LINES_AFTER 3u        /* of a device, behind that of sites */
#define NO_STACK "(no stack)" /* a site of table sites */
#define U(rows, row, column) mt_rows_get(rows, row, column).u

/* ---- the peak ---- */

static bool has_iterations(const struct mt_story *story)
{
    for (size_t row = 0; row < mt_rows_count(story->rhythm); row++)
        if (U(story->rhythm, row, "is_iteration"))
            return true;
    return false;
}

static void when(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    size_t row = mt_story_row(story->peak, device);
    struct mt_value share = mt_rows_get(story->peak, row, "iteration_share");
    struct mt_value phase = mt_rows_get(story->peak, row, "phase");
    uint64_t ns = mt_story_device(story, device, "peak_allocated_ns");
    if (row == SIZE_MAX || !has_iterations(story))
        mt_page_add(page, " at %s", NS(ns));
    else if (mt_rows_get(story->peak, row, "iteration").null)
        mt_page_add(page, " at %s, outside of iterations", NS(ns));
    else
        mt_page_add(page, ", %s iteration %" PRIu64 "%s%s%s", PLACE(share.r),
                    U(story->peak, row, "iteration"), phase.null ? "" : " (",
                    phase.null ? "" : phase.s, phase.null ? "" : ")");
}

/* What was held then beyond what was allocated; a log that was imported does not tell. */
static void slack(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    size_t row = mt_story_row(story->peak, device);
    uint64_t allocated = mt_story_device(story, device, "peak_allocated_bytes");
    uint64_t reserved = row == SIZE_MAX ? mt_story_device(story, device, "peak_reserved_bytes")
                                        : U(story->peak, row, "reserved_bytes");
    if (mt_rows_text(story->summary, "imported") || reserved < allocated)
        return;
    mt_page_add(page, "; %s reserved", BYTES(reserved));
    if (row == SIZE_MAX) /* the most, at whatever time */
        mt_page_add(page, " at most");
    else if (reserved == allocated)
        mt_page_add(page, ", no slack");
    else
        mt_page_add(page, ", %s slack", BYTES(reserved - allocated));
}

static void tell_peak(struct mt_page *page, const struct mt_story *story, unsigned device,
                      bool alone)
{
    size_t row = mt_story_row(story->peak, device);
    char who[16] = "";
    mt_page_begin(page, "peak", WEIGHT_PEAK);
    if (!alone && device != MT_STORY_UNKNOWN)
        snprintf(who, sizeof who, "device %u: ", device);
    mt_page_add(page, "%s%s", who, BYTES(mt_story_device(story, device, "peak_allocated_bytes")));
    when(page, story, device);
    slack(page, story, device);
    if (row != SIZE_MAX && !mt_rows_get(story->peak, row, "iteration").null)
        mt_page_add(page, "; at %s", NS(mt_story_device(story, device, "peak_allocated_ns")));
}

/* ---- what it is made of ---- */

static void tell_categories(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    size_t row = mt_story_row(story->peak, device);
    char name[MT_PARTS_MAX][32];
    struct mt_sum sum = {.parts = 0};
    size_t told = 0;
    if (row == SIZE_MAX)
        return;
    mt_sum_categories(&sum, story->peak, row);
    for (size_t i = 0; i < sum.parts; i++) { /* a column's name in words */
        snprintf(name[i], sizeof *name, "%.*s", (int)(strlen(sum.part[i].name) - strlen("_bytes")),
                 sum.part[i].name);
        for (char *at = name[i]; (at = strchr(at, '_')) != NULL;)
            *at = ' ';
        sum.part[i].name = name[i];
    }
    mt_page_begin(page, "made of", WEIGHT_CATEGORIES);
    mt_sum_write(page, &sum, &told, MT_PAGE_COLUMNS, false);
}

static const char *site_of(const struct mt_rows *sites, size_t row)
{
    const char *site = mt_rows_get(sites, row, "site").s;
    return strcmp(site, NO_STACK) == 0 ? "without a stack" : site;
}

/* Without stacks there is one row, which says so. */
static bool has_stacks(const struct mt_rows *sites)
{
    for (size_t row = 0; row < mt_rows_count(sites); row++)
        if (U(sites, row, "at_peak_bytes") &&
            strcmp(mt_rows_get(sites, row, "site").s, NO_STACK) != 0)
            return true;
    return false;
}

/* Who asked for what lived at the peak, over two lines where there is room for them. */
static void tell_sites(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    struct mt_sum sum = {.parts = 0};
    size_t told = 0;
    sum.total = (int64_t)mt_story_device(story, device, "peak_allocated_bytes");
    mt_page_begin(page, "asked by", WEIGHT_SITES);
    if (!has_stacks(story->sites)) {
        mt_page_add(page, "not known, no stacks were recorded; the largest block is %s",
                    BYTES(mt_rows_number(story->summary, "largest_block_bytes")));
        return;
    }
    for (size_t row = 0; row < mt_rows_count(story->sites); row++) {
        struct mt_value of = mt_rows_get(story->sites, row, "device");
        if (of.null ? device == MT_STORY_UNKNOWN : of.u == device)
            mt_sum_add(&sum, site_of(story->sites, row),
                       (int64_t)U(story->sites, row, "at_peak_bytes"));
    }
    bool two = page->lines + LINES_AFTER < page->limit;
    if (!mt_sum_write(page, &sum, &told, SITE_COLUMNS, two) || !two)
        return;
    mt_page_begin(page, "", WEIGHT_SITES_MORE);
    mt_sum_write(page, &sum, &told, SITE_COLUMNS, false);
}

/* ---- what the device has of it ---- */

static void tell_device(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    uint64_t total = mt_story_device(story, device, "total_bytes");
    uint64_t reserved = mt_story_device(story, device, "peak_reserved_bytes");
    uint64_t blocks = mt_story_device(story, device, "end_blocks");
    mt_page_begin(page, "device", WEIGHT_DEVICE);
    if (mt_story_taken_line(page, story->taken, device))
        return;
    if (!mt_rows_text(story->summary, "imported"))
        mt_page_add(page, "%s reserved at most", BYTES(reserved));
    if (total && reserved)
        mt_page_add(page, ", %s of its %s", SHARE((double)reserved / (double)total), BYTES(total));
    mt_page_add(page, "%sat the end %s in %s %s", page->line[page->lines - 1].parts ? "; " : "",
                BYTES(mt_story_device(story, device, "end_allocated_bytes")),
                COUNTED(blocks, "block", "blocks"));
}

/* ---- what idles ---- */

static void tell_idle(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    size_t row = mt_story_row(story->swap_plan, device);
    if (row == SIZE_MAX || !U(story->swap_plan, row, "peak_bytes"))
        return;
    double out = (double)U(story->swap_plan, row, "d2h_bytes_per_second") / 1e9;
    uint64_t peak = U(story->swap_plan, row, "peak_bytes");
    uint64_t away = U(story->swap_plan, row, "at_peak_bytes");
    uint64_t result = U(story->swap_plan, row, "result_bytes");
    mt_page_begin(page, "idle", WEIGHT_IDLE);
    if (!away)
        mt_page_add(page, "nothing of the peak's %s idles long enough to be on the host meanwhile",
                    BYTES(peak));
    else
        mt_page_add(page, "%s of %s could be on the host at the peak", BYTES(away), BYTES(peak));
    if (away)
        mt_page_add(page, ", %s by one %g GB/s link",
                    peak > result ? BYTES(peak - result) : "nothing", out);
}

/* The row of all kinds of intervals with the most of them. */
static size_t find_intervals(const struct mt_rows *ati, unsigned device)
{
    size_t best = SIZE_MAX;
    for (size_t row = 0; row < mt_rows_count(ati); row++) {
        struct mt_value of = mt_rows_get(ati, row, "device");
        if (!mt_rows_get(ati, row, "first_kind").null || !mt_rows_get(ati, row, "wraps").null ||
            !(of.null ? device == MT_STORY_UNKNOWN : of.u == device))
            continue;
        if (best == SIZE_MAX || U(ati, row, "intervals") > U(ati, best, "intervals"))
            best = row;
    }
    return best;
}

void mt_story_gaps(struct mt_page *page, const struct mt_story *story, unsigned device)
{
    size_t row = find_intervals(story->ati, device);
    if (row == SIZE_MAX)
        return;
    mt_page_begin(page, "gaps", WEIGHT_GAPS);
    mt_page_add(page, "half below %s, 99 %% below %s between accesses",
                NS(U(story->ati, row, "p50_ns")), NS(U(story->ati, row, "p99_ns")));
    row = mt_story_row(story->gaps, device);
    if (row != SIZE_MAX)
        mt_page_add(page, "; largest %s for %s", BYTES(U(story->gaps, row, "size_bytes")),
                    NS(U(story->gaps, row, "gap_ns")));
}

void mt_story_memory(struct mt_page *page, const struct mt_story *story)
{
    unsigned device[MT_STORY_DEVICES + 1];
    size_t used = mt_story_used(story, device);
    size_t shown = used < SHOWN ? used : SHOWN;
    if (!used) {
        bool whole = !mt_rows_number(story->summary, "events_damaged") &&
                     !mt_rows_number(story->summary, "bytes_skipped") &&
                     !mt_rows_number(story->summary, "events_lost");
        mt_page_begin(page, "peak", WEIGHT_PEAK);
        mt_page_add(page, whole ? "no device memory was taken"
                                : "not known: what is missing may have taken memory");
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        tell_peak(page, story, device[i], used == 1);
        tell_categories(page, story, device[i]);
        if (i > 0)
            continue;
        tell_sites(page, story, device[i]);
        tell_device(page, story, device[i]);
        tell_idle(page, story, device[i]);
        mt_story_gaps(page, story, device[i]);
    }
    page->limit += 2 * (shown - 1); /* not before: there is no room in them for another line */
    if (used == shown)
        return;
    mt_page_begin(page, "note", MT_PAGE_BESIDE);
    mt_page_add(page, "%zu more %s, %s at most: --explain", used - shown,
                mt_human_noun(used - shown, "device", "devices"),
                BYTES(mt_story_device(story, device[shown], "peak_allocated_bytes")));
}
