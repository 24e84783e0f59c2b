/* What every hook touches lies together. Between two calls of ours a framework runs megabytes of
 * other code and data, so a hook costs what it waits for: each line of 64 bytes, each page. A
 * benchmark times that (tests/bench/cold.c), a script counts them (tests/bench/coldlines.py). */
#ifndef MT_HOT_H
#define MT_HOT_H

/* Variables that hooks read at every call, and that seldom change. */
#define MT_HOT_DATA __attribute__((section("mt_hot_data")))

/* Functions of every call, side by side, and what such a function does only now and then: called,
 * never inlined, far away. */
#define MT_HOT __attribute__((hot))
#define MT_SELDOM __attribute__((cold, noinline))

/* The line that holds an address will be written. Of x86-64's first generation, and so in general,
 * __builtin_prefetch asks for it only to read; a processor that does not know this passes over. */
static inline void mt_prefetch_to_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

#endif
