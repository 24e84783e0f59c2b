/* Which frames say who asked for memory. */
#include "stacks/siterules.h"
#include "unit.h"

#define PACKAGES "/usr/lib/python3/dist-packages/"

START_TEST(python)
{
    ck_assert_int_eq(mt_rank_of_file("/home/me/train.py"), MT_RANK_PYTHON);
    ck_assert_int_eq(mt_rank_of_file(PACKAGES "transformers/trainer.py"), MT_RANK_PYTHON);
    ck_assert_int_eq(mt_rank_of_file(PACKAGES "torch/nn/linear.py"), MT_RANK_PYTHON_FRAMEWORK);
    ck_assert_int_eq(mt_rank_of_file(PACKAGES "torchvision/x.py"), MT_RANK_PYTHON);
    ck_assert_int_eq(mt_rank_of_file("/usr/lib/python3.12/threading.py"),
                     MT_RANK_PYTHON_FRAMEWORK);
    ck_assert_int_eq(mt_rank_of_file("<frozen runpy>"), MT_RANK_PYTHON_FRAMEWORK);
}
END_TEST

START_TEST(python_that_reports)
{
    ck_assert_int_eq(mt_rank_of_file("/home/me/memtrace_cupy.py"), MT_RANK_PYTHON_FRAMEWORK);
    ck_assert_int_eq(mt_rank_of_file("memtrace_cupy.py"), MT_RANK_PYTHON_FRAMEWORK);
    ck_assert_int_eq(mt_rank_of_file("/home/memtrace_me/train.py"), MT_RANK_PYTHON);
    ck_assert_int_eq(mt_rank_of_file("/home/me/my_memtrace_cupy.py"), MT_RANK_PYTHON);
}
END_TEST

START_TEST(native)
{
    ck_assert_int_eq(mt_rank_of_function("/usr/bin/job", "main"), MT_RANK_NATIVE);
    ck_assert_int_eq(mt_rank_of_function("/usr/bin/job", NULL), MT_RANK_NAMELESS);
    ck_assert_int_eq(mt_rank_of_function("/x/libcublas.so.13", "f"), MT_RANK_FRAMEWORK);
    ck_assert_int_eq(mt_rank_of_function("/x/libcudart.so.13", "f"), MT_RANK_ALLOCATOR);
    ck_assert_int_eq(mt_rank_of_function(NULL, "f"), MT_RANK_ALLOCATOR);
}
END_TEST

START_TEST(runtime_that_is_linked_in)
{
    ck_assert_int_eq(mt_rank_of_function("/usr/bin/job", "cudaMalloc"), MT_RANK_ALLOCATOR);
    ck_assert_int_eq(mt_rank_of_function("/usr/bin/job", "libcudart_static_5382377d5c772c9d"),
                     MT_RANK_ALLOCATOR);
    ck_assert_int_eq(mt_rank_of_function("/usr/bin/job", "libcudart_user"), MT_RANK_NATIVE);
}
END_TEST

UNIT_MAIN("siterules", python, python_that_reports, native, runtime_that_is_linked_in)
