#include "base/clock.h"

#include <time.h>

#include "base/hot.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

bool mt_clock_counter MT_HOT_DATA;

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

uint64_t mt_clock_raw_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC_RAW);
}

uint64_t mt_clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t mt_clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* A preemption between the two clocks would tilt the line, so the narrowest bracket of eight wins.
 */
struct mt_clock_pair mt_clock_sample(void)
{
    struct mt_clock_pair best = {0, 0};
    uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = mt_clock_ticks();
        uint64_t ns = mt_clock_raw_ns();
        uint64_t width = mt_clock_ticks() - before;
        if (width < narrowest) {
            narrowest = width;
            best = (struct mt_clock_pair){before + width / 2, ns};
        }
    }
    return best;
}

uint64_t mt_clock_since(const struct mt_clock_pair pair[2], uint64_t ticks)
{
    uint64_t width = pair[1].ticks - pair[0].ticks, rise = pair[1].ns - pair[0].ns;
    if (ticks <= pair[0].ticks)
        return 0;
    if (width == 0)
        return ticks - pair[0].ticks;
    /* 128 bits: a day of ticks times the rise overflows 64. */
    return (uint64_t)((unsigned __int128)(ticks - pair[0].ticks) * rise / width);
}
