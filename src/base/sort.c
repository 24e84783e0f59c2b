/* What is sorted already is left alone. Numbers that are close to each other are counted (H. H.
 * Seward, 1954), and so are few different ones, wherever they are; others are moved by their
 * digits, the last one first, as many as the distance between the smallest and the largest has.
 * Where there is no memory for either the C library sorts. */
#include "base/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FEW 48u            /* numbers that the C library sorts as fast */
#define COUNTED (1u << 16) /* distance between numbers that are counted */
#define DIGIT_BITS 11u
#define DIGITS (1u << DIGIT_BITS)
#define SIGN (UINT64_C(1) << 63)
#define MANY 4096u      /* numbers that are worth a look whether they are few different ones: */
#define DIFFERENT 1024u /* as many at most */

/* ---- 64 bits ---- */

static int compare_u64(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

/* The largest one less the smallest; 0 as well if they are in order. */
static uint64_t look_at_u64(const uint64_t *value, size_t n, uint64_t *least)
{
    uint64_t most = value[0];
    bool sorted = true;
    *least = value[0];
    for (size_t i = 1; i < n; i++) {
        sorted &= value[i] >= value[i - 1];
        *least = value[i] < *least ? value[i] : *least;
        most = value[i] > most ? value[i] : most;
    }
    return sorted ? 0 : most - *least;
}

static bool count_u64(uint64_t *value, size_t n, uint64_t least, uint64_t distance)
{
    size_t *times = calloc(distance + 1, sizeof *times), at = 0;
    for (size_t i = 0; times && i < n; i++)
        times[value[i] - least]++;
    for (size_t i = 0; times && i <= distance; i++)
        for (size_t k = times[i]; k; k--)
            value[at++] = least + i;
    free(times);
    return times;
}

static void move_by_digit(const uint64_t *from, uint64_t *to, size_t n, uint64_t least,
                          uint32_t shift)
{
    size_t at[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        at[(from[i] - least) >> shift & (DIGITS - 1)]++;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t times = at[i];
        at[i] = sum;
        sum += times;
    }
    for (size_t i = 0; i < n; i++)
        to[at[(from[i] - least) >> shift & (DIGITS - 1)]++] = from[i];
}

static bool move_u64(uint64_t *value, size_t n, uint64_t least, uint64_t distance)
{
    uint64_t *room = malloc(n * sizeof *room), *from = value, *to = room;
    for (uint32_t shift = 0; room && shift < 64 && distance >> shift; shift += DIGIT_BITS) {
        move_by_digit(from, to, n, least, shift);
        uint64_t *moved = to;
        to = from;
        from = moved;
    }
    if (room && from != value)
        memcpy(value, from, n * sizeof *value);
    free(room);
    return room;
}

struct tally {
    uint64_t value;
    size_t times; /* 0: free */
};

static int compare_tallies(const void *one, const void *other)
{
    return compare_u64(one, other);
}

/* false: there are too many different ones. */
static bool tally_all(const uint64_t *value, size_t n, struct tally *tally)
{
    uint32_t different = 0;
    for (size_t i = 0; i < n && different <= DIFFERENT; i++) {
        uint32_t at = (uint32_t)(value[i] * 0x9e3779b97f4a7c15u >> 32) & (2 * DIFFERENT - 1);
        while (tally[at].times && tally[at].value != value[i])
            at = (at + 1) & (2 * DIFFERENT - 1);
        tally[at].value = value[i];
        different += tally[at].times++ == 0;
    }
    return different <= DIFFERENT;
}

static bool tally_u64(uint64_t *value, size_t n)
{
    struct tally tally[2 * DIFFERENT] = {0};
    if (n < MANY || !tally_all(value, n, tally))
        return false;
    qsort(tally, 2 * DIFFERENT, sizeof *tally, compare_tallies);
    size_t at = 0;
    for (uint32_t i = 0; i < 2 * DIFFERENT; i++)
        for (size_t k = tally[i].times; k; k--)
            value[at++] = tally[i].value;
    return true;
}

static bool is_counted(size_t n, uint64_t distance)
{
    return distance < COUNTED && distance < 4 * n;
}

void mt_sort_u64(uint64_t *value, size_t n)
{
    uint64_t least, distance = n ? look_at_u64(value, n, &least) : 0;
    bool done = distance == 0;
    if (!done && n >= FEW)
        done = is_counted(n, distance) ? count_u64(value, n, least, distance)
                                       : tally_u64(value, n) || move_u64(value, n, least, distance);
    if (!done)
        qsort(value, n, sizeof *value, compare_u64);
}

void mt_sort_i64(int64_t *value, size_t n)
{
    uint64_t *bits = (uint64_t *)value;
    for (size_t i = 0; i < n; i++)
        bits[i] ^= SIGN;
    mt_sort_u64(bits, n);
    for (size_t i = 0; i < n; i++)
        bits[i] ^= SIGN;
}

/* Bits of positive numbers ascend as they do, those of negative ones descend. */
void mt_sort_double(double *value, size_t n)
{
    uint64_t *bits = (uint64_t *)value;
    for (size_t i = 0; i < n; i++)
        bits[i] = bits[i] & SIGN ? ~bits[i] : bits[i] | SIGN;
    mt_sort_u64(bits, n);
    for (size_t i = 0; i < n; i++)
        bits[i] = bits[i] & SIGN ? bits[i] & ~SIGN : ~bits[i];
}

/* ---- 32 bits ---- */

static int compare_u32(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static uint32_t look_at_u32(const uint32_t *value, size_t n, uint32_t *least)
{
    uint32_t most = value[0];
    bool sorted = true;
    *least = value[0];
    for (size_t i = 1; i < n; i++) {
        sorted &= value[i] >= value[i - 1];
        *least = value[i] < *least ? value[i] : *least;
        most = value[i] > most ? value[i] : most;
    }
    return sorted ? 0 : most - *least;
}

static bool count_u32(uint32_t *value, size_t n, uint32_t least, uint32_t distance)
{
    size_t *times = calloc((size_t)distance + 1, sizeof *times), at = 0;
    for (size_t i = 0; times && i < n; i++)
        times[value[i] - least]++;
    for (uint32_t i = 0; times && i <= distance; i++)
        for (size_t k = times[i]; k; k--)
            value[at++] = least + i;
    free(times);
    return times;
}

/* As numbers of 64 bits. */
static bool move_u32(uint32_t *value, size_t n)
{
    uint64_t *wide = malloc(n * sizeof *wide);
    for (size_t i = 0; wide && i < n; i++)
        wide[i] = value[i];
    if (wide)
        mt_sort_u64(wide, n);
    for (size_t i = 0; wide && i < n; i++)
        value[i] = (uint32_t)wide[i];
    free(wide);
    return wide;
}

void mt_sort_u32(uint32_t *value, size_t n)
{
    uint32_t least, distance = n ? look_at_u32(value, n, &least) : 0;
    bool done = distance == 0;
    if (!done && n >= FEW)
        done = is_counted(n, distance) ? count_u32(value, n, least, distance) : move_u32(value, n);
    if (!done)
        qsort(value, n, sizeof *value, compare_u32);
}
