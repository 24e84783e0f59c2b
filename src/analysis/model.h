/* The replayed address space: which blocks live, and what a record does to them.
 *
 * Levels nest: driver memory (an allocation, or a reserved range with what is mapped into it) may
 * hold allocator blocks. Addresses are resolved here and only here, to the innermost live block. */
#ifndef MT_MODEL_H
#define MT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "event/event.h"

enum mt_level { MT_LEVEL_SEGMENT, MT_LEVEL_BLOCK };

/* Who gave the memory out. */
enum mt_source {
    MT_SOURCE_DRIVER,    /* cuMemAlloc and its kin */
    MT_SOURCE_MANAGED,   /* cuMemAllocManaged */
    MT_SOURCE_ASYNC,     /* cuMemAllocAsync, pools */
    MT_SOURCE_VIRTUAL,   /* a reserved range with physical memory mapped into it */
    MT_SOURCE_ALLOCATOR, /* a caching allocator's block */
};

enum mt_access_kind { MT_ACCESS_READ, MT_ACCESS_WRITE, MT_ACCESS_TOUCH };
enum mt_access_by { MT_BY_LAUNCH, MT_BY_COPY, MT_BY_SET };

struct mt_block {
    uint64_t id;      /* from 1, in order of birth, unique in a trace */
    uint64_t segment; /* id of the driver memory around it, 0 for driver memory itself */
    uint64_t address, size;
    uint64_t birth_ns;
    uint64_t death_ns; /* meaningful at its death; UINT64_MAX if it lived at the end of the trace */
    uint64_t first_access_ns, last_access_ns; /* meaningful if accesses > 0 */
    uint64_t accesses, reads, writes, touches; /* a launch or copy counts once a block and kind */
    uint64_t stream;
    uint64_t children; /* blocks ever reported inside */
    uint64_t mapped;   /* VIRTUAL: bytes mapped now; size is the most ever mapped */
    uint32_t device, api;
    uint8_t level, source; /* enum mt_level, enum mt_source; driver memory is BLOCK until it has a child */
    bool alive_at_start;   /* known to have existed before the trace's first event */
    void *user;            /* unused by the model */
};

struct mt_access {
    uint64_t time_ns;
    uint64_t offset, size; /* in the block; size 0: not known (a pointer among a launch's parameters) */
    uint64_t kernel;       /* kernel id for MT_BY_LAUNCH, API index otherwise */
    uint64_t stream;
    enum mt_access_kind kind;
    enum mt_access_by by;
    uint32_t thread;
};

#endif
