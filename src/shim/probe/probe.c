#include "shim/probe/probe.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u
#define NO_SUCH_HOW 0x7fff

/* The set of signals is read before the nonsense in the first argument is found: EFAULT where it
 * cannot be, EINVAL where it can. Nothing is changed, and no sandbox forbids a call that every
 * thread needs. */
static bool page_is_there(uintptr_t address)
{
    return syscall(SYS_rt_sigprocmask, NO_SUCH_HOW, address & ~(uintptr_t)7, NULL, 8) == 0 ||
           errno != EFAULT;
}

bool mt_probe(uintptr_t address, size_t size)
{
    uintptr_t last = address + size - 1;
    int saved = errno;
    bool there = address >= PAGE && last >= address;
    for (uintptr_t at = address; there && at <= last; at = (at | (PAGE - 1)) + 1)
        there = page_is_there(at);
    errno = saved;
    return there;
}
