/* Drivers and look-ups out of the ordinary. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/unit.h"
#include "victim.h"

/* It hands out a kernel's handle again before the unload returns. */
START_TEST(driver_of_long_ago)
{
    char libraries[4096];
    snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s/old", getenv("MT_VICTIMS"));
    struct run run = run_clean(LIST(libraries), LIST("victim", "old-driver"));
    ck_assert_uint_eq(compare_run(&run).events, 5);
    run_free(&run);
}
END_TEST

static void check_two(const char *preload, enum door door)
{
    char number[8];
    snprintf(number, sizeof number, "%d", door);
    struct run run = run_order(&(struct order){
        .preload = preload, .arguments = LIST("victim-linked", "two-tools", number)});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    if (door != DOOR_DEFAULT) /* there the other tool comes first, and finds the driver itself */
        ck_assert_uint_eq(compare_run(&run).events, 20);
    run_free(&run);
}

START_TEST(another_tool_before)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "%s/libvictim-other.so:%s", getenv("MT_VICTIMS"),
             getenv("MT_SHIM"));
    for (enum door door = DOOR_EXPORTED; door <= DOOR_PROC_2; door++)
        check_two(preload, door);
}
END_TEST

START_TEST(another_tool_behind)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "%s:%s/libvictim-other.so", getenv("MT_SHIM"),
             getenv("MT_VICTIMS"));
    for (enum door door = DOOR_EXPORTED; door <= DOOR_PROC_2; door++)
        check_two(preload, door);
}
END_TEST

START_TEST(unknown_variants_are_told)
{
    struct run run =
        run_clean(LIST("SIMCUDA_UNKNOWN_FROM=13000"), LIST("victim", "unknown"));
    ck_assert_uint_eq(compare_run(&run).variants, 6);
    run_free(&run);
}
END_TEST

START_TEST(no_driver_at_all)
{
    struct run run = run_order(&(struct order){.arguments = LIST("victim", "no-driver")});
    run_must_succeed(&run);
    ck_assert_uint_eq(run_files(&run, ""), 0);
    run_free(&run);
}
END_TEST

UNIT_MAIN("resolve", driver_of_long_ago, another_tool_before, another_tool_behind,
          unknown_variants_are_told, no_driver_at_all)
