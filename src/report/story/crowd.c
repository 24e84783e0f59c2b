#include "report/story/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "report/story/storydevices.h"
#include "report/story/storywords.h"

/* What is wrong with traces. */
struct flaws {
    uint64_t traces, lossy, lost, open, damaged;
};

struct mt_crowd_group {
    char *command;
    size_t traces;
    struct flaws told, all;
    bool failed;   /* the one that is told ran out of memory */
    uint64_t peak; /* of the one that is told */
    struct mt_page page;
};

/* Commands that are not known are all different. */
static struct mt_crowd_group *find(const struct mt_crowd *crowd, const char *command)
{
    for (size_t i = 0; command && i < crowd->groups; i++)
        if (crowd->group[i].command && strcmp(crowd->group[i].command, command) == 0)
            return &crowd->group[i];
    return NULL;
}

static struct mt_crowd_group *add_group(struct mt_crowd *crowd, const char *command)
{
    if (crowd->groups == crowd->room) {
        size_t room = crowd->room ? crowd->room * 2 : 4;
        struct mt_crowd_group *group = realloc(crowd->group, room * sizeof *group);
        if (!group)
            return NULL;
        crowd->group = group;
        crowd->room = room;
    }
    struct mt_crowd_group *group = &crowd->group[crowd->groups];
    memset(group, 0, sizeof *group);
    group->command = command ? strdup(command) : NULL;
    if (command && !group->command)
        return NULL;
    crowd->groups++;
    return group;
}

static uint64_t peak_of(const struct mt_story *story)
{
    unsigned device[MT_STORY_DEVICES + 1];
    size_t used = mt_story_used(story, device);
    return used ? mt_story_device(story, device[0], "peak_allocated_bytes") : 0;
}

static struct flaws flaws_of(const struct mt_story *story)
{
    uint64_t lost = mt_rows_number(story->summary, "events_lost");
    bool damaged = mt_rows_number(story->summary, "events_damaged") ||
                   mt_rows_number(story->summary, "chunks_damaged") ||
                   mt_rows_number(story->summary, "bytes_skipped");
    return (struct flaws){.traces = 1,
                          .lossy = lost > 0,
                          .lost = lost,
                          .open = !mt_rows_number(story->summary, "complete"),
                          .damaged = damaged};
}

static void add_flaws(struct flaws *sum, const struct flaws *more)
{
    sum->traces += more->traces;
    sum->lossy += more->lossy;
    sum->lost += more->lost;
    sum->open += more->open;
    sum->damaged += more->damaged;
}

bool mt_crowd_add(struct mt_crowd *crowd, const struct mt_story *story)
{
    const char *command = mt_rows_text(story->summary, "command");
    struct mt_crowd_group *group = find(crowd, command);
    uint64_t peak = peak_of(story);
    bool failed = mt_story_out_of_memory(story);
    if (!group)
        group = add_group(crowd, command);
    if (!group)
        return false;
    struct flaws flaws = flaws_of(story);
    add_flaws(&group->all, &flaws);
    if (!group->traces || failed > group->failed || (!group->failed && peak > group->peak)) {
        mt_story_brief(&group->page, story);
        group->failed = failed;
        group->peak = peak;
        group->told = flaws;
    }
    group->traces++;
    return true;
}

/* What is lost is told of every trace. */
static void write_others(const struct mt_crowd_group *group, struct mt_output *output)
{
    const struct flaws *all = &group->all, *told = &group->told;
    uint64_t lossy = all->lossy - told->lossy, open = all->open - told->open;
    uint64_t damaged = all->damaged - told->damaged, others = all->traces - told->traces;
    struct mt_page page;
    if (!lossy && !open && !damaged)
        return;
    mt_page_start(&page, 1);
    mt_page_begin(&page, "note", MT_PAGE_BESIDE);
    mt_page_add(&page, "of the %s %s: ", COUNTED(others, "other", "others"));
    if (lossy)
        mt_page_add(&page, "%s lost %s %s", NUMBER(lossy),
                    COUNTED(all->lost - told->lost, "event", "events"));
    if (open)
        mt_page_add(&page, "%s%s not closed (killed or cut)", lossy ? "; " : "", NUMBER(open));
    if (damaged)
        mt_page_add(&page, "%s%s damaged", lossy || open ? "; " : "", NUMBER(damaged));
    mt_page_write(&page, output);
}

void mt_crowd_write(const struct mt_crowd *crowd, struct mt_output *output)
{
    for (size_t i = 0; i < crowd->groups; i++) {
        const struct mt_crowd_group *group = &crowd->group[i];
        if (group->traces > 1)
            mt_printf(output, "of %zu traces of one command %s:\n", group->traces,
                      group->failed ? "the first that ran out of memory"
                                    : "the one with the highest peak");
        mt_page_write(&group->page, output);
        write_others(group, output);
    }
}

void mt_crowd_release(struct mt_crowd *crowd)
{
    for (size_t i = 0; i < crowd->groups; i++)
        free(crowd->group[i].command);
    free(crowd->group);
    *crowd = (struct mt_crowd){0};
}
