#include "analysis/answers/tables.h"

#include <string.h>

#define TABLE(id, text, request) static const struct mt_column columns_##id[] = {
#define COLUMN(table, id, kind, what, text) {#id, text, MT_T_##kind, MT_U_##what},
#define END(table)                                                                                 \
    }                                                                                              \
    ;
#include "analysis/answers/tables.def"

#define TABLE(id, text, request)                                                                   \
    const struct mt_table mt_table_##id = {                                                        \
        .name = #id,                                                                               \
        .doc = text,                                                                               \
        .columns = columns_##id,                                                                   \
        .n_columns = MT_COLS_##id,                                                                 \
        .on_request = request,                                                                     \
    };
#define COLUMN(table, id, kind, what, text)
#define END(table)
#include "analysis/answers/tables.def"

const struct mt_table *const mt_tables[] = {
#define TABLE(id, text, request) &mt_table_##id,
#define COLUMN(table, id, kind, what, text)
#define END(table)
#include "analysis/answers/tables.def"
    NULL,
};

const struct mt_table *mt_table_find(const char *name)
{
    for (const struct mt_table *const *table = mt_tables; *table; table++)
        if (strcmp((*table)->name, name) == 0)
            return *table;
    return NULL;
}
