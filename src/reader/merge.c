#include "reader/merge.h"

static void find_second(struct mt_merge *merge)
{
    merge->second = (struct mt_turn){.time = UINT64_MAX, .tie = UINT64_MAX};
    for (uint32_t i = 1; i < 3 && i < merge->count; i++)
        if (mt_turn_before(&merge->turn[i], &merge->second))
            merge->second = merge->turn[i];
}

void mt_merge_push(struct mt_merge *merge, struct mt_turn turn)
{
    uint32_t i = merge->count++;
    for (; i && mt_turn_before(&turn, &merge->turn[(i - 1) / 2]); i = (i - 1) / 2)
        merge->turn[i] = merge->turn[(i - 1) / 2];
    merge->turn[i] = turn;
    find_second(merge);
}

void mt_merge_sink(struct mt_merge *merge, struct mt_turn turn)
{
    struct mt_turn *heap = merge->turn;
    uint32_t i = 0;
    for (uint32_t child; (child = 2 * i + 1) < merge->count; i = child) {
        if (child + 1 < merge->count && mt_turn_before(&heap[child + 1], &heap[child]))
            child++;
        if (!mt_turn_before(&heap[child], &turn))
            break;
        heap[i] = heap[child];
    }
    heap[i] = turn;
    find_second(merge);
}

void mt_merge_pop(struct mt_merge *merge)
{
    if (--merge->count)
        mt_merge_sink(merge, merge->turn[merge->count]);
    else
        find_second(merge);
}
