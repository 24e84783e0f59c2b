/* Convolutions and matrix products take structures of hundreds of words, few of which are
 * addresses. So first eight words at once are asked whether the upper half of one lies where those
 * of device addresses do, and only where one does each is looked at. */
#include "shim/cuda/kernels/paramscan.h"

#include <stdbool.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define AT_ONCE 8u

/* Upper halves of device addresses: [low, low + span]. */
struct halves {
    uint32_t low, span;
};

static inline struct halves halves_of_devices(void)
{
    uint32_t low = atomic_load_explicit(&mt_granule_range.low, memory_order_relaxed);
    uint32_t high = atomic_load_explicit(&mt_granule_range.high, memory_order_relaxed);
    uint32_t first = low >> (32 - MT_GRANULE_BITS);
    uint32_t last = (high - 1) >> (32 - MT_GRANULE_BITS);
    /* Nothing is marked: mt_is_device says so of each word. */
    return low < high ? (struct halves){first, last - first} : (struct halves){0, UINT32_MAX};
}

#if defined(__SSE2__)
static inline __m128i four_are_out(const char *at, __m128i low, __m128i span)
{
    __m128 one = _mm_loadu_ps((const float *)(const void *)at);
    __m128 two = _mm_loadu_ps((const float *)(const void *)(at + 16));
    __m128i upper = _mm_castps_si128(_mm_shuffle_ps(one, two, _MM_SHUFFLE(3, 1, 3, 1)));
    return _mm_cmpgt_epi32(_mm_sub_epi32(upper, low), span);
}

/* Comparisons are of signed numbers: both sides are moved by half of what there is. */
static inline bool none_of(const char *at, struct halves halves)
{
    __m128i low = _mm_set1_epi32((int)(halves.low + 0x80000000u));
    __m128i span = _mm_set1_epi32((int)(halves.span ^ 0x80000000u));
    __m128i out = _mm_and_si128(four_are_out(at, low, span), four_are_out(at + 32, low, span));
    return _mm_movemask_epi8(out) == 0xffff;
}
#else
static inline bool none_of(const char *at, struct halves halves)
{
    bool any = false;
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        uint64_t word;
        memcpy(&word, at + 8 * i, 8);
        any |= (uint32_t)(word >> 32) - halves.low <= halves.span;
    }
    return !any;
}
#endif

MT_HOT uint32_t mt_scan_words(struct mt_found found, const void *memory, uint32_t words,
                              uint32_t offset)
{
    struct halves halves = halves_of_devices();
    const char *at = memory, *end = at + 8 * (size_t)words;
    while (at < end) {
        bool many = end - at >= (ptrdiff_t)(8 * AT_ONCE);
        if (many && none_of(at, halves)) {
            at += 8 * AT_ONCE;
            offset += 8 * AT_ONCE;
            continue;
        }
        for (uint32_t n = many ? AT_ONCE : (uint32_t)(end - at) / 8; n > 0; n--) {
            mt_scan_word(&found, at, offset);
            at += 8;
            offset += 8;
        }
    }
    return found.n;
}
