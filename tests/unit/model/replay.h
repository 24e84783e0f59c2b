/* A model that is fed from a test, event by event, and what it told. Its whole structure is checked
 * after every event. Addresses in tests are small numbers; times are set by replay_at. */
#ifndef MT_REPLAY_H
#define MT_REPLAY_H

#include "model/model.h"

#define REPLAY_MAX 4096

struct replay {
    struct mt_model *model;
    uint64_t now;
    uint32_t thread;
    struct mt_block born[REPLAY_MAX], dead[REPLAY_MAX]; /* as they were then */
    struct mt_access access[REPLAY_MAX];
    uint64_t accessed[REPLAY_MAX]; /* id of the block of each access */
    size_t births, deaths, accesses, launches;
    size_t launched; /* accesses before the last launch was told */
    uint64_t usage_changes;
    uint64_t others; /* accesses that are not a launch's, told to another listener */
    /* Page-locked host memory, told to a listener of its own. */
    struct mt_block host_born[REPLAY_MAX], host_dead[REPLAY_MAX];
    struct mt_access host_access[REPLAY_MAX];
    size_t host_births, host_deaths, host_accesses;
};

/* APIs 1 to 7 are cuMemAlloc_v2, cuMemAllocAsync, cuMemAllocManaged, cuMemcpy, cuGraphLaunch,
 * cuIpcOpenMemHandle_v2, cuMemHostRegister_v2. */
enum { API_ALLOC = 1, API_ASYNC, API_MANAGED, API_COPY, API_GRAPH, API_IPC, API_REGISTER };

struct replay *replay_new(void);
void replay_free(struct replay *replay);

/* The next events happen at this time, on this thread. */
void replay_at(struct replay *replay, uint64_t now, uint32_t thread);

/* Any event: its fields (and tail), in words. */
void replay_words(struct replay *replay, enum mt_kind kind, const uint64_t *word, size_t words);

/* The same; fields at the end may be left out where there is no tail. */
void replay_event(struct replay *replay, enum mt_kind kind, const uint64_t *word, size_t words);

#define REPLAY(replay, kind, ...)                                                                  \
    replay_event(replay, MT_##kind, (const uint64_t[]){__VA_ARGS__},                               \
                 sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* device 0, default stream */
void replay_alloc(struct replay *replay, uint64_t address, uint64_t size);
void replay_block(struct replay *replay, uint64_t address, uint64_t size);
void replay_block_free(struct replay *replay, uint64_t address, uint64_t size);
#define replay_launch(replay, ...) REPLAY(replay, launch, 1, 0, 0, 0, __VA_ARGS__)
void replay_copy(struct replay *replay, uint64_t to, uint64_t from, uint64_t size);
void replay_finish(struct replay *replay);

/* Make room: what was told is forgotten, but for the accesses of a launch that goes on. */
void replay_forget(struct replay *replay);

const struct mt_counts *replay_counts(const struct replay *replay);

/* Access number i was this one. */
void replay_expect(const struct replay *replay, size_t i, uint64_t id, enum mt_access_kind kind,
                   uint64_t offset, uint64_t size);

/* The death of the block with this id; fails the test if there was none. */
const struct mt_block *replay_dead(const struct replay *replay, uint64_t id);

#endif
