/* A small trace in which every kind of thing happens once or twice; the tests know all its answers.
 *
 *   segment 1   0x10000000  1 MiB    2000 ns .. end
 *     block 2   0x10000000  256 KiB  2100 .. 10000   copy, gemm, relu (thread 1)
 *     block 3   0x10040000  128 KiB  2200 .. 7000    gemm, relu
 *   block 4     0x20000000  64 KiB   8000 .. 9700    async, stream 7; set
 */
#ifndef MT_KNOWNTRACE_H
#define MT_KNOWNTRACE_H

#include <stdbool.h>

/* Write it; `cut` leaves out the clean end, `name` is the job's command line. */
void knowntrace_write(const char *path, const char *name, bool cut);

#endif
