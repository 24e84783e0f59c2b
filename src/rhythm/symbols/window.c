#include "rhythm/symbols/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pages.h"

#define ROOM_FIRST 4096u
#define ROOM_SMALL (1u << 16) /* who has more will have a whole window, as a rule */

static int make_room(struct mt_window *window)
{
    uint32_t had = window->room, room = had ? 2 * had : ROOM_FIRST;
    if (room > ROOM_SMALL && room < MT_WINDOW_FIRST)
        room = MT_WINDOW_FIRST;
#define WIDEN(array)                                                                               \
    ({                                                                                             \
        void *wider = mt_pages_widen(window->array, had * sizeof *window->array,                   \
                                     room * sizeof *window->array);                                \
        if (!wider)                                                                                \
            return MT_ERR_MEMORY;                                                                  \
        window->array = wider;                                                                     \
    })
    WIDEN(sym);
    WIDEN(time_ns);
    WIDEN(event);
#undef WIDEN
    window->room = room;
    return 0;
}

/* Nearly all symbols were found lately, and there is room: then nothing is called. */
int mt_window_add(struct mt_window *window, const struct mt_symbol *symbol, size_t n)
{
    struct mt_symtab *table = &window->table;
    for (const struct mt_symbol *end = symbol + n; symbol < end; symbol++) {
        if (__builtin_expect(window->n == window->room, 0))
            RETURN_IF_ERROR(make_room(window));
        uint32_t id = *mt_symtab_recent(table, symbol);
        if (__builtin_expect(table->syms == 0 || !mt_sym_is(&table->sym[id], symbol), 0)) {
            id = mt_symtab_add(table, symbol);
            if (id == MT_SYM_NONE)
                return MT_ERR_MEMORY;
        }
        uint32_t position = window->n++;
        window->sym[position] = id;
        window->time_ns[position] = symbol->time_ns;
        window->event[position] = symbol->event;
    }
    return 0;
}

void mt_window_drop(struct mt_window *window, uint32_t n)
{
    window->n -= n;
    memmove(window->sym, window->sym + n, window->n * sizeof *window->sym);
    memmove(window->time_ns, window->time_ns + n, window->n * sizeof *window->time_ns);
    memmove(window->event, window->event + n, window->n * sizeof *window->event);
}

int mt_window_take(struct mt_window *window, const struct mt_window *from, uint32_t begin,
                   bool merged)
{
    for (uint32_t i = begin; i < from->n; i++) {
        const struct mt_sym *sym = mt_window_sym(from, i);
        struct mt_symbol symbol = {.event = from->event[i],
                                   .time_ns = from->time_ns[i],
                                   .size = sym->size,
                                   .what = sym->what,
                                   .kind = sym->kind,
                                   .thread = merged ? 0 : sym->thread,
                                   .input = sym->input};
        RETURN_IF_ERROR(mt_window_add(window, &symbol, 1));
    }
    return 0;
}

static void forget_numberings(struct mt_window *window)
{
    for (uint32_t i = 0; window->numbering && i < MT_NUMBERINGS; i++) {
        free(window->numbering[i].own);
        free(window->numbering[i].spread);
        window->numbering[i] = (struct mt_numbering){0};
    }
}

static int make_sorted_room(struct mt_window *window)
{
    if (window->room <= window->sorted_room)
        return 0;
    free(window->order);
    free(window->ranked);
    free(window->rank);
    free(window->trigram);
    window->order = mt_pages_alloc(window->room * sizeof *window->order);
    window->ranked = mt_pages_alloc(window->room * sizeof *window->ranked);
    window->rank = mt_pages_alloc(window->room * sizeof *window->rank);
    if (!window->numbering)
        window->numbering = calloc(MT_NUMBERINGS, sizeof *window->numbering);
    window->trigram = mt_pages_alloc(window->room * sizeof *window->trigram);
    bool able =
        window->numbering && window->order && window->ranked && window->rank && window->trigram;
    window->sorted_room = able ? window->room : 0;
    return window->sorted_room ? 0 : MT_ERR_MEMORY;
}

