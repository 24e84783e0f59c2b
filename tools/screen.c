#include "screen.h"

#include "analysis/answers/tables.h"

enum { TOP = 5, SITES = 64 * TOP, RANKS_MAX = 65536 }; /* sites are those of all devices */

struct want {
    struct mt_engine *engine;
    struct mt_error *error;
};

static int want_rows(const struct want *want, struct mt_rows **rows, const struct mt_table *table,
                     size_t limit, const char *by)
{
    *rows = mt_rows_new(limit, by);
    if (!*rows)
        return mt_fail(want->error, MT_ERR_MEMORY, "out of memory");
    return mt_engine_want(want->engine, table, mt_rows_sink(*rows));
}

static int want_length(const struct want *want, struct mt_story *story)
{
    RETURN_IF_ERROR(want_rows(want, &story->kernels, &mt_table_kernels, TOP, "touched_bytes"));
    RETURN_IF_ERROR(want_rows(want, &story->blocks, &mt_table_blocks, TOP, "size_bytes"));
    mt_rows_only(story->blocks, "level", "block");
    return 0;
}

static int want_failures(const struct want *want, struct mt_story *story)
{
    RETURN_IF_ERROR(want_rows(want, &story->failures, &mt_table_failures, TOP, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->refused, &mt_table_failures, 1, NULL));
    mt_rows_only(story->refused, "what", "block");
    return 0;
}

/* What every story is made of. */
static int want_facts(const struct want *want, struct mt_story *story)
{
    RETURN_IF_ERROR(want_rows(want, &story->summary, &mt_table_summary, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->rhythm, &mt_table_rhythm, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->leaks, &mt_table_leaks, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->sites, &mt_table_sites, SITES, "at_peak_bytes"));
    mt_rows_only(story->sites, "by", "line");
    RETURN_IF_ERROR(want_rows(want, &story->taken, &mt_table_accounting, 0, NULL));
    mt_rows_only(story->taken, "moment", "peak");
    RETURN_IF_ERROR(want_rows(want, &story->peak, &mt_table_peak, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->swap_plan, &mt_table_swap_plan, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->ati, &mt_table_ati, 0, NULL));
    RETURN_IF_ERROR(want_rows(want, &story->gaps, &mt_table_gaps, 0, NULL));
    return want_failures(want, story);
}

int screen_want(struct screen *screen, struct mt_engine *engine, struct mt_output *output,
                char *const *traces, struct mt_error *error)
{
    const struct want want = {engine, error};
    screen->output = output;
    RETURN_IF_ERROR(want_facts(&want, &screen->story));
    if (screen->at_length)
        RETURN_IF_ERROR(want_length(&want, &screen->story));
    return traces[1] ? want_rows(&want, &screen->ranks, &mt_table_ranks, RANKS_MAX,
                                 "peak_allocated_bytes")
                     : 0;
}

static void forget_story(struct mt_story *story)
{
    struct mt_rows *const rows[] = {story->summary,   story->rhythm, story->sites, story->failures,
                                    story->refused,   story->taken,  story->leaks, story->peak,
                                    story->swap_plan, story->ati,    story->gaps,  story->kernels,
                                    story->blocks};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i])
            mt_rows_clear(rows[i]);
}

int screen_tell(struct screen *screen, const char *path, const struct mt_trace_stats *stats,
                struct mt_error *error)
{
    bool told = true;
    if (!screen->output)
        return 0;
    screen->story.path = path;
    screen->story.first_damage = stats->first_damage;
    if (screen->at_length)
        mt_story_long(screen->output, &screen->story);
    else
        told = mt_crowd_add(&screen->crowd, &screen->story);
    forget_story(&screen->story);
    return told ? 0 : mt_fail(error, MT_ERR_MEMORY, "out of memory");
}

void screen_end(struct screen *screen)
{
    if (!screen->output)
        return;
    if (!screen->at_length)
        mt_crowd_write(&screen->crowd, screen->output);
    if (screen->ranks)
        mt_story_ranks(screen->output, screen->ranks);
    if (!screen->at_length)
        mt_story_more(screen->output);
}

void screen_release(struct screen *screen)
{
    mt_crowd_release(&screen->crowd);
}
