/* Kept by ring: a thread that records has a ring of its own, and hands it on when it ends; whoever
 * gets that one next gets the memory too. What lies there is believed only as far as the stack says
 * the same (native.c), so nothing has to be wiped. */
#include "shim/native/walked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "shim/record/ring.h"

#define MOST MT_RINGFILE_RINGS_MAX

static struct {
    _Atomic(uint8_t *) ring[MOST];
    _Atomic(struct mt_walked *) memory[MOST];
} walked;

/* Where this thread's is, so that it need not be looked for. */
static __thread struct {
    const uint8_t *ring;
    struct mt_walked *memory;
} own __attribute__((tls_model("initial-exec")));

/* A signal handler may do the same in between. */
static struct mt_walked *memory_at(unsigned place)
{
    struct mt_walked *there = atomic_load(&walked.memory[place]);
    if (there)
        return there;
    void *made = mmap(NULL, sizeof *there, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made == MAP_FAILED)
        return NULL;
    if (atomic_compare_exchange_strong(&walked.memory[place], &there, made))
        return made;
    munmap(made, sizeof *there);
    return there;
}

static __attribute__((noinline)) struct mt_walked *find(uint8_t *ring)
{
    int saved = errno;
    struct mt_walked *found = NULL;
    for (unsigned i = 0; i < MOST; i++) {
        uint8_t *there = NULL;
        if (atomic_compare_exchange_strong(&walked.ring[i], &there, ring) || there == ring) {
            found = memory_at(i);
            break;
        }
    }
    errno = saved;
    return found;
}

struct mt_walked *mt_walked_here(void)
{
    uint8_t *ring = mt_writer.data;
    if (__builtin_expect(ring != own.ring, 0)) {
        own.memory = ring ? find(ring) : NULL;
        own.ring = ring;
    }
    return own.memory;
}
