/* The stand-in for PyTorch's allocator, loaded as Python loads it. */
#include "simtest.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "simc10.h"

static struct {
    __typeof__(&simc10_alloc) alloc;
    __typeof__(&simc10_free) free;
    __typeof__(&simc10_record_stream) record_stream;
    __typeof__(&simc10_process_events) process_events;
    __typeof__(&simc10_empty_cache) empty_cache;
    __typeof__(&simc10_set_expandable) set_expandable;
    __typeof__(&simc10_set_signature) set_signature;
    __typeof__(&simc10_stats) stats;
    __typeof__(&simc10_is_valid) is_valid;
    __typeof__(&simc10_reports) reports;
    __typeof__(&simc10_reset_reports) reset_reports;
} c10;

static void load(void)
{
    void *library = dlopen("libsimc10_cuda.so", RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "simc10_alloc"));
#define FIND(name)                                                                                 \
    c10.name = (__typeof__(c10.name))dlsym(library, "simc10_" #name);                              \
    ck_assert_ptr_nonnull((void *)c10.name)
    FIND(alloc);
    FIND(free);
    FIND(record_stream);
    FIND(process_events);
    FIND(empty_cache);
    FIND(set_expandable);
    FIND(set_signature);
    FIND(stats);
    FIND(is_valid);
    FIND(reports);
    FIND(reset_reports);
}

enum { KIB = 1 << 10, MIB = 1 << 20 };

static struct simc10_stats now(void)
{
    struct simc10_stats s;
    ck_assert(c10.is_valid());
    c10.stats(0, &s);
    return s;
}

START_TEST(sizes_and_segments)
{
    load();
    char *a = c10.alloc(1, NULL), *b = c10.alloc(513, NULL);
    ck_assert_ptr_eq(b, a + 512);
    ck_assert_uint_eq(now().allocated, 512 + 1024);
    ck_assert_uint_eq(now().reserved, 2 * MIB);
    char *c = c10.alloc(MIB + 1, NULL);
    ck_assert_uint_eq(now().reserved, 22 * MIB);
    ck_assert_uint_eq(now().allocated, 512 + 1024 + MIB + 512);
    char *d = c10.alloc(11 * MIB, NULL); /* in what is left of the 20 MiB */
    ck_assert_ptr_eq(d, c + MIB + 512);
    char *e = c10.alloc(11 * MIB + 1, NULL);
    ck_assert_uint_eq(now().reserved,
                      34 * MIB); /* 12 of its own, not split: less than 1 MiB left */
    ck_assert_uint_eq(now().segments, 3);
    ck_assert_uint_eq(now().allocated, 512 + 1024 + MIB + 512 + 11 * MIB + 12 * MIB);
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc_v2"), 3);
    c10.free(b);
    ck_assert_ptr_eq(c10.alloc(600, NULL), b);
    ck_assert_ptr_ne(c10.alloc(600, (void *)1), b + 1024); /* another stream, another segment */
    ck_assert_uint_eq(now().segments, 4);
    ck_assert_ptr_null(c10.alloc(0, NULL));
    c10.free(c);
    c10.free(d);
    c10.free(e);
    c10.empty_cache();
    ck_assert_uint_eq(now().segments, 2);
    ck_assert_uint_eq(simcuda_calls("cuMemFree_v2"), 2);
}
END_TEST

START_TEST(every_block_is_reported)
{
    struct simc10_reports r;
    load();
    char *a = c10.alloc(1000, NULL);
    c10.reports(&r);
    ck_assert_uint_eq(r.calls[SIMC10_PTR_L_MM], 1);
    ck_assert_ptr_eq(r.ptr, a);
    ck_assert_int_eq(r.size, 1024);
    ck_assert_uint_eq(r.allocated, 1024);
    ck_assert_uint_eq(r.reserved, 2 * MIB);
    ck_assert_int_eq(r.device.type, 1);
    c10.free(a);
    c10.reports(&r);
    ck_assert_int_eq(r.size, -1024);
    ck_assert_uint_eq(r.allocated, 0);
    for (int s = 0; s < SIMC10_SIGNATURES; s++) {
        c10.reset_reports();
        c10.set_signature((enum simc10_signature)s);
        c10.free(c10.alloc(700, NULL));
        c10.reports(&r);
        for (int k = 0; k < SIMC10_SIGNATURES; k++)
            ck_assert_uint_eq(r.calls[k], k == s ? 2 : 0);
        ck_assert_int_eq(r.size, -1024);
        ck_assert_uint_eq(r.reserved, s == SIMC10_PTR_L ? 0 : 2 * MIB);
    }
}
END_TEST

