/* What a trace says, in ten to twenty lines for the screen. Reads rows of the tables summary,
 * kernels, rhythm, blocks, sites, failures and accounting; what is not there is left out. */
#ifndef MT_STORY_H
#define MT_STORY_H

#include "report/output.h"
#include "report/rows.h"

struct mt_story {
    const char *path;                         /* of the trace */
    uint64_t first_damage;                    /* offset in the file, where something is damaged */
    struct mt_rows *summary;                  /* all rows */
    struct mt_rows *kernels;                  /* the first few */
    struct mt_rows *rhythm;                   /* all rows */
    struct mt_rows *peak, *leaks, *swap_plan; /* all rows; NULL: not asked for */
    struct mt_rows *blocks;                   /* the largest */
    struct mt_rows *sites;                    /* those of lines with the most at the peak */
    struct mt_rows *failures;                 /* the first few */
    struct mt_rows *taken;                    /* of table accounting: those of the peak */
};

void mt_story_write(struct mt_output *output, const struct mt_story *story);

/* What NVML said was taken, and by what: rows of table accounting of one moment; mt_story_write
 * calls it. None: nothing. */
void mt_story_taken(struct mt_output *output, const struct mt_rows *rows);

/* What several traces come to side by side: rows of table ranks, the largest first. Fewer than two
 * rows: nothing. */
void mt_story_ranks(struct mt_output *output, const struct mt_rows *ranks);

/* The lines about peak, leaks and swap_plan, and who held the most at the peak;
 * mt_story_write calls it. */
void mt_story_explain(struct mt_output *output, const struct mt_story *story);

/* What a line begins with; and the name of a kernel or site, shortened. */
void mt_story_label(struct mt_output *output, const char *text);
void mt_story_name(struct mt_output *output, const char *name);

#endif
