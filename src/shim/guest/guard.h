/* Locks that a thread of the job takes in a hook: it is neither cancelled while it has one, nor
 * does one of its signal handlers run, which might jump out and leave all other threads waiting for
 * ever. Signals that the thread itself causes come all the same. Two system calls: nothing for what
 * is hot. */
#ifndef MT_GUARD_H
#define MT_GUARD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mt_guard {
    uint64_t signals; /* as the kernel has them */
    int cancel;
};

/* The C library's function leaves out its own signal for pthread_cancel, which ends a thread that
 * is ended at any moment even if it has just refused that. */
static inline void mt_guard_mask(int how, uint64_t signals, uint64_t *before)
{
    syscall(SYS_rt_sigprocmask, how, &signals, before, sizeof signals);
}

static inline struct mt_guard mt_guard_begin(void)
{
    struct mt_guard guard = {0};
    uint64_t others = UINT64_MAX;
    static const uint8_t own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    for (unsigned i = 0; i < sizeof own; i++)
        others &= ~(UINT64_C(1) << (own[i] - 1));
    mt_guard_mask(SIG_BLOCK, others, &guard.signals);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard.cancel);
    return guard;
}

static inline void mt_guard_end(const struct mt_guard *guard)
{
    mt_guard_mask(SIG_SETMASK, guard->signals, NULL);
    pthread_setcancelstate(guard->cancel, NULL);
}

static inline struct mt_guard mt_lock(pthread_mutex_t *lock)
{
    struct mt_guard guard = mt_guard_begin();
    pthread_mutex_lock(lock);
    return guard;
}

static inline void mt_unlock(pthread_mutex_t *lock, const struct mt_guard *guard)
{
    pthread_mutex_unlock(lock);
    mt_guard_end(guard);
}

/* False: it is not locked, and there is nothing to end. */
static inline bool mt_trylock(pthread_mutex_t *lock, struct mt_guard *guard)
{
    *guard = mt_guard_begin();
    if (pthread_mutex_trylock(lock) == 0)
        return true;
    mt_guard_end(guard);
    return false;
}

#endif
