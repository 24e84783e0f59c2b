/* Time: a counter that costs 10 ns to read, and its translation to nanoseconds.
 *
 * Ticks are the TSC (x86-64, where it is invariant), the virtual counter (aarch64), or
 * CLOCK_MONOTONIC in ns elsewhere. Pairs (ticks, CLOCK_MONOTONIC) are taken now and then; between
 * two pairs time is linear. The translation is continuous and grows with ticks, whoever asks and
 * when, as long as the pairs on both sides of a time are kept. */
#ifndef MT_CLOCK_H
#define MT_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct mt_clock_pair {
    uint64_t ticks;
    uint64_t ns; /* CLOCK_MONOTONIC */
};

extern bool mt_clock_counter; /* whether the processor's counter is used; set by mt_clock_init */

/* Decide which counter serves. Call once, before the first mt_clock_ticks. */
void mt_clock_init(void);

uint64_t mt_clock_monotonic_ns(void);
uint64_t mt_clock_realtime_ns(void);

static inline uint64_t mt_clock_ticks(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(mt_clock_counter, 1))
        return __rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#endif
    return mt_clock_monotonic_ns();
}

/* One pair, the tightest of a few tries. */
struct mt_clock_pair mt_clock_sample(void);

/* Nanoseconds at `ticks`, by the pairs (ascending in ticks, n >= 1). Before the first and after the
 * last pair the nearest segment is prolonged; with one pair ticks count as ns. */
uint64_t mt_clock_translate(const struct mt_clock_pair *pairs, size_t n, uint64_t ticks);

#endif
