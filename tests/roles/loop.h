/* A training loop at work: what its parts share. */
#ifndef LOOP_H
#define LOOP_H

#include "jobshapes.h"

#define LAYERS_MAX 8u
#define PARAMS_MAX 12u /* of a layer */
#define KEPT_MAX 48u
#define STEPPED_MAX (LAYERS_MAX * PARAMS_MAX + 4)
#define BUCKETS 3u
#define EXPERTS_MAX 4u

struct param {
    struct mem *w, *g, *m, *v, *master;
    struct mem *full; /* gathered */
    struct mem *cast; /* of 16 bits, for this pass */
    struct mem view;  /* in a bucket, or in what was gathered */
    uint64_t count;   /* numbers in it */
    uint32_t bucket;
    bool trained;
};

struct layer {
    struct param p[PARAMS_MAX];
    uint32_t params;
    struct param flat; /* its shard, of all of them */
    struct mem *x, *y; /* what it was given, what came of it */
    bool owns_x, owns_y;
    struct mem *kept[KEPT_MAX]; /* for the backward pass */
    uint32_t keeps;
    uint32_t expert[EXPERTS_MAX], experts; /* those that ran, and with how many rows */
    uint32_t rows[EXPERTS_MAX];
    struct mem *brought, *reduced; /* FSDP: what was gathered, the gradients of its shards */
};

struct loop {
    struct simjob *job;
    uint32_t flags;
    uint64_t rows, width, hidden, words, element; /* rows of a batch; bytes of a number */
    struct layer layer[LAYERS_MAX];
    uint32_t layers;
    struct param head;
    struct layer top; /* FSDP: the head's */
    struct param *stepped[STEPPED_MAX];
    uint32_t steppeds;
    struct mem *bucket[BUCKETS];
    uint32_t waiting[BUCKETS], due[BUCKETS]; /* gradients that are not there yet; all of them */
    struct mem *workspace[2];
    uint32_t thread;
    bool training, stated;         /* stated: the optimizer has its state */
    enum mt_category inner, outer; /* of what a forward pass makes now, and of its result */
    struct mem *input, *labels, *logits, *loss, *probabilities;
};

static inline bool has(const struct loop *loop, uint32_t flag)
{
    return (loop->flags & flag) != 0;
}

/* How much of what the forward pass makes stays. */
enum keeping { KEEP_ALL, KEEP_NOTHING, KEEP_FOR_NOW };

/* layers.c; a layer owns what it was given, unless that is the loop's input */
struct mem *layer_forward(struct loop *loop, struct layer *layer, struct mem *x,
                          enum keeping keeping);
struct mem *layer_backward(struct loop *loop, struct layer *layer, struct mem *gradient);
void product(struct loop *loop, struct mem *to, const struct mem *a, const struct mem *b);
const struct mem *weight(struct loop *loop, struct layer *layer, struct param *param);

/* gradients.c */
void gradient_make(struct loop *loop, struct param *param, const char *kernel, const struct mem *a,
                   const struct mem *b);
void gradients_done(struct loop *loop); /* the backward pass is over */
void gradients_clear(struct loop *loop);
void layer_gather(struct loop *loop, struct layer *layer);
void layer_scatter(struct loop *loop, struct layer *layer); /* gathered weights are given back */
void layer_reduce(struct loop *loop, struct layer *layer);  /* its gradients become shards */

/* optimizers.c */
void optimizer_step(struct loop *loop);

#endif
