#include "shim/window/when.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim/process/config.h"
#include "shim/record/drain.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"

#define PATIENCE_NS 5000000000u /* longest wait of who asks that recording goes on */
#define MS 1000000u

enum { NEVER_ASKED, ASKED_OFF, ASKED_ON };

static struct {
    _Atomic int asked, profiler; /* the last word of program or signal, and of the profiler */
    _Atomic int wanted;
    _Atomic bool by_profiler; /* whether the settings say so */
    _Atomic uint64_t why_stop, why_go, paused_at;
    _Atomic uint64_t began_ns; /* the monotonic clock's time 0 of the process */
} window;

/* At load time: windows of time count from here, as the times of a trace do, nearly. */
__attribute__((constructor)) static void load(void)
{
    atomic_store(&window.began_ns, mt_clock_monotonic_ns());
}

static void futex(int operation, uint32_t value, const struct timespec *most)
{
    syscall(SYS_futex, mt_recording, operation, value, most, NULL, 0);
}

/* ---- the clock ---- */

/* Whether it is within a window, and how long until that changes; UINT64_MAX: it never does. */
static bool is_open(uint64_t now, uint64_t *left)
{
    uint64_t from = (uint64_t)mt_config.FROM_MS * MS, length = (uint64_t)mt_config.FOR_MS * MS;
    uint64_t every = (uint64_t)mt_config.EVERY_MS * MS;
    if (now < from) {
        *left = from - now;
        return false;
    }
    uint64_t at = every ? (now - from) % every : now - from;
    bool open = length == 0 || at < length;
    *left = length == 0 ? UINT64_MAX : open ? length - at : every ? every - at : UINT64_MAX;
    return open;
}

static bool clock_allows(uint64_t *left)
{
    return is_open(mt_clock_monotonic_ns() - atomic_load(&window.began_ns), left);
}

long mt_window_sleep(long most)
{
    uint64_t left;
    clock_allows(&left);
    return left < (uint64_t)most ? (long)left + 1 : most;
}

/* ---- stop and go ---- */

/* The time is taken after the state has changed: whoever saw the state before stamped before it. */
static void stop(uint64_t why)
{
    uint32_t recording = MT_RECORDING;
    if (!atomic_compare_exchange_strong(mt_recording, &recording, MT_PAUSED))
        return;
    atomic_store(&window.why_stop, why);
    atomic_store(&window.paused_at, mt_clock_ticks());
    mt_rings_call();
}

static void wait_until_it_goes(void)
{
    uint64_t left, end = mt_clock_monotonic_ns() + PATIENCE_NS;
    while (atomic_load(mt_recording) == MT_PAUSED && atomic_load(&window.wanted) &&
           clock_allows(&left) && mt_clock_monotonic_ns() < end) {
        mt_rings_call();
        futex(FUTEX_WAIT_PRIVATE, MT_PAUSED, &(struct timespec){.tv_nsec = 50 * MS});
    }
}

static void set(bool on, uint64_t why)
{
    atomic_store(&window.wanted, on);
    if (!on) {
        stop(why);
        mt_rings_call();
    } else if (atomic_load(mt_recording) == MT_PAUSED) {
        atomic_store(&window.why_go, why);
        mt_rings_call();
    }
}

static void set_and_wait(bool on, uint64_t why)
{
    int saved = errno;
    set(on, why);
    if (on && !mt_writer.busy)
        wait_until_it_goes();
    errno = saved;
}

/* What is asked before anything is recorded holds for the beginning. */
void mt_window_record(bool on, uint64_t why)
{
    atomic_store(&window.asked, on ? ASKED_ON : ASKED_OFF);
    set_and_wait(on, why);
}

void mt_window_profiler(bool on)
{
    atomic_store(&window.profiler, on ? ASKED_ON : ASKED_OFF);
    if (atomic_load(&window.by_profiler))
        set_and_wait(on, MT_WHY_PROFILER);
}

void mt_window_toggle(uint64_t why)
{
    int saved = errno;
    set(!atomic_load(&window.wanted), why);
    errno = saved;
}

/* ---- the drain thread's ---- */

void mt_window_tick(void)
{
    uint64_t left;
    if (!clock_allows(&left))
        stop(MT_WHY_CLOCK);
    else if (!atomic_load(&window.wanted)) /* asked just when it went on */
        stop(MT_WHY_PROGRAM);
}

uint64_t mt_window_paused_at(void)
{
    return mt_is_recording() ? 0 : atomic_load(&window.paused_at);
}

uint64_t mt_window_why_stopped(void)
{
    return atomic_load(&window.why_stop);
}

uint64_t mt_window_why_goes_on(void)
{
    return atomic_load(&window.why_go);
}

bool mt_window_is_wanted(void)
{
    uint64_t left;
    return atomic_load(&window.wanted) && clock_allows(&left);
}

void mt_window_go_on(void)
{
    uint32_t paused = MT_PAUSED;
    atomic_store(&window.paused_at, 0);
    atomic_compare_exchange_strong(mt_recording, &paused, MT_RECORDING);
    futex(FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}

/* ---- life ---- */

bool mt_window_begin(void)
{
    uint64_t left;
    int asked = atomic_load(&window.asked);
    bool by_profiler = strcmp(mt_config.RECORD, "profiler") == 0;
    if (asked == NEVER_ASKED && by_profiler)
        asked = atomic_load(&window.profiler);
    if (asked == NEVER_ASKED && strcmp(mt_config.RECORD, "always") == 0)
        asked = ASKED_ON;
    bool paused = asked != ASKED_ON || !clock_allows(&left);
    atomic_store(&window.by_profiler, by_profiler);
    atomic_store(&window.wanted, asked == ASKED_ON);
    atomic_store(&window.why_stop, MT_WHY_START);
    atomic_store(&window.why_go, MT_WHY_CLOCK);
    atomic_store(&window.paused_at, paused ? mt_clock_ticks() : 0);
    return paused;
}

void mt_window_forget(void)
{
    atomic_store(&window.asked, NEVER_ASKED);
    atomic_store(&window.profiler, NEVER_ASKED);
    atomic_store(&window.wanted, false);
    atomic_store(&window.by_profiler, false);
    atomic_store(&window.paused_at, 0);
}
