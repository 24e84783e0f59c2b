#include "base/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

bool mt_clock_counter;

void mt_clock_init(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    /* CPUID 80000007h EDX bit 8: the TSC runs at one rate in every power state. */
    mt_clock_counter = __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1u << 8;
#elif defined(__aarch64__)
    mt_clock_counter = true;
#endif
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t mt_clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t mt_clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* A preemption between the two clocks would bend the line, so the narrowest bracket of eight wins. */
struct mt_clock_pair mt_clock_sample(void)
{
    struct mt_clock_pair best = {0, 0};
    uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = mt_clock_ticks();
        uint64_t ns = mt_clock_monotonic_ns();
        uint64_t width = mt_clock_ticks() - before;
        if (width < narrowest) {
            narrowest = width;
            best = (struct mt_clock_pair){before + width / 2, ns};
        }
    }
    return best;
}

/* Index of the segment's left pair: the last pair at or before `ticks`, the last but one at most. */
static size_t segment(const struct mt_clock_pair *pairs, size_t n, uint64_t ticks)
{
    size_t low = 0, high = n - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (pairs[middle].ticks <= ticks)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t mt_clock_translate(const struct mt_clock_pair *pairs, size_t n, uint64_t ticks)
{
    if (n == 1)
        return pairs[0].ns + (ticks - pairs[0].ticks);
    const struct mt_clock_pair *left = &pairs[segment(pairs, n, ticks)];
    uint64_t width = left[1].ticks - left[0].ticks, rise = left[1].ns - left[0].ns;
    if (width == 0)
        return left->ns;
    /* 128 bits: hours of ticks times the rise of a segment overflow 64. */
    __int128 offset = (__int128)(int64_t)(ticks - left->ticks) * (int64_t)rise / (int64_t)width;
    __int128 ns = (__int128)left->ns + offset;
    return ns < 0 ? 0 : (uint64_t)ns;
}
