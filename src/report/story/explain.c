/* The part of the story that says who: who made the peak, what grows, what could leave. Most of it
 * takes longer to find out, and is said where the tables were asked for. */
#include <string.h>

#include "report/story/story.h"
#include "report/story/sums.h"
#include "report/story/storywords.h"

#define CATEGORIES 4u /* of a peak, on one line */
#define LEAKS 3u      /* that are told one by one */
#define SITES 5u

#define U(rows, row, column) mt_rows_get(rows, row, column).u

/* The largest categories of the peak. */
static void tell_categories(struct mt_output *output, const struct mt_rows *peak, size_t row)
{
    struct mt_sum sum = {.parts = 0};
    mt_sum_categories(&sum, peak, row);
    if (!sum.parts)
        return;
    mt_put_char(output, '\n');
    mt_story_label(output, "");
    for (size_t i = 0; i < sum.parts && i < CATEGORIES; i++)
        mt_printf(output, "%s%.*s %s", i ? ", " : "",
                  (int)(strlen(sum.part[i].name) - strlen("_bytes")), sum.part[i].name,
                  BYTES((uint64_t)sum.part[i].bytes));
}

static void tell_peak(struct mt_output *output, const struct mt_rows *peak)
{
    for (size_t row = 0; row < mt_rows_count(peak); row++) {
        struct mt_value phase = mt_rows_get(peak, row, "phase");
        mt_story_label(output, row ? "" : "peak");
        mt_put_string(output, BYTES(U(peak, row, "allocated_bytes")));
        if (mt_rows_get(peak, row, "iteration").null)
            mt_printf(output, " at %s, in no iteration", NS(U(peak, row, "time_ns")));
        else
            mt_printf(output, ", %s iteration %llu%s%s%s",
                      PLACE(mt_rows_get(peak, row, "iteration_share").r),
                      (unsigned long long)U(peak, row, "iteration"), phase.null ? "" : " (",
                      phase.null ? "" : phase.s, phase.null ? "" : ")");
        tell_categories(output, peak, row);
        mt_put_char(output, '\n');
    }
}

/* Who held the most when the most was allocated; nothing where no stack was recorded. */
static void tell_sites(struct mt_output *output, const struct mt_rows *sites)
{
    for (size_t row = 0; row < mt_rows_count(sites) && row < SITES; row++) {
        if (U(sites, row, "at_peak_bytes") == 0)
            return;
        mt_story_label(output, row ? "" : "at peak");
        uint64_t blocks = U(sites, row, "at_peak_blocks");
        mt_printf(output, "%8s in %s %s ", BYTES(U(sites, row, "at_peak_bytes")), NUMBER(blocks),
                  mt_human_noun(blocks, "block", "blocks"));
        if (strcmp(mt_rows_get(sites, row, "site").s, "(no stack)") == 0) {
            mt_put_string(output, "without a stack\n");
            continue;
        }
        mt_put_string(output, "of ");
        mt_story_name(output, mt_rows_get(sites, row, "site").s);
        mt_put_char(output, '\n');
    }
}

static void tell_leak(struct mt_output *output, const struct mt_rows *leaks, size_t row)
{
    struct mt_value site = mt_rows_get(leaks, row, "site");
    mt_story_label(output, "");
    mt_printf(output, "%8s by blocks of %s",
              BYTES((uint64_t)mt_rows_get(leaks, row, "bytes_per_iteration").r),
              mt_rows_get(leaks, row, "size_bytes").null ? "several sizes"
                                                         : BYTES(U(leaks, row, "size_bytes")));
    if (site.null) {
        mt_printf(output, ", the first is block %llu\n",
                  (unsigned long long)U(leaks, row, "first_block_id"));
        return;
    }
    mt_put_string(output, " of ");
    mt_story_name(output, site.s);
    mt_put_char(output, '\n');
}

static void tell_leaks(struct mt_output *output, const struct mt_rows *leaks)
{
    double bytes = 0;
    size_t kinds = 0, told = 0;
    for (size_t row = 0; row < mt_rows_count(leaks); row++) {
        if (!U(leaks, row, "leak"))
            continue;
        bytes += mt_rows_get(leaks, row, "bytes_per_iteration").r;
        kinds++;
    }
    mt_story_label(output, "growth");
    if (!kinds) {
        mt_put_string(output, "none that repeats\n");
        return;
    }
    mt_printf(output, "%s an iteration%s\n", BYTES((uint64_t)bytes),
              kinds > LEAKS ? ", the most of it (table leaks has the rest):" : ":");
    for (size_t row = 0; row < mt_rows_count(leaks) && told < LEAKS; row++) {
        if (!U(leaks, row, "leak"))
            continue;
        tell_leak(output, leaks, row);
        told++;
    }
}

/* GB/s as the options have it. */
static double bandwidth(const struct mt_rows *plan, size_t row, const char *column)
{
    return (double)U(plan, row, column) / 1e9;
}

static void tell_swap(struct mt_output *output, const struct mt_rows *plan)
{
    bool told = false;
    for (size_t row = 0; row < mt_rows_count(plan); row++) {
        const char *whose = mt_rows_get(plan, row, "iteration").null ? "the trace" : "an iteration";
        double out = bandwidth(plan, row, "d2h_bytes_per_second");
        double back = bandwidth(plan, row, "h2d_bytes_per_second");
        if (!U(plan, row, "peak_bytes"))
            continue;
        mt_story_label(output, told ? "" : "swap");
        told = true;
        if (!U(plan, row, "at_peak_bytes")) {
            mt_printf(output,
                      "nothing could be on the host at the peak of %s (%g GB/s out, %g back)\n",
                      whose, out, back);
            continue;
        }
        mt_printf(output, "%s of %s could be on the host at the peak of %s; over one\n",
                  BYTES(U(plan, row, "at_peak_bytes")), BYTES(U(plan, row, "peak_bytes")), whose);
        mt_story_label(output, "");
        mt_printf(output, "link of %g GB/s out and %g GB/s back that peak falls to %s\n", out, back,
                  BYTES(U(plan, row, "result_bytes")));
    }
}

void mt_story_explain(struct mt_output *output, const struct mt_story *story)
{
    tell_peak(output, story->peak);
    tell_sites(output, story->sites);
    if (story->leaks)
        tell_leaks(output, story->leaks);
    tell_swap(output, story->swap_plan);
}
