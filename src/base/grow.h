/* Arrays that grow, twice as large each time, so that adding costs the same however many there are.
 *
 *     if (!MT_ROOM(list->item, list->n, list->room, 64))
 *         return MT_ERR_MEMORY;
 *     list->item[list->n++] = item; */
#ifndef MT_GROW_H
#define MT_GROW_H

#include <stdbool.h>
#include <stddef.h>

/* Room for one more item than `n` in an array of `room` items, `first` at the beginning; false
 * where memory is out or `room` cannot count so many: then nothing has changed. `array` and `room`
 * are set, `room` is unsigned and of any width; all are evaluated more than once. */
#define MT_ROOM(array, n, room, first) MT_ROOM_BY(mt_grow, array, (size_t)(n) + 1, room, first)

/* The same for what is put in at any place: item `n` is there, and those never set are zero. */
#define MT_ROOM_AT(array, n, room, first)                                                          \
    MT_ROOM_BY(mt_grow_zeroed, array, (size_t)(n) + 1, room, first)

/* Room for `items` in all. */
#define MT_ROOM_FOR(array, items, room, first) MT_ROOM_BY(mt_grow, array, items, room, first)

#define MT_ROOM_BY(grow, array, items, room, first)                                                \
    ({                                                                                             \
        bool mt_fits = (items) <= (room);                                                          \
        if (__builtin_expect(!mt_fits, 0)) {                                                       \
            size_t mt_room = (room);                                                               \
            void *mt_grown =                                                                       \
                grow((array), &mt_room, (items), (first), (__typeof__(room))-1, sizeof *(array));  \
            if ((mt_fits = mt_grown != NULL)) {                                                    \
                (array) = mt_grown;                                                                \
                (room) = (__typeof__(room))mt_room;                                                \
            }                                                                                      \
        }                                                                                          \
        mt_fits;                                                                                   \
    })

/* The array with room for `items` of `size` bytes: `first` of them if it had none, doubled until
 * they fit; *room is set. NULL where memory is out, or would be more than `most` items. */
void *mt_grow(void *array, size_t *room, size_t items, size_t first, size_t most, size_t size);

/* The same; what is new is zeroed. */
void *mt_grow_zeroed(void *array, size_t *room, size_t items, size_t first, size_t most,
                     size_t size);

#endif