/* Behind the last position that goes on in the thread of position `i`. */
static uint32_t stay(const struct mt_window *window, uint32_t i, uint32_t thread)
{
    const struct mt_sym *sym = window->table.sym;
    while (i < window->n && sym[window->sym[i]].thread == thread)
        i++;
    return i;
}

static int count_threads(struct mt_window *window)
{
    uint32_t most = 0;
    for (uint32_t id = 0; id < window->table.syms; id++)
        most = window->table.sym[id].thread > most ? window->table.sym[id].thread : most;
    window->threads = most + 1;
    free(window->thread_begin);
    window->thread_begin = calloc(window->threads + 1, sizeof *window->thread_begin);
    if (!window->thread_begin)
        return MT_ERR_MEMORY;
    for (uint32_t i = 0, end; i < window->n; i = end) {
        uint32_t thread = mt_window_sym(window, i)->thread;
        end = stay(window, i, thread);
        window->thread_begin[thread + 1] += end - i;
    }
    for (uint32_t t = 0; t < window->threads; t++)
        window->thread_begin[t + 1] += window->thread_begin[t];
    return 0;
}

/* Hashes are numbered, so that what is kept of each lies together. */
int mt_window_hash(struct mt_window *window)
{
    uint32_t *number = calloc(MT_TRIGRAMS, sizeof *number), numbers = 0; /* more by one; 0: none */
    if (!number)
        return MT_ERR_MEMORY;
    for (uint32_t t = 0; t < window->threads; t++) {
        uint64_t past = t;
        for (uint32_t r = window->thread_begin[t]; r < window->thread_begin[t + 1]; r++) {
            uint32_t position = window->order[r];
            past = past << 21 | (mt_window_ranked(window, r)->bare & 0x1fffff);
            window->rank[position] = r;
            uint32_t *its = &number[(uint32_t)(past * 0x9e3779b97f4a7c15u >> 48) % MT_TRIGRAMS];
            if (*its == 0)
                *its = ++numbers;
            window->trigram[position] = (uint16_t)(*its - 1);
        }
    }
    free(number);
    return 0;
}

/* Threads take turns in runs, as a rule. */
int mt_window_sort(struct mt_window *window)
{
    forget_numberings(window);
    RETURN_IF_ERROR(make_sorted_room(window));
    RETURN_IF_ERROR(count_threads(window));
    uint32_t *next = malloc((window->threads + 1) * sizeof *next);
    if (!next)
        return MT_ERR_MEMORY;
    memcpy(next, window->thread_begin, window->threads * sizeof *next);
    for (uint32_t i = 0, end; i < window->n; i = end) {
        uint32_t thread = mt_window_sym(window, i)->thread, rank = next[thread];
        end = stay(window, i, thread);
        next[thread] += end - i;
        memcpy(window->ranked + rank, window->sym + i, (end - i) * sizeof *window->sym);
        for (uint32_t position = i; position < end; position++)
            window->order[rank++] = position;
    }
    free(next);
    return 0;
}

/* Narrows *low .. *high down by steps from `near` that grow twice as large each time. */
static void narrow(const uint32_t *order, uint32_t position, uint32_t near, uint32_t *low,
                   uint32_t *high)
{
    uint32_t step = 1;
    near = near < *low ? *low : near > *high ? *high : near;
    if (near < *high && order[near] < position) {
        for (; *high - near > step && order[near + step] < position; step *= 2)
            near += step;
        *low = near + 1;
        *high = *high - near > step ? near + step : *high;
        return;
    }
    for (; near - *low >= step && order[near - step] >= position; step *= 2)
        near -= step;
    *high = near;
    *low = near - *low >= step ? near - step + 1 : *low;
}

uint32_t mt_window_rank_from(const struct mt_window *window, uint32_t thread, uint32_t position,
                             uint32_t near)
{
    uint32_t low = window->thread_begin[thread], high = window->thread_begin[thread + 1];
    narrow(window->order, position, near, &low, &high);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (window->order[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mt_window_release(struct mt_window *window)
{
    forget_numberings(window);
    free(window->numbering);
    mt_symtab_release(&window->table);
    free(window->sym);
    free(window->time_ns);
    free(window->event);
    free(window->order);
    free(window->ranked);
    free(window->rank);
    free(window->trigram);
    free(window->thread_begin);
    memset(window, 0, sizeof *window);
}
