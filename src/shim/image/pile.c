#include "shim/image/pile.h"

#include <sys/mman.h>

#define FIRST ((size_t)64 << 10)

void *mt_pile_room(struct mt_pile *pile, size_t bytes)
{
    size_t size = pile->bytes ? pile->bytes : FIRST;
    while (size < bytes)
        size *= 2;
    if (size == pile->bytes)
        return pile->at;
    void *at = pile->at
                   ? mremap(pile->at, pile->bytes, size, MREMAP_MAYMOVE)
                   : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    *pile = (struct mt_pile){at, size};
    return at;
}

void mt_pile_release(struct mt_pile *pile)
{
    if (pile->at)
        munmap(pile->at, pile->bytes);
    *pile = (struct mt_pile){0};
}
