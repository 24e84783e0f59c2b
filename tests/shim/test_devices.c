/* Several devices in one process, and several processes on one device. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

START_TEST(two_in_one_process)
{
    struct run run = run_clean(LIST("SIMCUDA_DEVICES=2"), LIST("victim", "devices"));
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.events, 2 + 2 * 200 * 5 + 6 + 3 + 3 + 2 + 6 + 2);
    ck_assert_uint_eq(seen.threads, 3);
    ck_assert_uint_eq(seen.variants, 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("devices", two_in_one_process)
