#include "ledger.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct ledger *ledger;
static __thread struct ledger_part *own;

void ledger_open(void)
{
    const char *path = getenv(LEDGER_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, LEDGER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    ledger = map == MAP_FAILED ? NULL : map;
}

void ledger_forked(void)
{
    own = NULL;
}

/* Claimed by its process id, so that processes which share the file do not share a part. */
static struct ledger_part *claim(void)
{
    uint32_t pid = (uint32_t)getpid();
    for (unsigned i = 0; i < LEDGER_THREADS; i++) {
        uint32_t none = 0;
        struct ledger_part *part = &ledger->part[i];
        if (!__atomic_compare_exchange_n(&part->pid, &none, pid, 0, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        part->tid = (uint32_t)syscall(SYS_gettid);
        return part;
    }
    fprintf(stderr, "ledger: more than %d threads\n", LEDGER_THREADS);
    abort();
}

void ledger_put(enum mt_kind kind, const uint64_t *fields, size_t n_fields, const uint64_t *tail,
                size_t n_tail)
{
    if (!ledger)
        return;
    if (!own)
        own = claim();
    static const uint8_t fields_of[MT_KINDS] = {
#define EVENT(number, name, doc) [number] = sizeof(struct mt_ev_##name) / 8,
#define FIELD(event, name, type, doc)
#define TAIL(event, type, doc)
#define END(event)
#include "event/event.def"
    };
    size_t part = (size_t)(own - ledger->part), all = fields_of[kind];
    struct mt_record *record = (void *)(ledger->records + part * LEDGER_PART + own->done);
    size_t size = sizeof *record + 8 * (all + n_tail);
    if (own->done + size > LEDGER_PART) {
        fprintf(stderr, "ledger: full\n");
        abort();
    }
    record->kind = (uint16_t)kind;
    record->words = (uint32_t)(all + n_tail);
    memset(record->word, 0, 8 * all);
    memcpy(record->word, fields, 8 * n_fields);
    if (n_tail)
        memcpy(record->word + all, tail, 8 * n_tail);
    __atomic_store_n(&own->done, own->done + (uint32_t)size, __ATOMIC_RELEASE);
}

const struct ledger *ledger_map(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, LEDGER_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return map == MAP_FAILED ? NULL : map;
}
