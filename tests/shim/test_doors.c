/* Every function of hooks.def, through each of the doors, against what should be recorded of it. */
#include "compare.h"

#include <stdio.h>
#include <string.h>

#include "shim/cuda/resolve.h"
#include "unit/unit.h"
#include "victim.h"

static void check_door(const char *victim, enum door door)
{
    char number[16], said[32];
    snprintf(number, sizeof number, "%d", door);
    snprintf(said, sizeof said, "%d functions\n", MT_APIS);
    struct run run = run_clean(LIST("SIMCUDA_DEVICES=2"), LIST(victim, "doors", number));
    ck_assert_str_eq(run.out, said);
    struct seen seen = compare_run(&run);
    ck_assert_uint_eq(seen.variants, 0);
    ck_assert_uint_gt(seen.events, 2 * MT_APIS);
    run_free(&run);
}

START_TEST(by_linking)
{
    check_door("victim-linked", DOOR_EXPORTED);
}
END_TEST

START_TEST(by_dlsym_on_a_handle)
{
    check_door("victim", DOOR_HANDLE);
    check_door("victim-linked", DOOR_HANDLE);
}
END_TEST

START_TEST(by_dlsym_rtld_default)
{
    check_door("victim", DOOR_DEFAULT);
    check_door("victim-linked", DOOR_DEFAULT);
}
END_TEST

START_TEST(by_dlsym_rtld_next)
{
    check_door("victim", DOOR_NEXT);
    check_door("victim-linked", DOOR_NEXT);
}
END_TEST

START_TEST(by_get_proc_address)
{
    check_door("victim", DOOR_PROC);
    check_door("victim-linked", DOOR_PROC);
}
END_TEST

START_TEST(by_get_proc_address_2)
{
    check_door("victim", DOOR_PROC_2);
}
END_TEST

START_TEST(by_get_proc_address_2_without_status)
{
    check_door("victim", DOOR_PROC_2_NULL);
}
END_TEST

UNIT_MAIN("doors", by_linking, by_dlsym_on_a_handle, by_dlsym_rtld_default, by_dlsym_rtld_next,
          by_get_proc_address, by_get_proc_address_2, by_get_proc_address_2_without_status)
