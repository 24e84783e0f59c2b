/* The keys of table summary, for documentation. */
#ifndef MT_SUMMARYKEYS_H
#define MT_SUMMARYKEYS_H

#include "table/table.h"

struct mt_summary_key {
    const char *key; /* device.N.* stands for each device */
    enum mt_unit unit;
    const char *doc;
};

/* Every key, ended by one without a name. */
extern const struct mt_summary_key mt_summary_keys[];

#endif
