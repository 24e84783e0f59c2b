/* The part of the story that takes longer to find out: who made the peak, what grows, what could
 * leave. Said where the tables were asked for. */
#include <string.h>

#include "report/number.h"
#include "report/story.h"

#define CATEGORIES 4u /* of a peak, on one line */

#define BYTES(n) mt_human_bytes((char[MT_HUMAN_MAX]){0}, n)
#define SHARE(x) mt_human_share((char[MT_HUMAN_MAX]){0}, x)
#define U(rows, row, column) mt_rows_get(rows, row, column).u

static void label(struct mt_output *output, const char *text)
{
    mt_printf(output, "  %-10s ", text);
}

/* The largest categories of the peak: columns of table peak that end in _bytes. */
static void tell_categories(struct mt_output *output, const struct mt_rows *peak, size_t row)
{
    static const char *const columns[] = {
        "parameter_bytes",  "gradient_bytes",      "optimizer_state_bytes",
        "activation_bytes", "input_bytes",         "workspace_bytes",
        "temporary_bytes",  "communication_bytes", "unknown_bytes"};
    bool told[sizeof columns / sizeof *columns] = {false};
    for (size_t n = 0; n < CATEGORIES; n++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            if (!told[i] && U(peak, row, columns[i]) &&
                (best == SIZE_MAX || U(peak, row, columns[i]) > U(peak, row, columns[best])))
                best = i;
        if (best == SIZE_MAX)
            return;
        told[best] = true;
        mt_printf(output, "%s%.*s %s", n ? ", " : ": ",
                  (int)(strlen(columns[best]) - strlen("_bytes")), columns[best],
                  BYTES(U(peak, row, columns[best])));
    }
}

static void tell_peak(struct mt_output *output, const struct mt_rows *peak)
{
    for (size_t row = 0; row < mt_rows_count(peak); row++) {
        struct mt_value phase = mt_rows_get(peak, row, "phase");
        label(output, row ? "" : "peak");
        mt_put_string(output, BYTES(U(peak, row, "allocated_bytes")));
        if (mt_rows_get(peak, row, "iteration").null)
            mt_put_string(output, " outside of iterations");
        else
            mt_printf(output, " at %s of iteration %llu%s%s%s",
                      SHARE(mt_rows_get(peak, row, "iteration_share").r),
                      (unsigned long long)U(peak, row, "iteration"), phase.null ? "" : " (",
                      phase.null ? "" : phase.s, phase.null ? "" : ")");
        tell_categories(output, peak, row);
        mt_put_char(output, '\n');
    }
}

static void tell_leaks(struct mt_output *output, const struct mt_rows *leaks)
{
    double bytes = 0;
    size_t sizes = 0;
    for (size_t row = 0; row < mt_rows_count(leaks); row++) {
        if (!U(leaks, row, "leak"))
            continue;
        bytes += mt_rows_get(leaks, row, "bytes_per_iteration").r;
        sizes++;
    }
    label(output, "growth");
    if (sizes)
        mt_printf(output, "%s an iteration, by blocks of %zu sizes (table leaks)\n",
                  BYTES((uint64_t)bytes), sizes);
    else
        mt_put_string(output, "none that repeats\n");
}

static void tell_swap(struct mt_output *output, const struct mt_rows *plan)
{
    for (size_t row = 0; row < mt_rows_count(plan); row++) {
        label(output, row ? "" : "swap");
        mt_printf(output, "%s of %s could be away at the peak, each alone; ",
                  BYTES(U(plan, row, "at_peak_bytes")), BYTES(U(plan, row, "peak_bytes")));
        mt_printf(output, "sharing one link the peak falls to %s\n",
                  BYTES(U(plan, row, "result_bytes")));
    }
}

void mt_story_explain(struct mt_output *output, const struct mt_story *story)
{
    if (story->peak)
        tell_peak(output, story->peak);
    if (story->leaks)
        tell_leaks(output, story->leaks);
    if (story->swap_plan)
        tell_swap(output, story->swap_plan);
}
