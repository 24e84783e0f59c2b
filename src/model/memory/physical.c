/* Physical memory and the pieces of it that are mapped. Memory that is mapped twice is there once:
 * of the pieces of one handle each counts with what none before it covers. When a piece goes, those
 * behind it may count for more. */
#include "model/model_state.h"

#include <stdlib.h>
#include <string.h>

/* Place 0 of both tables is none. */
static uint32_t take_place(void **table, uint32_t *size, uint32_t *room, uint32_t *spare,
                           size_t item, size_t next)
{
    if (*spare) {
        uint32_t place = *spare;
        memcpy(spare, (char *)*table + place * item + next, sizeof *spare);
        memset((char *)*table + place * item, 0, item);
        return place;
    }
    if (*size + 1 >= *room) {
        uint32_t more = *room ? *room * 2 : 64;
        void *grown = realloc(*table, more * item);
        if (!grown)
            return 0;
        *table = grown;
        *room = more;
    }
    ++*size;
    memset((char *)*table + *size * item, 0, item);
    return *size;
}

static uint32_t new_physical(struct mt_physicals *all)
{
    return take_place((void **)&all->physical, &all->size, &all->room, &all->spare,
                      sizeof *all->physical, offsetof(struct mt_physical, first));
}

static uint32_t new_piece(struct mt_physicals *all)
{
    return take_place((void **)&all->piece, &all->pieces, &all->pieces_room, &all->pieces_spare,
                      sizeof *all->piece, offsetof(struct mt_piece, next));
}

void mt_physicals_release(struct mt_physicals *all)
{
    mt_dict_release(&all->by_handle);
    free(all->physical);
    free(all->piece);
}

static void drop_if_unused(struct mt_physicals *all, uint32_t place)
{
    struct mt_physical *physical = &all->physical[place];
    if (physical->handles || physical->first)
        return;
    physical->first = all->spare;
    all->spare = place;
}

static uint32_t by_handle(const struct mt_model *model, uint64_t handle)
{
    const uint64_t *place = mt_dict_find(&model->physicals.by_handle, handle);
    return place ? (uint32_t)*place : 0;
}

void mt_physical_release(struct mt_model *model, uint64_t handle)
{
    struct mt_physicals *all = &model->physicals;
    uint32_t place = by_handle(model, handle);
    if (!place)
        return;
    if (--all->physical[place].handles == 0)
        mt_dict_remove(&all->by_handle, handle);
    drop_if_unused(all, place);
}

