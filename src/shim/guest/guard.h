/* Locks that a thread of the job takes in a hook: it is neither cancelled while it has one, nor
 * does one of its signal handlers run, which might jump out and leave all other threads waiting for
 * ever. Signals that the thread itself causes come all the same. Two system calls: nothing for what
 * is hot. */
#ifndef MT_GUARD_H
#define MT_GUARD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct mt_guard {
    sigset_t signals;
    int cancel;
};

static inline struct mt_guard mt_guard_begin(void)
{
    struct mt_guard guard;
    sigset_t others;
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigfillset(&others);
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&others, own[i]);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard.cancel);
    pthread_sigmask(SIG_BLOCK, &others, &guard.signals);
    return guard;
}

static inline void mt_guard_end(const struct mt_guard *guard)
{
    pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
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
