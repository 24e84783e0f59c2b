#include "analysis/measures/touched.h"

#include <string.h>

#include "../unit.h"

#define BLOCKS 8
#define KERNELS 5000

static bool seen[BLOCKS][KERNELS];

START_TEST(equals_an_array)
{
    struct mt_touched touched[BLOCKS];
    struct mt_touched_pool pool = {{NULL}};
    uint64_t state = (uint64_t)_i;
    uint32_t kernels = _i % 2 ? KERNELS : 9;
    memset(touched, 0, sizeof touched);
    memset(seen, 0, sizeof seen);
    for (int step = 0; step < 20000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t block = (state >> 60) % BLOCKS, kernel = (uint32_t)(state >> 33) % kernels;
        int new = mt_touched_add(&touched[block], &pool, kernel);
        ck_assert_int_eq(new, !seen[block][kernel]);
        seen[block][kernel] = true;
        if (step % 97 == 0) {
            mt_touched_clear(&touched[block], &pool);
            memset(seen[block], 0, sizeof seen[block]);
        }
    }
    for (int block = 0; block < BLOCKS; block++)
        mt_touched_clear(&touched[block], &pool);
    mt_touched_pool_release(&pool);
}
END_TEST

int main(void)
{
    const TTest *const none[] = {NULL};
    Suite *suite = unit_suite("touched", none);
    TCase *property = tcase_create("property");
    tcase_add_loop_test(property, equals_an_array, 1, 5);
    suite_add_tcase(suite, property);
    return unit_run(suite);
}
