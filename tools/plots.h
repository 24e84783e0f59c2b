/* --plots DIR of memtrace-analyze: which tables the plots need, and the files they become. */
#ifndef PLOTS_H
#define PLOTS_H

#include "analysis/engine/engine.h"
#include "plot/picture.h"

struct plots {
    const char *folder;
    struct mt_pictures *pictures;
    struct mt_rows *histogram; /* the engine's */
};

/* Want the tables for plots in `folder`, which is there. 0 or a negative enum mt_err. */
int plots_want(struct plots *plots, struct mt_engine *engine, const char *folder,
               struct mt_error *error);

/* Write them, after the engine has finished. */
int plots_write(const struct plots *plots, struct mt_error *error);

void plots_release(struct plots *plots);

#endif
