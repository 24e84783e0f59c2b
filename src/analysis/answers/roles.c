#include "analysis/answers/roles.h"

#include <stddef.h>

#define CATEGORY(name, doc) {#name, doc},
#define PHASE(name, doc)
#define RULE(name, category, doc)
const struct mt_role mt_category_roles[MT_CATEGORIES] = {
#include "analysis/answers/roles.def"
};

#define CATEGORY(name, doc)
#define PHASE(name, doc) {#name, doc},
#define RULE(name, category, doc)
const struct mt_role mt_phase_roles[MT_PHASES] = {
    {NULL, NULL},
#include "analysis/answers/roles.def"
};

#define CATEGORY(name, doc)
#define PHASE(name, doc)
#define RULE(name, category, doc) {#name, doc},
const struct mt_role mt_rule_roles[MT_RULES] = {
#include "analysis/answers/roles.def"
};

enum mt_category mt_rule_category(enum mt_rule rule)
{
    static const uint8_t category_of[MT_RULES] = {
#define CATEGORY(name, doc)
#define PHASE(name, doc)
#define RULE(name, category, doc) MT_CATEGORY_##category,
#include "analysis/answers/roles.def"
    };
    return (enum mt_category)category_of[rule];
}
