/* Writes a job of known shape, and what each of its blocks is for.
 *
 *     roles-job SHAPE SEED ITERATIONS TRACE TRUTH
 *     roles-job list                               names of shapes, and what they are */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobshapes.h"

static const struct {
    const char *name, *doc;
    uint32_t flags;
} shapes[] = {
#define X(name, flags, doc) {#name, doc, flags},
    SHAPES(X)
#undef X
};
#define N (sizeof shapes / sizeof *shapes)

int main(int argc, char **argv)
{
    size_t i = 0;
    for (; argc == 2 && i < N; i++)
        printf("%s\t%s\n", shapes[i].name, shapes[i].doc);
    if (argc == 2)
        return 0;
    while (argc == 6 && i < N && strcmp(shapes[i].name, argv[1]) != 0)
        i++;
    if (argc != 6 || i == N) {
        fprintf(stderr, "usage: roles-job SHAPE SEED ITERATIONS TRACE TRUTH\n");
        return 2;
    }
    struct simjob *job = simjob_new(argv[4], argv[5], strtoull(argv[2], NULL, 10));
    shape_run(job, shapes[i].flags, (uint32_t)strtoul(argv[3], NULL, 10));
    simjob_free(job);
    return 0;
}
