/* Time: a counter that costs 10 ns to read, and its translation to nanoseconds.
 *
 * Ticks are the TSC (x86-64, where it is invariant), the virtual counter (aarch64), or
 * CLOCK_MONOTONIC_RAW in ns elsewhere. Two pairs (ticks, CLOCK_MONOTONIC_RAW) taken once at the
 * start fix a line; it is never bent afterwards, so every tick has one time, whoever translates it
 * and when, and order is kept. The raw clock runs at the counter's own rate, so the line stays
 * straight; its slope is known to about 40 ns over the distance of the pairs (10 ppm at 4 ms). */
#ifndef MT_CLOCK_H
#define MT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct mt_clock_pair {
    uint64_t ticks;
    uint64_t ns; /* CLOCK_MONOTONIC_RAW */
};

extern bool mt_clock_counter; /* whether the processor's counter is used; set by mt_clock_init */

/* Decide which counter serves. Call before the first mt_clock_ticks. */
void mt_clock_init(void);

uint64_t mt_clock_raw_ns(void);
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
    return mt_clock_raw_ns();
}

/* One pair, the tightest of a few tries. */
struct mt_clock_pair mt_clock_sample(void);

/* Nanoseconds from pair[0] to `ticks` on the line through both pairs; 0 for an earlier tick. */
uint64_t mt_clock_since(const struct mt_clock_pair pair[2], uint64_t ticks);

#endif
