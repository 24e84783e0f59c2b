#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "plain.h"

#define WIDTH 30
#define FIRST_NS 1000000000u
#define AGAIN_NS 200000000u

void progress_start(struct progress *progress, const char *what)
{
    *progress = (struct progress){
        .what = what,
        .start_ns = mt_clock_monotonic_ns(),
        .visible = isatty(STDERR_FILENO) == 1,
    };
}

int progress_show(void *data, uint64_t done, uint64_t all)
{
    struct progress *progress = data;
    uint64_t now = progress->visible ? mt_clock_monotonic_ns() : 0;
    if (!progress->visible || now - progress->start_ns < FIRST_NS ||
        now - progress->shown_ns < AGAIN_NS)
        return 0;
    double share = all > done ? (double)done / (double)all : 1;
    double left = (double)(now - progress->start_ns) / 1e9 * (1 - share) / (share > 0 ? share : 1);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(share * WIDTH) ? '#' : '.';
    bar[WIDTH] = 0;
    char what[41];
    snprintf(what, sizeof what, "%s", progress->what);
    fprintf(stderr, "\r[%s] %3.0f %%, %.0f s left  ", bar, share * 100, left);
    mt_put_plain(stderr, what);
    fputs("\033[K", stderr);
    progress->shown_ns = now;
    progress->shown = true;
    return 0;
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
