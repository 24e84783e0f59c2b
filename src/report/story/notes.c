#include "report/story/notes.h"

#include <stdio.h>
#include <string.h>

#include "report/number.h"
#include "report/story/page.h"

static const struct {
    const char *key, *one, *many;
} counted[] = {
    {"overlaps", "time live memory was given out again: events are missing",
     "times live memory was given out again: events are missing"},
    {"allocator_mismatches", "time the allocator's own sum differed: events are missing",
     "times the allocator's own sum differed: events are missing"},
    {"invalid_records", "event with impossible values", "events with impossible values"},
    {"graph_launches_unknown", "launch of a graph whose nodes are not in the trace",
     "launches of graphs whose nodes are not in the trace"},
    {"graphs_partial", "graph with nodes that could not be looked at",
     "graphs with nodes that could not be looked at"},
    {"graphs_device", "graph that kernels may launch as well, unseen",
     "graphs that kernels may launch as well, unseen"},
    {"launches_arguments_unknown", "launch whose arguments could not be searched",
     "launches whose arguments could not be searched"},
    {"launches_arguments_cut", "launch with more pointers than could be recorded",
     "launches with more pointers than could be recorded"},
    {"late_frees", "driver free of memory from before the trace",
     "driver frees of memory from before the trace"},
    {"late_block_frees", "block taken back from before the trace",
     "blocks taken back from before the trace"},
};

_Static_assert(sizeof counted / sizeof *counted < MT_NOTES_MAX, "and one of variants");

#define NAMES_BYTES (MT_NOTE_BYTES - 128u) /* the rest of the note's line has room beside */

/* Behind `used` bytes of names, if all of it has room there; bytes used then. */
static size_t add_name(char names[NAMES_BYTES], size_t used, const char *name)
{
    const char *between = used ? ", " : "";
    if (used + strlen(between) + strlen(name) >= NAMES_BYTES)
        return used;
    return (size_t)(stpcpy(stpcpy(names + used, between), name) - names);
}

/* A call that went by unseen may be the one that matters: say which. */
static size_t note_variants(const struct mt_story *story, char *note)
{
    static const char prefix[] = "variant.";
    char names[NAMES_BYTES] = "", name[MT_PAGE_LINE_BYTES];
    size_t found = 0, used = 0;
    for (size_t i = 0; i < mt_rows_count(story->summary); i++) {
        const char *key = mt_rows_get(story->summary, i, "key").s;
        if (strncmp(key, prefix, strlen(prefix)) != 0)
            continue;
        mt_page_name(name, key + strlen(prefix), MT_PAGE_COLUMNS / 2);
        used = add_name(names, used, name);
        found++;
    }
    if (found)
        snprintf(note, MT_NOTE_BYTES, "calls of %zu unknown %s of driver functions are missing: %s",
                 found, mt_human_noun(found, "variant", "variants"), names);
    return found > 0;
}

size_t mt_story_notes(const struct mt_story *story, char (*note)[MT_NOTE_BYTES])
{
    size_t notes = 0;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        char number[MT_HUMAN_MAX];
        uint64_t n = mt_rows_number(story->summary, counted[i].key);
        if (n)
            snprintf(note[notes++], MT_NOTE_BYTES, "%s %s", mt_human_count(number, n),
                     mt_human_noun(n, counted[i].one, counted[i].many));
    }
    return notes + note_variants(story, note[notes]);
}
