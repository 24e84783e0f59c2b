/* What a program may tell its trace: marks, ranges, the blocks of an allocator of its own, and when
 * to record.
 *
 * Nothing is linked. Where the program runs under memtrace the functions are those of the preloaded
 * library; everywhere else each call is a test of an address that is 0. C, C++; from Python the
 * same functions are found by ctypes (examples/marks). Texts are copied, up to 1,000 bytes of them.
 * Any thread; no call fails, and none but memtrace_record waits.
 *
 *     memtrace_range_push("epoch 3");
 *     memtrace_mark("checkpoint written");
 *     memtrace_range_pop();
 *
 * In a program that is not position-independent clang needs -fno-plt, or sees the functions
 * nowhere. */
#ifndef MEMTRACE_MEMTRACE_H
#define MEMTRACE_MEMTRACE_H

#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__)
#define MEMTRACE_WEAK __attribute__((weak, noplt))
#else
#define MEMTRACE_WEAK __attribute__((weak))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Something happens now. */
extern void memtrace_mark(const char *text) MEMTRACE_WEAK;

/* A range of time begins; ranges of a thread nest. */
extern void memtrace_range_push(const char *text) MEMTRACE_WEAK;

/* The range begun last by this thread ends. */
extern void memtrace_range_pop(void) MEMTRACE_WEAK;

/* Record from now on, or stop. Returns when what follows is recorded (or after some seconds, or at
 * once where the settings allow no recording now); a trace that begins late knows what lives. */
extern void memtrace_record(int on) MEMTRACE_WEAK;

/* An allocator of the program's own handed out or took back a block of device memory that it holds.
 * `pool` is any address that names the allocator, `stream` the stream whose work may use it, or
 * NULL. Blocks of PyTorch and of the driver's pools need not be told. */
extern void memtrace_pool_alloc(const void *pool, const void *address, size_t size,
                                const void *stream) MEMTRACE_WEAK;
extern void memtrace_pool_free(const void *pool, const void *address) MEMTRACE_WEAK;

#ifdef __cplusplus
}
#endif

/* Each name is called only where it is something. */
#ifndef MEMTRACE_DEFINES
#define memtrace_mark(text) (memtrace_mark ? memtrace_mark(text) : (void)0)
#define memtrace_range_push(text) (memtrace_range_push ? memtrace_range_push(text) : (void)0)
#define memtrace_range_pop() (memtrace_range_pop ? memtrace_range_pop() : (void)0)
#define memtrace_record(on) (memtrace_record ? memtrace_record(on) : (void)0)
#define memtrace_pool_alloc(pool, address, size, stream)                                           \
    (memtrace_pool_alloc ? memtrace_pool_alloc(pool, address, size, stream) : (void)0)
#define memtrace_pool_free(pool, address)                                                          \
    (memtrace_pool_free ? memtrace_pool_free(pool, address) : (void)0)
#endif

#endif
