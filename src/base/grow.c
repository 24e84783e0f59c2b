#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *mt_grow(void *array, size_t *room, size_t items, size_t first, size_t most, size_t size)
{
    size_t more = *room ? *room : first;
    while (more < items && more <= SIZE_MAX / 2)
        more *= 2;
    if (more < items || more > most || more > SIZE_MAX / 2 / size)
        return NULL;
    void *grown = realloc(array, more * size);
    if (grown)
        *room = more;
    return grown;
}

void *mt_grow_zeroed(void *array, size_t *room, size_t items, size_t first, size_t most,
                     size_t size)
{
    size_t had = *room;
    char *grown = mt_grow(array, room, items, first, most, size);
    if (grown)
        memset(grown + had * size, 0, (*room - had) * size);
    return grown;
}
