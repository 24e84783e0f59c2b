/* The signal by which recording stops and goes on.
 *
 * It is taken only where it has its default effect, when the recording begins. Whoever gives it a
 * handler afterwards has it: nothing is put in between, and we say so in the trace. To the job it
 * looks as if the signal had its default effect still: what sigaction() and signal() answer is put
 * right here, so that a job that only takes signals which nobody has takes this one too. In a
 * forked child, which is not recorded, it has that effect. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "event/event.h"
#include "shim/elf/elfsym.h"
#include "shim/guest/glibc.h"
#include "shim/process/config.h"
#include "shim/record/drain.h"
#include "shim/record/life.h"
#include "shim/window/when.h"

static struct {
    _Atomic int number; /* 0: none was taken */
    _Atomic pid_t pid;
    int wanted;
    _Atomic bool lost, said;
} taken;

static int number_of(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"SIGUSR1", SIGUSR1},
                   {"SIGUSR2", SIGUSR2},
                   {"SIGHUP", SIGHUP},
                   {"SIGURG", SIGURG},
                   {"SIGWINCH", SIGWINCH}};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strcmp(signals[i].name, name) == 0)
            return signals[i].number;
    return 0;
}

static void handle(int number)
{
    int saved = errno;
    if (getpid() == atomic_load(&taken.pid)) {
        mt_window_toggle(MT_WHY_SIGNAL);
    } else {
        struct sigaction standard = {.sa_handler = SIG_DFL};
        __sigaction(number, &standard, NULL);
        raise(number);
    }
    errno = saved;
}

static bool is_ours(int number)
{
    struct sigaction now;
    return __sigaction(number, NULL, &now) == 0 && now.sa_handler == handle;
}

void mt_signal_begin(void)
{
    struct sigaction now, ours = {.sa_handler = handle, .sa_flags = SA_RESTART};
    int number = number_of(mt_config.SIGNAL);
    taken.wanted = number;
    atomic_store(&taken.lost, false);
    atomic_store(&taken.said, false);
    if (!number || __sigaction(number, NULL, &now) != 0)
        return;
    atomic_store(&taken.pid, getpid());
    bool is_free = now.sa_handler == SIG_DFL || now.sa_handler == handle;
    if (is_free && __sigaction(number, &ours, NULL) == 0)
        atomic_store(&taken.number, number);
    else
        atomic_store(&taken.lost, true);
}

bool mt_signal_tend(struct mt_facts *facts)
{
    if (!taken.wanted || atomic_load(&taken.said))
        return false;
    if (!atomic_load(&taken.lost) && is_ours(taken.wanted))
        return false;
    atomic_store(&taken.said, true);
    mt_facts_add(facts, "signal_taken_by_job", "%s", mt_config.SIGNAL);
    return true;
}

/* ---- what the job sees ---- */

/* __sigaction and ssignal are glibc's own names for its functions, which no other tool puts itself
 * in front of. */
__attribute__((visibility("default"))) int sigaction(int number, const struct sigaction *new,
                                                      struct sigaction *old)
{
    __typeof__(&sigaction) real =
        __sigaction ? __sigaction : mt_elfsym_other("sigaction", (void *)sigaction);
    int result = real ? real(number, new, old) : -1;
    if (result == 0 && old && number == atomic_load(&taken.number) && old->sa_handler == handle)
        *old = (struct sigaction){.sa_handler = SIG_DFL};
    return result;
}

__attribute__((visibility("default"))) __sighandler_t signal(int number, __sighandler_t handler)
{
    __typeof__(&signal) real = ssignal ? ssignal : mt_elfsym_other("signal", (void *)signal);
    __sighandler_t old = real ? real(number, handler) : SIG_ERR;
    return old == handle ? SIG_DFL : old;
}
