/* Categories, phases and rules of roles.def. */
#ifndef MT_ROLES_H
#define MT_ROLES_H

#include <stdint.h>

#define CATEGORY(name, doc) MT_CATEGORY_##name,
#define PHASE(name, doc)
#define RULE(name, category, doc)
enum mt_category {
#include "analysis/answers/roles.def"
    MT_CATEGORIES
};

/* MT_PHASE_none: outside of iterations, or of one whose phases are not known. */
#define CATEGORY(name, doc)
#define PHASE(name, doc) MT_PHASE_##name,
#define RULE(name, category, doc)
enum mt_phase {
    MT_PHASE_none,
#include "analysis/answers/roles.def"
    MT_PHASES
};

#define CATEGORY(name, doc)
#define PHASE(name, doc)
#define RULE(name, category, doc) MT_RULE_##name,
enum mt_rule {
#include "analysis/answers/roles.def"
    MT_RULES
};

struct mt_role {
    const char *name, *doc;
};

extern const struct mt_role mt_category_roles[MT_CATEGORIES];
extern const struct mt_role mt_phase_roles[MT_PHASES]; /* the name of none is NULL */
extern const struct mt_role mt_rule_roles[MT_RULES];

/* The category in which a rule puts a block. */
enum mt_category mt_rule_category(enum mt_rule rule);

#endif
