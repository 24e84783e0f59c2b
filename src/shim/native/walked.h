/* The memory in which a thread keeps the way of its last walk. */
#ifndef MT_WALKED_H
#define MT_WALKED_H

#include "shim/native/native.h"

/* The calling thread's, NULL where it has none (yet). Takes no lock. */
struct mt_walked *mt_walked_here(void);

#endif
