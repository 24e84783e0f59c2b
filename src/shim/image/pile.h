/* Memory that is not the job's: mapped, and it grows. */
#ifndef MT_PILE_H
#define MT_PILE_H

#include <stddef.h>

struct mt_pile {
    void *at; /* NULL at first */
    size_t bytes;
};

/* Room for `bytes` bytes in a pile, NULL where memory is out. What was in it stays. */
void *mt_pile_room(struct mt_pile *pile, size_t bytes);
void mt_pile_release(struct mt_pile *pile);

#endif
