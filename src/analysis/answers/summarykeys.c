#include "analysis/answers/summarykeys.h"

#include <stddef.h>

const struct mt_summary_key mt_summary_keys[] = {
#define META(key, doc) {#key, MT_U_NONE, doc},
#define FACT(key, unit, doc) {#key, MT_U_##unit, doc},
#define DEVICE(key, unit, doc)
#include "analysis/answers/summary.def"
    {"device.N.name", MT_U_NONE, "name of a device"},
#define META(key, doc)
#define FACT(key, unit, doc)
#define DEVICE(key, unit, doc) {"device.N." #key, MT_U_##unit, doc},
#include "analysis/answers/summary.def"
#define COUNT(name, unit, doc) {#name, MT_U_##unit, doc},
#include "model/counts.def"
    {"variant.NAME", MT_U_COUNT,
     "times the job asked for a variant of a hooked function that is "
     "not known: its calls are not in the trace"},
    {NULL, MT_U_NONE, NULL},
};
