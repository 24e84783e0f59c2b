/* What one hooked call costs: loops of launches (three pointers), allocations with their frees, c10
 * reports and ranges against the simulated driver. Run bare and preloaded, the difference is the
 * hook.
 *
 *   bench-hooks [THREADS [BURSTS]]
 *
 * Prints "name ns" lines: the median over bursts of the time of one call, in the calling thread's
 * CPU time. A burst fits into a ring, and between bursts the drain thread gets time to empty it: a
 * job that launches faster than it can be recorded is another question (bench-drain). */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memtrace/memtrace.h"

#include "benchdriver.h"
#include "timing.h"

#define CALLS 20000
#define BURSTS_MAX 1000
#define THREADS_MAX 64

static struct bench_driver driver;
static int bursts = 30;

static void mark_once(const struct bench_driver *unused)
{
    (void)unused;
    memtrace_range_push("forward pass");
    memtrace_range_pop();
}

static const struct {
    const char *name;
    void (*once)(const struct bench_driver *driver);
    int calls; /* of hooked functions in `once` */
} loops[] = {{"launch", bench_launch, 1},
             {"alloc_free", bench_alloc_free, 2},
             {"block", bench_block, 2},
             {"range", mark_once, 2}};
#define LOOPS (sizeof loops / sizeof *loops)

struct result {
    double ns[LOOPS];
};

static double time_loop(size_t loop)
{
    double ns[BURSTS_MAX];
    int times = CALLS / loops[loop].calls;
    for (int i = 0; i < bursts; i++) {
        double start = thread_ns();
        for (int j = 0; j < times; j++)
            loops[loop].once(&driver);
        ns[i] = (thread_ns() - start) / CALLS;
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
    }
    qsort(ns, (size_t)bursts, sizeof *ns, ascending);
    return ns[bursts / 2];
}

static void *run(void *data)
{
    struct result *result = data;
    bench_check(driver.set_context(driver.context), "context");
    for (size_t i = 0; i < LOOPS; i++)
        result->ns[i] = loops[i].once == bench_block && !driver.report ? 0 : time_loop(i);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t thread[THREADS_MAX];
    static struct result result[THREADS_MAX];
    if (argc > 2)
        bursts = atoi(argv[2]);
    if (threads < 1 || threads > THREADS_MAX || bursts < 1 || bursts > BURSTS_MAX)
        return 2;
    bench_driver_open(&driver);
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, run, &result[i]);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < LOOPS; i++) {
        double sum = 0;
        for (int t = 0; t < threads; t++)
            sum += result[t].ns[i];
        printf("%s %.1f\n", loops[i].name, sum / threads);
    }
    return 0;
}
