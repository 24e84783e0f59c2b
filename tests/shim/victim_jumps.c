/* A signal handler that jumps out of the recorder.
 *
 * jumping [marks]   allocations, frees, and marks on request
 * ended             threads that are ended at any moment, in the midst of marks */
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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

const struct victim_command victim_jumps[] = {{"jumping", jumping}, {"ended", ended}, {NULL, NULL}};
