#include "replay.h"

#include <string.h>

#include "../unit.h"

static const char *name_of(void *context, uint64_t api)
{
    static const char *const names[] = {
        "?",        "cuMemAlloc_v2", "cuMemAllocAsync",       "cuMemAllocManaged",
        "cuMemcpy", "cuGraphLaunch", "cuIpcOpenMemHandle_v2", "cuMemHostRegister_v2"};
    (void)context;
    return names[api < 8 ? api : 0];
}

static int born(void *state, const struct mt_block *block)
{
    struct replay *replay = state;
    ck_assert_uint_lt(replay->births, REPLAY_MAX);
    replay->born[replay->births++] = *block;
    return 0;
}

static int died(void *state, const struct mt_block *block)
{
    struct replay *replay = state;
    ck_assert_uint_lt(replay->deaths, REPLAY_MAX);
    replay->dead[replay->deaths++] = *block;
    return 0;
}

static int accessed(void *state, const struct mt_block *block, const struct mt_access *access)
{
    struct replay *replay = state;
    ck_assert_uint_lt(replay->accesses, REPLAY_MAX);
    replay->accessed[replay->accesses] = block->id;
    replay->access[replay->accesses++] = *access;
    return 0;
}

static bool told_before(const struct replay *replay, size_t access)
{
    for (size_t i = replay->launched; i < access; i++)
        if (replay->accessed[i] == replay->accessed[access] && replay->access[i].by == MT_BY_LAUNCH)
            return true;
    return false;
}

/* A launch names the blocks whose accesses by launches were told since the last, each once. */
static int launched(void *state, const struct mt_launch *launch)
{
    struct replay *replay = state;
    uint32_t block = 0;
    for (size_t i = replay->launched; i < replay->accesses; i++) {
        if (replay->access[i].by != MT_BY_LAUNCH || told_before(replay, i))
            continue;
        ck_assert_uint_lt(block, launch->blocks);
        ck_assert_uint_eq(launch->block[block++]->id, replay->accessed[i]);
        ck_assert_uint_eq(replay->access[i].time_ns, launch->time_ns);
        ck_assert_uint_eq(replay->access[i].kernel, launch->kernel);
    }
    ck_assert_uint_eq(block, launch->blocks);
    replay->launched = replay->accesses;
    replay->launches++;
    return 0;
}

static int used(void *state, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct replay *replay = state;
    ck_assert_uint_lt(device, MT_DEVICES);
    ck_assert_uint_le(time_ns, mt_model_now(replay->model));
    ck_assert(usage->used);
    replay->usage_changes++;
    return 0;
}

/* Of a listener who hears of launches as a whole. */
static int accessed_by_others(void *state, const struct mt_block *block,
                              const struct mt_access *access)
{
    struct replay *replay = state;
    (void)block;
    ck_assert_int_ne(access->by, MT_BY_LAUNCH);
    replay->others++;
    return 0;
}

static int host_born(void *state, const struct mt_block *block)
{
    struct replay *replay = state;
    if (block->level == MT_LEVEL_HOST)
        replay->host_born[replay->host_births++ % REPLAY_MAX] = *block;
    return 0;
}

static int host_died(void *state, const struct mt_block *block)
{
    struct replay *replay = state;
    if (block->level == MT_LEVEL_HOST)
        replay->host_dead[replay->host_deaths++ % REPLAY_MAX] = *block;
    return 0;
}

static int host_accessed(void *state, const struct mt_block *block, const struct mt_access *access)
{
    struct replay *replay = state;
    if (block->level == MT_LEVEL_HOST)
        replay->host_access[replay->host_accesses++ % REPLAY_MAX] = *access;
    return 0;
}

struct replay *replay_new(void)
{
    struct replay *replay = calloc(1, sizeof *replay);
    struct mt_listener listener[] = {
        {.state = replay,
         .birth = born,
         .access = accessed,
         .launch = launched,
         .death = died,
         .usage = used},
        {.state = replay, .access = accessed_by_others, .by_launch = true},
        {.state = replay,
         .birth = host_born,
         .access = host_accessed,
         .death = host_died,
         .by_launch = true,
         .host = true},
    };
    replay->model = mt_model_new(name_of, NULL, listener, 3);
    ck_assert_ptr_nonnull(replay->model);
    ck_assert(mt_model_is_valid(replay->model));
    return replay;
}

