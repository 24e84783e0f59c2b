/* A glance at a long trace: which iterations passes are told of that can do with some of them.
 *
 * Steady iterations repeat each other, so what blocks are for shows in some as well as in all. All
 * that is not like the others is looked at: warm-up, whatever is not steady, of what is steady the
 * few that have most more or less in them than others, the beginning, the middle, the end, and
 * where the most memory was taken. Of the rest one run of four in each 64 is, or in fewer if that
 * makes less than 16 runs, at a place drawn by chance (always the same for the same trace): what
 * happens every so many iterations is met as often as it happens. What this can miss are accesses
 * to a block that lives through several iterations and is used in few. */
#ifndef MT_GLANCE_H
#define MT_GLANCE_H

#include <stddef.h>
#include <stdint.h>

#include "rhythm/rhythm.h"

/* LEAD: closely, but what came before was not: its first blocks are not known well. */
enum mt_look { MT_LOOK_AWAY, MT_LOOK_LEAD, MT_LOOK_CLOSE };

struct mt_glance {
    uint8_t *look; /* enum mt_look of each iteration; NULL: all are looked at closely */
    size_t iterations;
    size_t middle; /* mt_glance_middle */
};

/* Of a trace of `events`; false where memory is out. Where little could be left out all are looked
 * at. The rhythm must outlive the glance. */
bool mt_glance_choose(struct mt_glance *glance, const struct mt_rhythm *rhythm, uint64_t events);
void mt_glance_release(struct mt_glance *glance);

/* Look closely at one more, with those around it; SIZE_MAX is none. */
void mt_glance_add(struct mt_glance *glance, size_t iteration);

/* The iteration in or behind which a moment or an event lies, SIZE_MAX: before the first. */
size_t mt_glance_at(const struct mt_rhythm *rhythm, uint64_t time_ns);
size_t mt_glance_of(const struct mt_rhythm *rhythm, uint64_t event);

/* The middle one of those that are steady, or of all: as good as any other. SIZE_MAX: there is
 * none.
 */
size_t mt_glance_middle(const struct mt_rhythm *rhythm);

#endif
