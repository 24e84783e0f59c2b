/* A signal handler that jumps out of the recorder.
 *
 * jumping [marks]   allocations, frees, and marks on request
 * first             once in each of some threads, at the end of a system call of its first event
 * ended             threads that are ended at any moment, in the midst of marks */
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "memtrace/memtrace.h"
#include "victim.h"

static struct {
    uintptr_t begin, end; /* the recorder's code */
    volatile sig_atomic_t armed;
    volatile unsigned done;
    sigjmp_buf back;
} jump;

static int find_recorder(struct dl_phdr_info *info, size_t size, void *nothing)
{
    (void)size, (void)nothing;
    for (unsigned i = 0; strstr(info->dlpi_name, "libmemtrace.so") && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            jump.begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            jump.end = jump.begin + info->dlpi_phdr[i].p_memsz;
        }
    return 0;
}

/* Only there: the driver would not bear it. */
static void leave(int number, siginfo_t *info, void *data)
{
    const ucontext_t *at = data;
#if defined(__x86_64__)
    uintptr_t here = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#else
    uintptr_t here = at->uc_mcontext.pc;
#endif
    (void)number, (void)info;
    if (!jump.armed || here < jump.begin || here >= jump.end)
        return;
    jump.armed = 0;
    jump.done++;
    siglongjmp(jump.back, 1);
}

/* New texts, for which the recorder has a lock. */
static void mark(const char *whose, unsigned n)
{
    char text[32];
    snprintf(text, sizeof text, "%s %u", whose, n);
    memtrace_mark(text);
}

static void *marks_of_another(void *nothing)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (unsigned n = 0; n < 20000; n++)
        mark("other", n);
    return nothing;
}

static void do_one(bool marks, unsigned n)
{
    CUdeviceptr p;
    if (marks)
        mark("own", n);
    CU(cuMemAlloc_v2)(&p, 512);
    CU(cuMemFree_v2)(p);
}

/* Prints how many allocations were done, and how many jumps; `marks`: of marks as well, which
 * another thread makes, too. */
static int jumping(int argc, char **argv)
{
    bool marks = argc > 1;
    pthread_t other;
    const struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    const struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
    static volatile unsigned n;
    (void)argv;
    victim_begin(DOOR_HANDLE);
    victim_free(victim_alloc(512));
    if (marks)
        pthread_create(&other, NULL, marks_of_another, NULL);
    dl_iterate_phdr(find_recorder, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (n = 0; n < 2000000 && (n < 50000 || jump.done < 10); n++)
        if (sigsetjmp(jump.back, 1) == 0) {
            jump.armed = 1;
            do_one(marks, n);
            jump.armed = 0;
        }
    setitimer(ITIMER_REAL, &never, NULL);
    if (marks)
        pthread_join(other, NULL);
    printf("%u %u\n", n, jump.done);
    return 0;
}

/* ---- at the end of a system call ---- */

#define FIRST_CALLS 8 /* more than an event makes by this function where signals come */

static CUcontext context;

static __thread struct {
    unsigned calls; /* until the jump; 0: none is wanted */
    sigjmp_buf back;
} first;

static long raw_call(long number, const long word[6])
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = word[3];
    register long r8 __asm__("r8") = word[4];
    register long r9 __asm__("r9") = word[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(word[0]), "S"(word[1]), "d"(word[2]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = word[0];
    register long x1 __asm__("x1") = word[1];
    register long x2 __asm__("x2") = word[2];
    register long x3 __asm__("x3") = word[3];
    register long x4 __asm__("x4") = word[4];
    register long x5 __asm__("x5") = word[5];
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

static bool signals_come(void)
{
    sigset_t blocked;
    return pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGALRM);
}

/* In the place of the C library's: a handler that runs where the kernel lets signals in again. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long word[6];
    va_list more;
    va_start(more, number);
    for (unsigned i = 0; i < 6; i++)
        word[i] = va_arg(more, long);
    va_end(more);
    long result = raw_call(number, word);
    if (first.calls && signals_come() && --first.calls == 0)
        siglongjmp(first.back, 1);
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

/* As many calls later as the argument says, which is changed to 1 where it jumped; then ten
 * allocations and frees. */
static void *first_events(void *calls)
{
    unsigned *n = calls;
    CUdeviceptr p;
    MUST(REAL(cuCtxSetCurrent)(context));
    if (sigsetjmp(first.back, 1) == 0) {
        first.calls = *n;
        *n = 0;
        CU(cuMemAlloc_v2)(&p, 512);
        first.calls = 0;
    } else {
        *n = 1;
    }
    for (unsigned i = 0; i < 10; i++)
        do_one(false, i);
    return NULL;
}

/* Prints how often it jumped. */
static int first_jumps(int argc, char **argv)
{
    unsigned jumps = 0, n = 1;
    (void)argc, (void)argv;
    victim_open(DOOR_HANDLE);
    MUST(REAL(cuInit)(0));
    MUST(REAL(cuDevicePrimaryCtxRetain)(&context, 0));
    first_events(&n); /* with which the recording begins */
    jumps += n;
    for (unsigned i = 1; i <= FIRST_CALLS; i++, jumps += n) {
        pthread_t thread;
        n = i;
        pthread_create(&thread, NULL, first_events, &n);
        pthread_join(thread, NULL);
    }
    printf("%u\n", jumps);
    return 0;
}

static void *marks_without_end(void *nothing)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (unsigned n = 0;; n++) {
        char text[] = "abc";
        text[0] = (char)('a' + n % 26);
        text[1] = (char)('a' + n / 26 % 26);
        text[2] = (char)('a' + n / 26 / 26 % 26);
        memtrace_mark(text);
    }
    return nothing;
}

static int ended(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    for (unsigned i = 0; i < 600; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, marks_without_end, NULL);
        nanosleep(&(struct timespec){.tv_nsec = (long)(i * 7919 % 700) * 1000}, NULL);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    for (unsigned n = 0; n < 1000; n++)
        mark("then", n);
    return 0;
}

const struct victim_command victim_jumps[] = {
    {"jumping", jumping}, {"first", first_jumps}, {"ended", ended}, {NULL, NULL}};
