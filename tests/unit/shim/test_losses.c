/* Why events were lost: put down to what kept the rings full at that moment. */
#include "shim/record/losses.h"

#include <errno.h>
#include <string.h>

#include "../unit.h"

#define FASTER "they came faster than they were written; try a larger --ring-kib or --wait-us"
#define NO_ROOM "cannot write: No space left on device; make room, or use another --output"

static void setup(void)
{
    mt_losses_forget();
}

static const char *told(void)
{
    static char text[MT_LOSSES_BYTES];
    mt_losses_tell(text, sizeof text);
    return text;
}

/* A write that failed once, and nothing was lost for it. */
START_TEST(a_failure_that_is_over)
{
    mt_losses_writing(EIO);
    mt_losses_writing(0);
    ck_assert(mt_losses_are_few());
    mt_losses_add(MT_LOSS_FULL);
    ck_assert_str_eq(told(), FASTER);
    ck_assert(!mt_losses_are_few());
}
END_TEST

START_TEST(a_failure_that_cost)
{
    mt_losses_writing(EIO);
    mt_losses_writing(ENOSPC);
    mt_losses_add(MT_LOSS_FULL);
    mt_losses_writing(0);
    ck_assert_str_eq(told(), NO_ROOM);
    ck_assert(!mt_losses_are_few());
}
END_TEST

START_TEST(both)
{
    mt_losses_add(MT_LOSS_FULL);
    mt_losses_writing(EIO);
    mt_losses_add(MT_LOSS_FULL);
    mt_losses_writing(ENOSPC);
    mt_losses_add(MT_LOSS_FULL);
    ck_assert_str_eq(told(), NO_ROOM "; and " FASTER);
}
END_TEST

START_TEST(all_fit)
{
    for (int error = 1; error < 134; error++) {
        mt_losses_writing(error);
        mt_losses_add(MT_LOSS_FULL);
        mt_losses_writing(0);
        mt_losses_add(MT_LOSS_FULL);
        ck_assert_ptr_nonnull(strstr(told(), "--wait-us"));
    }
}
END_TEST

START_TEST(of_handlers)
{
    mt_losses_writing(EIO);
    mt_losses_add(MT_LOSS_INSIDE);
    ck_assert(mt_losses_are_few());
    ck_assert_ptr_nonnull(strstr(told(), "signal handlers"));
}
END_TEST

/* As long as any other. */
START_TEST(the_number)
{
    struct mt_losses_chunk few, many;
    mt_losses_make(&few, 1);
    mt_losses_make(&many, UINT64_MAX);
    ck_assert_uint_eq(few.header.stored_size, many.header.stored_size);
    ck_assert_uint_eq(few.header.stored_size, sizeof few.frame);
    ck_assert_str_eq((const char *)many.frame + 9, "lost.untold");
    ck_assert_str_eq((const char *)many.frame + 9 + sizeof "lost.untold", "18446744073709551615");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_failure_that_is_over, a_failure_that_cost, both, all_fit, of_handlers, the_number, NULL};
    return unit_run(unit_suite_with("losses", tests, setup, NULL));
}
