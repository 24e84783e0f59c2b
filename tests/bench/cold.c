/* What a hooked call costs where a framework ran before it: between two calls other code and data
 * take the caches, the translations of addresses and what the processor has learnt of branches, and
 * the call alone is timed. Run bare and preloaded, the difference is the hook.
 *
 *   bench-cold [ROUNDS]    "name ns" lines: the median over ROUNDS of the time of one call
 *   bench-cold --count     a few calls of each and the address "base" of the library in front: for
 *                          coldlines.py
 *
 * x86-64 alone; nothing is printed elsewhere. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchdriver.h"
#include "timing.h"

#if defined(__x86_64__)
#include <x86intrin.h>

#define ROUNDS_MAX 100000
#define DATA_PAGES 6144 /* more than the second level of translations holds */
#define DATA_LINES 16   /* of each, together more than the second level of caches holds */

/* Lines of code that are jumped through, each with a branch that nobody can foretell. */
__asm__(".pushsection .text.coldcode, \"ax\", @progbits\n"
        ".p2align 6\n"
        ".type run_other_code, @function\n"
        "run_other_code:\n"
        ".rept 6144\n"
        "imul $0x5851f42d, %edi, %edi\n"
        "inc %edi\n"
        "test $0x100000, %edi\n"
        "jz 1f\n"
        "inc %eax\n"
        "1: jmp 2f\n"
        ".p2align 6\n"
        "2:\n"
        ".endr\n"
        "ret\n"
        ".size run_other_code, . - run_other_code\n"
        ".popsection\n");
unsigned run_other_code(unsigned seed);

static struct bench_driver driver;

static unsigned use_other_data(unsigned seed)
{
    static unsigned char data[DATA_PAGES][4096];
    for (size_t page = 0; page < DATA_PAGES; page++)
        for (size_t line = 0; line < DATA_LINES; line++)
            data[page][64 * ((line * 5 + page + seed) % 64)]++;
    return data[seed % DATA_PAGES][0];
}

static const struct {
    const char *name;
    void (*once)(const struct bench_driver *driver);
    int calls; /* of hooked functions in `once` */
} loops[] = {{"launch", bench_launch, 1},
             {"launch_ex", bench_launch_ex, 1},
             {"launch_large", bench_launch_large, 1},
             {"alloc_free", bench_alloc_free, 2},
             {"block", bench_block, 2}};
#define LOOPS (sizeof loops / sizeof *loops)

static double timed(size_t loop)
{
    unsigned helper;
    _mm_lfence();
    uint64_t start = __rdtsc();
    _mm_lfence();
    loops[loop].once(&driver);
    uint64_t end = __rdtscp(&helper);
    _mm_lfence();
    return (double)(end - start) / loops[loop].calls;
}

static double ns_a_tick(void)
{
    double start = thread_ns();
    uint64_t ticks = __rdtsc();
    while (thread_ns() - start < 2e7)
        ;
    return (thread_ns() - start) / (double)(__rdtsc() - ticks);
}

/* All kinds in turn, so that what else runs on the machine meets each of them. */
static void measure(int rounds)
{
    static double ticks[LOOPS][ROUNDS_MAX];
    unsigned seed = 1;
    for (int i = 0; i < rounds; i++)
        for (size_t loop = 0; loop < LOOPS; loop++) {
            seed = run_other_code(seed + use_other_data(seed));
            ticks[loop][i] = timed(loop);
        }
    double ns = ns_a_tick();
    for (size_t loop = 0; loop < LOOPS; loop++) {
        qsort(ticks[loop], (size_t)rounds, sizeof(double), ascending);
        printf("%s %.1f\n", loops[loop].name, ticks[loop][rounds / 2] * ns);
    }
}

static void count(void)
{
    Dl_info info;
    if (dladdr((void *)driver.launch, &info))
        printf("base %p\n", info.dli_fbase);
    fflush(stdout); /* before what valgrind tells of the calls */
    for (size_t loop = 0; loop < LOOPS; loop++)
        for (int i = 0; i < 5; i++)
            loops[loop].once(&driver);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    /* A stand-in for libc10, so that the reports of blocks are passed on, and heard in a bare run.
     */
    if (!dlopen("libsimc10.so", RTLD_NOW | RTLD_GLOBAL)) {
        fprintf(stderr, "bench-cold: %s\n", dlerror());
        return 1;
    }
    bench_driver_open(&driver);
    if (argc > 1 && strcmp(argv[1], "--count") == 0)
        count();
    else if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    else
        measure(rounds);
    return 0;
}
#else
int main(void)
{
    return 0;
}
#endif
