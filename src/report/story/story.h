/* What a trace says, for the screen: in ten lines, or in all that fits in some fifty. Reads rows of
 * the tables named here; what is not there is left out. */
#ifndef MT_STORY_H
#define MT_STORY_H

#include "report/output.h"
#include "report/rows.h"
#include "report/story/page.h"

struct mt_story {
    const char *path;           /* of the trace */
    uint64_t first_damage;      /* offset in the file, where something is damaged */
    struct mt_rows *summary;    /* all rows */
    struct mt_rows *rhythm;     /* all rows */
    struct mt_rows *sites;      /* those of lines with the most at the peak */
    struct mt_rows *failures;   /* the first few */
    struct mt_rows *refused;    /* of those: the first that a caching allocator had to refuse */
    struct mt_rows *taken;      /* of table accounting: those of the peak */
    struct mt_rows *leaks;      /* all rows */
    struct mt_rows *peak;       /* all rows */
    struct mt_rows *swap_plan;  /* all rows */
    struct mt_rows *ati, *gaps; /* all rows; the largest first */
    struct mt_rows *kernels;    /* the first few; this and blocks NULL: not asked for */
    struct mt_rows *blocks;     /* the largest */
};

/* The ten lines of one process and device, one or two more for each further device, and lines
 * beside them about what is lost, damaged or else not known. */
void mt_story_brief(struct mt_page *page, const struct mt_story *story);

/* Whether the job met the end of the memory. */
bool mt_story_out_of_memory(const struct mt_story *story);

/* All at once, as long as it may be. */
void mt_story_long(struct mt_output *output, const struct mt_story *story);

/* What a stranger may ask next. */
void mt_story_more(struct mt_output *output);

/* What several traces come to side by side: rows of table ranks, the largest first. Fewer than two
 * rows: nothing. */
void mt_story_ranks(struct mt_output *output, const struct mt_rows *ranks);

/* ---- parts of them ---- */

/* Of the ten lines those about memory: peak, categories, sites, what the driver says, what idles.
 */
void mt_story_memory(struct mt_page *page, const struct mt_story *story);

/* How long blocks of a device wait between accesses; no line where that is not known. */
void mt_story_gaps(struct mt_page *page, const struct mt_story *story, unsigned device);

/* What NVML said was taken, and by what: rows of table accounting of one moment; mt_story_long
 * calls it. None: nothing. */
void mt_story_taken(struct mt_output *output, const struct mt_rows *rows);

/* The same in one line, of one device; false where nothing is known. */
bool mt_story_taken_line(struct mt_page *page, const struct mt_rows *rows, uint64_t device);

/* The lines about peak, leaks and swap_plan, and who held the most at the peak;
 * mt_story_long calls it. */
void mt_story_explain(struct mt_output *output, const struct mt_story *story);

/* What a line begins with; and the name of a kernel or site, shortened. */
void mt_story_label(struct mt_output *output, const char *text);
void mt_story_name(struct mt_output *output, const char *name);

#endif
