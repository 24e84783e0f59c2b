/* Segments: the memory that the caching allocator cuts blocks from. Callers hold the allocator's
 * mutex. */
#ifndef SIMC10_SEGMENT_H
#define SIMC10_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment;

enum block_state { BLOCK_USED, BLOCK_CACHED, BLOCK_UNMAPPED /* addresses without memory */ };

/* Blocks of a segment tile it. */
struct block {
    uint64_t address;
    size_t size;
    enum block_state state;
    bool deferred; /* used on another stream: not to be reused yet */
    struct segment *segment;
    struct block *prev, *next; /* by address, within the segment */
};

struct segment {
    struct segment *next;
    struct block *first;
    uint64_t address;
    size_t size;
    void *stream;
    bool small, expandable;
    int device;
    size_t page;                 /* expandable: bytes mapped at a time */
    unsigned long long *handles; /* one a page; 0: not mapped */
};

/* cudaMalloc of `size` bytes, one cached block. NULL: out of memory. */
struct segment *segment_new(int device, size_t size, bool small, void *stream);
/* Addresses for all the memory of the device and an eighth more, one unmapped block. */
struct segment *segment_new_expandable(int device, bool small, void *stream);
void segment_free(struct segment *segment); /* its memory and itself; no block is in use */

/* Gives memory to the unmapped ones of a run of cached and unmapped blocks, as far as `size` bytes
 * from its beginning. The cached block that they are in then, or NULL: out of memory, and part of
 * the run may have become cached. *mapped: bytes added. */
struct block *segment_map(struct block *run, size_t size, size_t *mapped);
/* Takes the memory of whole pages out of a cached block of an expandable segment; bytes given back.
 */
size_t segment_unmap(struct block *cached);

struct block *block_split(struct block *block,
                          size_t size);         /* keeps the front; the rest, or NULL */
struct block *block_merge(struct block *block); /* with neighbours of its state; the merged one */

#endif