static void create(struct mt_model *model, uint64_t handle, const struct mt_physical *what)
{
    struct mt_physicals *all = &model->physicals;
    uint32_t old = by_handle(model, handle);
    if (old) { /* its release was not seen */
        all->physical[old].handles = 0;
        mt_dict_remove(&all->by_handle, handle);
        drop_if_unused(all, old);
    }
    uint32_t place = new_physical(all);
    uint64_t *known = place ? mt_dict_add(&all->by_handle, handle) : NULL;
    if (!known) {
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    *known = place;
    all->physical[place] = *what;
    all->physical[place].handles = 1;
}

void mt_do_create(struct mt_model *model, const struct mt_ev_create *event)
{
    create(model, event->handle,
           &(struct mt_physical){.device = mt_model_device(event->device),
                                 .library = (uint32_t)event->library,
                                 .size = event->size});
}

void mt_do_import(struct mt_model *model, const struct mt_ev_import *event)
{
    create(model, event->handle,
           &(struct mt_physical){.device = mt_model_device(event->device), .foreign = true});
}

void mt_physical_retain(struct mt_model *model, uint64_t handle, uint64_t address)
{
    struct mt_physicals *all = &model->physicals;
    struct mt_range map;
    uint32_t place = mt_space_find(&model->maps, address, &map) ? all->piece[map.item].physical : 0;
    if (!place)
        return;
    uint32_t named = by_handle(model, handle);
    if (named && named != place)
        return; /* a name that means something else */
    uint64_t *known = mt_dict_add(&all->by_handle, handle);
    if (!known) {
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    *known = place;
    all->physical[place].handles++;
}

bool mt_physical_origin(const struct mt_model *model, uint64_t handle, uint32_t *device,
                        uint32_t *library)
{
    uint32_t place = by_handle(model, handle);
    if (!place)
        return false;
    *device = model->physicals.physical[place].device;
    *library = model->physicals.physical[place].library;
    return true;
}

/* ---- pieces ---- */

uint32_t mt_piece_device(const struct mt_model *model, const struct mt_piece *piece)
{
    return piece->physical ? model->physicals.physical[piece->physical].device
                           : model->block[piece->slot].device;
}

uint64_t mt_model_bytes_on(const struct mt_model *model, const struct mt_block *block,
                           uint32_t device)
{
    uint64_t end = block->address + block->extent, bytes = 0;
    struct mt_range map;
    if (!block->far)
        return device == block->device ? mt_block_bytes(block) : 0;
    for (uint64_t at = block->address; mt_space_next(&model->maps, at, &map) && map.begin < end;
         at = map.end) {
        const struct mt_piece *piece = &model->physicals.piece[map.item];
        bytes += mt_piece_device(model, piece) == device ? piece->counted : 0;
    }
    return bytes;
}

/* Bytes of a piece that the pieces before it in its list do not cover. */
static uint64_t count(const struct mt_physicals *all, const struct mt_piece *piece)
{
    const struct mt_physical *physical = &all->physical[piece->physical];
    uint64_t at = piece->offset, end = at + piece->size, counted = 0;
    if (!piece->physical)
        return piece->size;
    if (physical->foreign)
        return 0;
    while (at < end) {
        uint64_t covered = at, next = end; /* from `at` on; where the next cover begins */
        for (uint32_t i = physical->first; i && &all->piece[i] != piece; i = all->piece[i].next) {
            uint64_t from = all->piece[i].offset, to = from + all->piece[i].size;
            if (from <= at && to > covered)
                covered = to;
            else if (from > at && from < next)
                next = from;
        }
        counted += covered > at ? 0 : next - at;
        at = covered > at ? covered : next;
    }
    return counted;
}

static void append(struct mt_physicals *all, uint32_t place)
{
    struct mt_piece *piece = &all->piece[place];
    uint32_t *link = &all->physical[piece->physical].first;
    piece->next = 0;
    while (*link)
        link = &all->piece[*link].next;
    *link = place;
}

static void unlink_piece(struct mt_physicals *all, uint32_t place)
{
    uint32_t *link = &all->physical[all->piece[place].physical].first;
    while (*link != place)
        link = &all->piece[*link].next;
    *link = all->piece[place].next;
}

uint32_t mt_piece_add(struct mt_model *model, const struct mt_piece *what, uint64_t handle)
{
    struct mt_physicals *all = &model->physicals;
    uint32_t place = new_piece(all);
    if (!place)
        return 0;
    struct mt_piece *piece = &all->piece[place];
    *piece = *what;
    piece->physical = handle ? by_handle(model, handle) : what->physical;
    if (piece->physical)
        append(all, place);
    piece->counted = count(all, piece);
    return place;
}

/* What is left of the memory counts where it is still mapped. */
static void count_again(struct mt_model *model, uint32_t physical)
{
    struct mt_physicals *all = &model->physicals;
    for (uint32_t i = all->physical[physical].first; i; i = all->piece[i].next) {
        struct mt_piece *piece = &all->piece[i];
        struct mt_block *block = &model->block[piece->slot];
        uint64_t counted = count(all, piece), more = counted - piece->counted;
        piece->counted = counted;
        if (more)
            mt_driver_remap(model, piece->slot, block->mapped, block->aliased - more,
                            all->physical[physical].device);
    }
}

uint32_t mt_piece_remove(struct mt_model *model, uint32_t place)
{
    struct mt_physicals *all = &model->physicals;
    uint32_t physical = all->piece[place].physical;
    if (physical)
        unlink_piece(all, place);
    all->piece[place].next = all->pieces_spare;
    all->pieces_spare = place;
    return physical;
}

void mt_piece_cut(struct mt_model *model, uint32_t place, uint64_t offset, uint64_t size)
{
    struct mt_piece *piece = &model->physicals.piece[place];
    piece->offset = offset;
    piece->size = size;
    piece->counted = count(&model->physicals, piece);
}

void mt_physical_settle(struct mt_model *model, uint32_t physical)
{
    if (!physical)
        return;
    count_again(model, physical);
    drop_if_unused(&model->physicals, physical);
}
