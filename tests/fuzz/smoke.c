/* A fuzzer for every build: bends the files it is given, the same way each time.
 * usage: smoke ROUNDS FILE... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define LARGEST 65536u

static uint64_t state = 42;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 32) * n >> 32);
}

/* Change, remove, repeat or insert a few bytes. */
static size_t bend(uint8_t *bytes, size_t size)
{
    static const uint8_t special[] = {0, 1, 2, 16, 63, 64, 127, 128, 129, 254, 255};
    if (size < 4)
        return size;
    uint32_t at = below((uint32_t)size), length = 1 + below(8);
    if (at + length > size)
        length = (uint32_t)size - at;
    switch (below(6)) {
    case 0:
        memmove(bytes + at, bytes + at + length, size - at - length);
        return size - length;
    case 1:
        if (size + length > LARGEST)
            return size;
        memmove(bytes + at + length, bytes + at, size - at);
        return size + length;
    case 2:
        bytes[at] ^= (uint8_t)(1 << below(8));
        return size;
    case 3:
        bytes[at] = (uint8_t)below(256);
        return size;
    default:
        bytes[at] = special[below(sizeof special)];
        return size;
    }
}

static size_t slurp(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, LARGEST, file);
    fclose(file);
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t seed[LARGEST], bytes[LARGEST + 16];
    int rounds = argc > 2 ? atoi(argv[1]) : 0;
    if (rounds <= 0)
        return 2;
    for (int i = 2; i < argc; i++) {
        size_t whole = slurp(argv[i], seed);
        LLVMFuzzerTestOneInput(seed, whole);
        for (int round = 0; round < rounds; round++) {
            size_t size = whole;
            memcpy(bytes, seed, whole);
            for (uint32_t times = 1 + below(6); times; times--)
                size = bend(bytes, size);
            LLVMFuzzerTestOneInput(bytes, size);
        }
    }
    printf("%d files bent %d times each\n", argc - 2, rounds);
    return 0;
}
