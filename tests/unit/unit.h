/* main() of a unit test: run all tests of a file, speak TAP on standard output.
 *
 *   START_TEST(does_this) { ... } END_TEST
 *   UNIT_MAIN("name", does_this, does_that)
 */
#ifndef MT_UNIT_H
#define MT_UNIT_H

#include <check.h>
#include <stdlib.h>

/* A suite of one case; `tests` is NULL-terminated, the functions around each test may be NULL. */
static inline Suite *unit_suite_with(const char *name, const TTest *const *tests, SFun before,
                                     SFun after)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, before, after);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
    return suite;
}

static inline Suite *unit_suite(const char *name, const TTest *const *tests)
{
    return unit_suite_with(name, tests, NULL, NULL);
}

static inline int unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UNIT_MAIN(name, ...) UNIT_MAIN_WITH(name, NULL, NULL, __VA_ARGS__)

/* `before` and `after` each test; either may be NULL. */
#define UNIT_MAIN_WITH(name, before, after, ...)                                                   \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return unit_run(unit_suite_with(name, tests, before, after));                              \
    }

#endif
