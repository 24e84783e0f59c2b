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

/* Of a block that autograd asks for: the step of the backward pass, not the operator below it. */
START_TEST(backward)
{
    const char *library = "/x/torch/lib/libtorch_cpu.so";
    enum mt_rank step =
        mt_rank_of_function(library, "torch::autograd::generated::MmBackward0::apply");
    ck_assert_int_eq(step, MT_RANK_TELLING);
    ck_assert_int_lt(step, mt_rank_of_function(library, "at::_ops::mm::call"));
    ck_assert_int_lt(step, mt_rank_of_function(library, "torch::autograd::Engine::thread_main"));
    ck_assert_int_lt(step, mt_rank_of_function(library, NULL));
    ck_assert_int_gt(step, mt_rank_of_function("/home/me/kernels.so", "my_backward"));
}
END_TEST

UNIT_MAIN("siterules", python, python_that_reports, native, runtime_that_is_linked_in, backward)
