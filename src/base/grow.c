#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>

void *mt_grow(void *array, size_t *room, size_t first, size_t most, size_t size)
{
    size_t more = *room ? *room * 2 : first;
    if (more <= *room || more > most || more > SIZE_MAX / 2 / size)
        return NULL;
    void *grown = realloc(array, more * size);
    if (grown)
        *room = more;
    return grown;
}