void replay_free(struct replay *replay)
{
    mt_model_free(replay->model);
    free(replay);
}

void replay_at(struct replay *replay, uint64_t now, uint32_t thread)
{
    replay->now = now;
    replay->thread = thread;
}

void replay_words(struct replay *replay, enum mt_kind kind, const uint64_t *word, size_t words)
{
    struct mt_record *record = malloc(sizeof *record + words * sizeof *word);
    *record =
        (struct mt_record){.time = replay->now, .kind = (uint16_t)kind, .words = (uint32_t)words};
    memcpy(record->word, word, words * sizeof *word);
    int code = mt_model_replay(replay->model, record, replay->thread);
    bool valid = mt_model_is_valid(replay->model);
    ck_assert_msg(code == 0 && valid, "%s %lx %lx %lx: code %d, valid %d",
                  mt_event_info(kind)->name, (unsigned long)word[0],
                  words > 1 ? (unsigned long)word[1] : 0, words > 2 ? (unsigned long)word[2] : 0,
                  code, valid);
    free(record);
}

void replay_event(struct replay *replay, enum mt_kind kind, const uint64_t *word, size_t words)
{
    uint64_t whole[MT_FIELDS_MAX] = {0};
    const struct mt_event_info *info = mt_event_info(kind);
    if (words < info->fields) {
        memcpy(whole, word, words * sizeof *word);
        word = whole;
        words = info->fields;
    }
    replay_words(replay, kind, word, words);
}

void replay_alloc(struct replay *replay, uint64_t address, uint64_t size)
{
    REPLAY(replay, alloc, API_ALLOC, address, size, 0, 0);
}

/* The sums an allocator would tell are kept as the model keeps them. */
void replay_block(struct replay *replay, uint64_t address, uint64_t size)
{
    const struct mt_usage *usage = mt_model_usage(replay->model, 0);
    REPLAY(replay, block_alloc, address, size, usage->allocator + size, 0, 0);
}

void replay_block_free(struct replay *replay, uint64_t address, uint64_t size)
{
    const struct mt_usage *usage = mt_model_usage(replay->model, 0);
    REPLAY(replay, block_free, address, size, usage->allocator - size, 0, 0);
}

void replay_copy(struct replay *replay, uint64_t to, uint64_t from, uint64_t size)
{
    REPLAY(replay, copy, API_COPY, to, from, size, 0);
}

void replay_forget(struct replay *replay)
{
    size_t kept = 0;
    for (size_t i = replay->launched; i < replay->accesses; i++) {
        if (replay->access[i].by != MT_BY_LAUNCH)
            continue;
        replay->access[kept] = replay->access[i];
        replay->accessed[kept++] = replay->accessed[i];
    }
    replay->births = replay->deaths = replay->launched = 0;
    replay->accesses = kept;
}

void replay_finish(struct replay *replay)
{
    ck_assert_int_eq(mt_model_finish(replay->model), 0);
}

const struct mt_counts *replay_counts(const struct replay *replay)
{
    return mt_model_counts(replay->model);
}

const struct mt_block *replay_dead(const struct replay *replay, uint64_t id)
{
    for (size_t i = 0; i < replay->deaths; i++)
        if (replay->dead[i].id == id)
            return &replay->dead[i];
    ck_abort_msg("block %lu did not die", (unsigned long)id);
    return NULL;
}

void replay_expect(const struct replay *replay, size_t i, uint64_t id, enum mt_access_kind kind,
                   uint64_t offset, uint64_t size)
{
    ck_assert_uint_lt(i, replay->accesses);
    ck_assert_uint_eq(replay->accessed[i], id);
    ck_assert_int_eq(replay->access[i].kind, kind);
    ck_assert_uint_eq(replay->access[i].offset, offset);
    ck_assert_uint_eq(replay->access[i].size, size);
}
