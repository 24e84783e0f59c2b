#include "plots.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/answers/tables.h"

/* X(file without .svg, what draws it) */
#define PLOTS(X) X(gantt, picture) X(memory, picture) X(ati, histogram)

static int out_of_memory(struct mt_error *error)
{
    return mt_fail(error, MT_ERR_MEMORY, "out of memory for plots");
}

int plots_want(struct plots *plots, struct mt_engine *engine, const char *folder,
               struct mt_error *error)
{
    static const struct mt_table *const tables[] = {&mt_table_picture, &mt_table_picture_accesses,
                                                    &mt_table_roles};
    plots->folder = folder;
    plots->pictures = mt_pictures_new();
    if (!plots->pictures)
        return out_of_memory(error);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct mt_sink *sink = mt_pictures_sink(plots->pictures);
        if (!sink)
            return out_of_memory(error);
        RETURN_IF_ERROR(mt_engine_want(engine, tables[i], sink));
    }
    plots->histogram = mt_rows_new(0, NULL);
    if (!plots->histogram)
        return out_of_memory(error);
    return mt_engine_want(engine, &mt_table_ati_histogram, mt_rows_sink(plots->histogram));
}

int plots_write(const struct plots *plots, struct mt_error *error)
{
    const struct mt_picture *picture = mt_pictures_get(plots->pictures);
    const struct mt_rows *histogram = plots->histogram;
    char path[4096];
    int code = 0;
#define WRITE(name, data)                                                                          \
    if (code == 0) {                                                                               \
        snprintf(path, sizeof path, "%s/" #name ".svg", plots->folder);                            \
        struct mt_output *output = mt_output_new(path, error);                                     \
        if (output)                                                                                \
            mt_plot_##name(output, data);                                                          \
        code = output ? mt_output_close(output) : error->code;                                     \
        mt_output_free(output);                                                                    \
    }
    PLOTS(WRITE)
#undef WRITE
    return code;
}

void plots_release(struct plots *plots)
{
    mt_pictures_free(plots->pictures);
}
