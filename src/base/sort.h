/* Numbers in ascending order, in time linear in how many they are where they are close to each
 * other, as lengths and distances are. */
#ifndef MT_SORT_H
#define MT_SORT_H

#include <stddef.h>
#include <stdint.h>

void mt_sort_u32(uint32_t *value, size_t n);
void mt_sort_u64(uint64_t *value, size_t n);
void mt_sort_i64(int64_t *value, size_t n);
void mt_sort_double(double *value, size_t n); /* none of them is a NaN */

#endif
