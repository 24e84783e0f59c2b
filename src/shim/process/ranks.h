/* The process's place in its job, from its environment (ranks.def). Each a decimal number as it
 * stands there, NULL where none tells. */
#ifndef MT_RANKS_H
#define MT_RANKS_H

const char *mt_rank(void);       /* among all processes of the job */
const char *mt_rank_local(void); /* among those on this machine */
const char *mt_rank_world(void); /* how many the job has */

#endif
