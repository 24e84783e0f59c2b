#include "report/story/story.h"

#include <inttypes.h>

#include "report/number.h"

#define SHOWN 8u /* of the largest; the others are summed up by the least of them */

static uint64_t number(const struct mt_rows *ranks, size_t i, const char *column)
{
    return mt_rows_get(ranks, i, column).u;
}

/* Who it is: the rank if it has one, else the place of its trace on the command line. */
static void put_who(struct mt_output *output, const struct mt_rows *ranks, size_t i)
{
    struct mt_value rank = mt_rows_get(ranks, i, "rank"), device = mt_rows_get(ranks, i, "device");
    mt_printf(output, "  %s %" PRIu64, rank.null ? "trace" : "rank",
              rank.null ? number(ranks, i, "trace") : rank.u);
    if (device.null)
        mt_put_string(output, ", device ?");
    else
        mt_printf(output, ", device %" PRIu64, device.u);
}

static void put_rank(struct mt_output *output, const struct mt_rows *ranks, size_t i)
{
    char allocated[MT_HUMAN_MAX], reserved[MT_HUMAN_MAX], sent[MT_HUMAN_MAX];
    uint64_t failures = number(ranks, i, "failures");
    put_who(output, ranks, i);
    mt_printf(output, ": most allocated %s, most reserved %s",
              mt_human_bytes(allocated, number(ranks, i, "peak_allocated_bytes")),
              mt_human_bytes(reserved, number(ranks, i, "peak_reserved_bytes")));
    if (number(ranks, i, "collectives"))
        mt_printf(output, ", sent %s", mt_human_bytes(sent, number(ranks, i, "sent_bytes")));
    if (failures)
        mt_printf(output, ", %" PRIu64 " %s failed", failures,
                  mt_human_noun(failures, "request", "requests"));
    mt_put_char(output, '\n');
}

static void put_spread(struct mt_output *output, uint64_t most, uint64_t least)
{
    char bytes[MT_HUMAN_MAX], share[MT_HUMAN_MAX];
    double part = most ? (double)(most - least) / (double)most : 0;
    mt_printf(output, "  between the most and the least lie %s, %s of the most\n",
              mt_human_bytes(bytes, most - least), mt_human_share(share, part));
}

void mt_story_ranks(struct mt_output *output, const struct mt_rows *ranks)
{
    size_t n = mt_rows_count(ranks);
    if (n < 2)
        return;
    mt_put_string(output, "all traces, the largest first\n");
    for (size_t i = 0; i < n && i < SHOWN; i++)
        put_rank(output, ranks, i);
    if (n > SHOWN + 1)
        mt_printf(output, "  and %zu more; the last of them:\n", n - SHOWN);
    if (n > SHOWN)
        put_rank(output, ranks, n - 1);
    put_spread(output, number(ranks, 0, "peak_allocated_bytes"),
               number(ranks, n - 1, "peak_allocated_bytes"));
}
