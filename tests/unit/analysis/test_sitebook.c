#include "analysis/measures/sitebook.h"

#include <string.h>

#include "../unit.h"

#define GROUPS 7u
#define SEGMENTS 6u /* places of driver memory, each of which lives now and then */
#define SLABS 16u   /* places for blocks in each */
#define SIZE (UINT64_C(1) << 20)

enum { ALLOC };

/* What the book says, and the same by looking at everything at every peak. */
struct check {
    struct mt_sitebook book;
    struct mt_model *model;
    uint64_t now, peak[MT_DEVICES];
    uint64_t held[MT_DEVICES][GROUPS], at_peak[MT_DEVICES][GROUPS], most[MT_DEVICES][GROUPS];
    struct {
        bool known;
        uint64_t id, bytes;
        uint32_t device, group;
    } live[4096]; /* by slot */
};

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static void hold(struct check *check, uint32_t slot, uint64_t bytes)
{
    uint64_t *held = &check->held[check->live[slot].device][check->live[slot].group];
    *held += bytes - check->live[slot].bytes;
    check->live[slot].bytes = bytes;
    uint64_t *most = &check->most[check->live[slot].device][check->live[slot].group];
    *most = *held > *most ? *held : *most;
}

static int born(void *data, const struct mt_block *block)
{
    struct check *check = data;
    struct mt_groups groups = {1, {block->stack}};
    ck_assert_uint_lt(block->slot, 4096);
    if (block->segment_slot)
        hold(check, block->segment_slot, 0);
    check->live[block->slot].known = true;
    check->live[block->slot].bytes = 0;
    check->live[block->slot].device = block->device;
    check->live[block->slot].group = block->stack;
    if (block->level == MT_LEVEL_BLOCK)
        hold(check, block->slot, mt_block_bytes(block));
    return mt_sitebook_birth(&check->book, block, &groups);
}

static int resized(void *data, const struct mt_block *block)
{
    struct check *check = data;
    if (block->level == MT_LEVEL_BLOCK)
        hold(check, block->slot, mt_block_bytes(block));
    return mt_sitebook_resize(&check->book, block);
}

static int died(void *data, const struct mt_block *block)
{
    struct check *check = data;
    if (block->death_ns != UINT64_MAX)
        hold(check, block->slot, 0);
    return mt_sitebook_death(&check->book, block, check->now);
}

static int used(void *data, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct check *check = data;
    (void)time_ns;
    if (usage->allocated > check->peak[device]) {
        check->peak[device] = usage->allocated;
        memcpy(check->at_peak[device], check->held[device], sizeof check->held[device]);
    }
    mt_sitebook_usage(&check->book, device, usage);
    return 0;
}

static void feed(struct check *check, enum mt_kind kind, const void *event, size_t size)
{
    struct mt_record *record = malloc(sizeof *record + size);
    *record = (struct mt_record){.time = check->now, .kind = (uint16_t)kind};
    record->words = (uint32_t)(size / 8);
    memcpy(record->word, event, size);
    ck_assert_int_eq(mt_model_replay(check->model, record, 0), 0);
    free(record);
}

#define FEED(check, event, ...)                                                                    \
    do {                                                                                           \
        struct mt_ev_##event event_ = {__VA_ARGS__};                                               \
        feed(check, MT_##event, &event_, sizeof event_);                                           \
    } while (0)

/* One of the things that happen: driver memory, virtual memory that grows, blocks in both. */
static void happen(struct check *check)
{
    uint32_t place = below(SEGMENTS), slab = below(SLABS), stack = below(GROUPS);
    uint64_t segment = (place + UINT64_C(1)) << 32, block = segment + slab * (SIZE / SLABS);
    uint64_t device = place % 2;
    check->now += below(3) ? 100 : 2000000; /* births are told at once, or after a while */
    switch (below(8)) {
    case 0:
        if (place < SEGMENTS / 2)
            FEED(check, alloc, ALLOC, segment, SIZE, device, 0, stack, 0, 0);
        else
            FEED(check, reserve, segment, SIZE);
        break;
    case 1:
        if (place < SEGMENTS / 2)
            FEED(check, free, ALLOC, segment, 0);
        else if (below(4) == 0)
            FEED(check, unreserve, segment, SIZE);
        break;
    case 2:
        if (place >= SEGMENTS / 2)
            FEED(check, map, block, SIZE / SLABS, 0, 1 + device, stack);
        break;
    case 3:
        if (place >= SEGMENTS / 2)
            FEED(check, unmap, block, SIZE / SLABS);
        break;
    case 4:
    case 5:
        if (place % 3 == 0) /* elsewhere driver memory stays a block */
            FEED(check, block_alloc, block, 512 + below(SIZE / SLABS - 512), 0, 0, device, stack);
        break;
    case 6:
        if (place % 3 == 0)
            FEED(check, block_free, block, 512, 0, 0, device);
        break;
    default:
        FEED(check, graph_launch, 0, 0);
        break;
    }
}

static void compare(struct check *check, uint32_t device)
{
    uint64_t sum = 0;
    for (uint32_t group = 0; group < GROUPS; group++) {
        const struct mt_tally *tally =
            mt_sitebook_tally(&check->book, MT_BY_GROUP_STACK, device, group);
        ck_assert_uint_eq(tally ? tally->at_peak_bytes : 0, check->at_peak[device][group]);
        ck_assert_uint_eq(tally ? tally->bytes : 0, check->held[device][group]);
        if (tally)
            ck_assert_uint_eq(tally->peak_bytes, check->most[device][group]);
        sum += tally ? tally->at_peak_bytes : 0;
    }
    ck_assert_uint_eq(sum, mt_model_usage(check->model, device)->peak_allocated);
}

static void run(uint32_t events)
{
    static struct check check;
    memset(&check, 0, sizeof check);
    struct mt_listener listener = {
        .state = &check, .birth = born, .death = died, .usage = used, .resize = resized};
    check.model = mt_model_new(NULL, NULL, &listener, 1);
    FEED(&check, create, 1, SIZE, 0, 0, 0);
    FEED(&check, create, 2, SIZE, 1, 0, 0);
    for (uint32_t i = 0; i < events; i++)
        happen(&check);
    ck_assert_int_eq(mt_model_finish(check.model), 0);
    for (uint32_t device = 0; device < 2; device++)
        compare(&check, device);
    ck_assert_uint_gt(check.peak[0], 0);
    ck_assert_uint_gt(check.peak[1], 0);
    mt_sitebook_release(&check.book);
    mt_model_free(check.model);
}

START_TEST(what_is_held_at_the_peak)
{
    for (uint32_t round = 0; round < 300; round++)
        run(200 + below(400));
}
END_TEST

UNIT_MAIN("sitebook", what_is_held_at_the_peak)
