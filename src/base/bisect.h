/* The place of a value among sorted items, by halving. */
#ifndef MT_BISECT_H
#define MT_BISECT_H

#include <stddef.h>

/* Index of the first of `n` items whose `member` is above `value`, `n` if none is; `array` is
 * sorted by the member. Both arguments are evaluated more than once. */
#define MT_FIRST_ABOVE(array, n, member, value)                                                    \
    ({                                                                                             \
        size_t mt_low = 0, mt_high = (n);                                                          \
        while (mt_low < mt_high) {                                                                 \
            size_t mt_middle = mt_low + (mt_high - mt_low) / 2;                                    \
            if ((array)[mt_middle].member <= (value))                                              \
                mt_low = mt_middle + 1;                                                            \
            else                                                                                   \
                mt_high = mt_middle;                                                               \
        }                                                                                          \
        mt_low;                                                                                    \
    })

#endif
