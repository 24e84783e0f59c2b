/* One pass over a small trace that the test writes down, with the iterations that the test says,
 * and the rows that come out.
 *
 *     struct passrun *run = passrun_new();
 *     passrun_iteration(run, 1000);               begins at 1000 ns and ends the one before
 *     passrun_birth(run, 1000, 0x10000, 512);     an allocator's block on device 0
 *     passrun_launch(run, 1100, 0, "relu", 0x10000, 0x20000);
 *     passrun_death(run, 1200, 0x10000);
 *     passrun_end(run, 2000);                     ends the last iteration
 *     passrun_go(run, &mt_pass_intervals);
 *     passrun_rows(run, &mt_table_ati)
 *
 * Events are written in the order of time. Driver memory around the blocks, 1 GiB at 0x10000, is
 * allocated by passrun_new at 0 ns, as block 1. */
#ifndef MT_PASSRUN_H
#define MT_PASSRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/engine/pass.h"
#include "report/rows.h"

struct passrun;

struct passrun *passrun_new(void);
void passrun_free(struct passrun *run);

void passrun_iteration(struct passrun *run, uint64_t start_ns);
void passrun_end(struct passrun *run, uint64_t end_ns); /* what follows is in no iteration */

void passrun_birth(struct passrun *run, uint64_t time_ns, uint64_t address, uint64_t size);
void passrun_death(struct passrun *run, uint64_t time_ns, uint64_t address);
/* Copies between device and host: addresses of 0xf0000000 or more are the host's. */
void passrun_copy(struct passrun *run, uint64_t time_ns, uint64_t to, uint64_t from, uint64_t size);
void passrun_set(struct passrun *run, uint64_t time_ns, uint64_t address, uint64_t size);
void passrun_launch_of(struct passrun *run, uint64_t time_ns, uint32_t thread, const char *kernel,
                       const uint64_t *address, uint32_t n);
#define passrun_launch(run, time_ns, thread, kernel, ...)                                          \
    passrun_launch_of(run, time_ns, thread, kernel, (const uint64_t[]){__VA_ARGS__},               \
                      sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Recording stops, and goes on; in no iteration. */
void passrun_pause(struct passrun *run, uint64_t from_ns, uint64_t to_ns);

/* For events of other kinds, in their order: MT_TRACEWRITER_ADD. Functions 0 to 5 are cuMemAlloc,
 * cuMemcpyAsync, cuMemsetD8Async, cuMemAllocAsync, cuMemAllocManaged, cuMemFree. */
struct mt_tracewriter *passrun_writer(struct passrun *run);

/* Options of the run; kept until the test is over. */
void passrun_swap(struct passrun *run, const struct mt_swaprule *rule);

/* Replay; a test may go once. */
void passrun_go(struct passrun *run, const struct mt_pass *pass);

/* Rows of a table of the pass; good until passrun_free. */
struct mt_rows *passrun_rows(struct passrun *run, const struct mt_table *table);

/* The first row with this text, or number, in a column; fails the test where there is none. */
size_t passrun_row(const struct mt_rows *rows, const char *column, const char *text);
size_t passrun_row_of(const struct mt_rows *rows, const char *column, uint64_t number);

#endif
