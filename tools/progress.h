/* A progress bar on standard error: only on a terminal, and only when it takes longer than a
 * second. */
#ifndef MT_PROGRESS_H
#define MT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t start_ns, shown_ns;
    bool visible, shown;
};

void progress_start(struct progress *progress, const char *what);
int progress_show(void *progress, uint64_t done, uint64_t all); /* an mt_progress; returns 0 */
void progress_end(struct progress *progress);

#endif
