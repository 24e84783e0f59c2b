/* What only glibc has. The recorder is preloaded into every program of a job; in one that is linked
 * with another C library (musl) a reference that finds nothing would end the program before it
 * begins. So these are weak: there they are NULL, and the recorder does nothing but pass calls on.
 * Every file that calls one of them, fcntl too, includes this; lint_symbols holds it. */
#ifndef MT_GLIBC_H
#define MT_GLIBC_H

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

extern int __sigaction(int number, const struct sigaction *new, struct sigaction *old);
extern __sighandler_t ssignal(int number, __sighandler_t handler);
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *library);
extern void *__dso_handle __attribute__((visibility("hidden")));

#pragma weak __register_atfork
#pragma weak __sigaction
#pragma weak _dl_find_object
#pragma weak dlvsym
#pragma weak fcntl /* fcntl64 to the linker */
#pragma weak ssignal
#pragma weak strerrordesc_np

static inline bool mt_is_glibc(void)
{
    return dlvsym != NULL;
}

/* pthread_atfork, of which the library holds a part that is not weak. */
static inline void mt_in_forked_child(void (*child)(void))
{
    if (__register_atfork)
        __register_atfork(NULL, NULL, child, &__dso_handle);
}

#endif