START_TEST(out_of_memory_empties_the_cache_first)
{
    struct simc10_reports r;
    load();
    size_t left, total;
    CUcontext ctx = simtest_context();
    OK(cuMemGetInfo(&left, &total));
    OK(cuCtxDestroy(ctx));
    void *a = c10.alloc(total / 2, NULL);
    c10.free(a);
    ck_assert_ptr_nonnull(a = c10.alloc(total / 4 * 3, NULL));
    ck_assert_uint_eq(now().segments, 1);
    ck_assert_ptr_null(c10.alloc(total / 2, NULL));
    c10.reports(&r);
    ck_assert_uint_eq(r.oom_calls[0], 1);
    ck_assert_int_eq(r.size, (long long)(total / 2));
    ck_assert_uint_eq(now().ooms, 1);
    c10.free(a);
}
END_TEST

START_TEST(a_block_of_another_stream_waits)
{
    load();
    char *a = c10.alloc(1024, NULL);
    c10.record_stream(a);
    c10.free(a);
    ck_assert_uint_eq(now().allocated, 0); /* reported at once */
    ck_assert_ptr_ne(c10.alloc(1024, NULL), a);
    c10.process_events();
    ck_assert_ptr_eq(c10.alloc(1024, NULL), a);
}
END_TEST

START_TEST(expandable_segments)
{
    load();
    c10.set_expandable(1);
    char *a = c10.alloc(30 * MIB, NULL);
    ck_assert_uint_eq(now().reserved, 40 * MIB);
    ck_assert_uint_eq(now().segments, 1);
    ck_assert_uint_eq(simcuda_calls("cuMemMap"), 2);
    ck_assert_uint_eq(simcuda_calls("cuMemAlloc_v2"), 0);
    char *b = c10.alloc(30 * MIB, NULL); /* 10 MiB are there: one more page */
    ck_assert_ptr_eq(b, a + 30 * MIB);
    ck_assert_uint_eq(simcuda_calls("cuMemMap"), 3);
    memset(b, 1, 30 * MIB);
    c10.free(a);
    c10.empty_cache(); /* the first page is wholly free, the second is not */
    ck_assert_uint_eq(now().reserved, 40 * MIB);
    ck_assert_uint_eq(simcuda_calls("cuMemUnmap"), 1);
    ck_assert_ptr_eq(c10.alloc(30 * MIB, NULL), a);
    ck_assert_uint_eq(now().reserved, 60 * MIB);
    c10.free(a);
    c10.free(b);
    c10.empty_cache();
    ck_assert_uint_eq(now().segments, 0);
    ck_assert_uint_eq(now().reserved, 0);
    ck_assert_uint_eq(simcuda_used(0), 0);
}
END_TEST

static void random_use(int expandable)
{
    char *p[200] = {0};
    struct simc10_reports r;
    load();
    c10.set_expandable(expandable);
    srand(1);
    for (int i = 0; i < 20000; i++) {
        char **at = &p[rand() % 200];
        if (*at)
            c10.free(*at);
        *at = *at ? NULL : c10.alloc((size_t)rand() % (1u << rand() % 25), (void *)(long)(i % 2));
        if (i % 1000 == 999)
            c10.empty_cache();
        if (i % 100 == 0)
            ck_assert(c10.is_valid());
    }
    for (int i = 0; i < 200; i++)
        c10.free(p[i]);
    c10.empty_cache();
    struct simc10_stats s = now();
    c10.reports(&r);
    ck_assert_uint_eq(s.allocs, s.frees);
    ck_assert_uint_eq(r.calls[SIMC10_PTR_L_MM], s.allocs + s.frees);
    ck_assert_uint_eq(s.segments + s.reserved + simcuda_used(0), 0);
}

START_TEST(random_use_native)
{
    random_use(0);
}
END_TEST

START_TEST(random_use_expandable)
{
    random_use(1);
}
END_TEST

static void *churn(void *stream)
{
    char *p[8] = {0};
    for (int i = 0; i < 5000; i++) {
        c10.free(p[i % 8]);
        p[i % 8] = c10.alloc((size_t)(i % 13 + 1) * 1000, stream);
        *p[i % 8] = 1;
    }
    for (int i = 0; i < 8; i++)
        c10.free(p[i]);
    return NULL;
}

START_TEST(threads)
{
    pthread_t t[4];
    load();
    for (long i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, churn, (void *)(i % 2));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    ck_assert_uint_eq(now().allocs, 20000);
    ck_assert_uint_eq(now().allocated, 0);
}
END_TEST

UNIT_MAIN("c10", sizes_and_segments, every_block_is_reported,
             out_of_memory_empties_the_cache_first, a_block_of_another_stream_waits,
             expandable_segments, random_use_native, random_use_expandable, threads)
