/* The place of a value among sorted items, by halving. */
#ifndef MT_BISECT_H
#define MT_BISECT_H

#include <stddef.h>

/* The least `index` below `n` for which `holds` is true, `n` if there is none; from there on it is
 * true for all. */
#define MT_FIRST_WHERE(n, index, holds)                                                            \
    ({                                                                                             \
        size_t mt_low = 0, mt_high = (n);                                                          \
        while (mt_low < mt_high) {                                                                 \
            size_t index = mt_low + (mt_high - mt_low) / 2;                                        \
            if (holds)                                                                             \
                mt_high = index;                                                                   \
            else                                                                                   \
                mt_low = index + 1;                                                                \
        }                                                                                          \
        mt_low;                                                                                    \
    })

/* Index of the first of `n` items whose `member` is above `value`, `n` if none is; `array` is
 * sorted by the member. Both arguments are evaluated more than once. */
#define MT_FIRST_ABOVE(array, n, member, value)                                                    \
    MT_FIRST_WHERE(n, mt_middle, (array)[mt_middle].member > (value))

#endif
