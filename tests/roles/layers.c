#include "loop.h"

#include <stddef.h>

static struct mem *hold(struct loop *loop, struct layer *layer, uint64_t bytes)
{
    struct mem *mem = simjob_alloc(loop->job, bytes, loop->inner);
    return layer->kept[layer->keeps++] = mem;
}

static struct mem *brief(struct loop *loop, uint64_t bytes)
{
    return simjob_alloc(loop->job, bytes, MT_CATEGORY_temporary);
}

static void drop_kept(struct loop *loop, struct layer *layer)
{
    while (layer->keeps)
        simjob_drop(loop->job, layer->kept[--layer->keeps]);
    for (uint32_t i = 0; i < layer->params; i++)
        layer->p[i].cast = NULL;
}

/* With its first product a thread gets a handle, for which the library takes memory, and a
 * workspace of the allocator's. Only some products use it. */
void product(struct loop *loop, struct mem *to, const struct mem *a, const struct mem *b)
{
    struct simjob *job = loop->job;
    if (!loop->workspace[loop->thread]) {
        simjob_take(job, 8 << 20, "/usr/lib/libcublas.so.13", MT_CATEGORY_workspace);
        loop->workspace[loop->thread] = simjob_alloc(job, 4 << 20, MT_CATEGORY_workspace);
    }
    if (loop->thread && simjob_below(job, 8) == 0) {
        LAUNCH(job, "nvjet_sm90_tst_64x64_splitK", a, b, loop->workspace[loop->thread]);
        LAUNCH(job, "_ZN8cublasLt19splitKreduce_kernelILi32EEEvv", loop->workspace[loop->thread],
               to);
        return;
    }
    LAUNCH(job, "nvjet_sm90_tst_128x64_64x8_h_bz_TNT", a, b, to);
}

static void convolve(struct loop *loop, struct mem *to, const struct mem *a, const struct mem *b)
{
    uint64_t bytes = to->bytes + (64 << 10);
    struct mem *scratch = simjob_alloc(loop->job, bytes, MT_CATEGORY_workspace);
    LAUNCH(loop->job, "sm80_xmma_fprop_implicit_gemm_f16_nhwc", a, b, to, scratch);
    simjob_drop(loop->job, scratch);
}

/* As kernels are given it: cast, or gathered. */
const struct mem *weight(struct loop *loop, struct layer *layer, struct param *param)
{
    if (has(loop, FSDP))
        return has(loop, FLAT) ? &param->view : param->full;
    if (!has(loop, AMP) || param->count <= loop->hidden)
        return param->w;
    if (param->cast)
        return param->cast;
    param->cast = hold(loop, layer, param->count * 2);
    LAUNCH(loop->job, "vectorized_elementwise_kernel_cast", param->cast, param->w);
    return param->cast;
}

/* What products take: of 16 bits, under autocast. */
static struct mem *cast(struct loop *loop, struct layer *layer, struct mem *mem, uint64_t count)
{
    if (!has(loop, AMP))
        return mem;
    struct mem *half = hold(loop, layer, count * 2);
    LAUNCH(loop->job, "vectorized_elementwise_kernel_cast", half, mem);
    return half;
}

static uint64_t half_or_full(const struct loop *loop)
{
    return has(loop, AMP | MASTER | FSDP) ? 2 : 4;
}

/* ---- a layer of products: norm, product, activation, product, sum ---- */

static struct mem *normalize(struct loop *loop, struct layer *layer, struct mem *x)
{
    struct mem *n = hold(loop, layer, loop->rows * loop->width * loop->element);
    struct mem *mean = hold(loop, layer, loop->rows * 4);
    struct mem *deviation = hold(loop, layer, loop->rows * 4);
    LAUNCH(loop->job, "vectorized_layer_norm_kernel", n, x, weight(loop, layer, &layer->p[0]),
           weight(loop, layer, &layer->p[1]), mean, deviation);
    return n;
}

/* Both products of some rows; what comes out is nobody's yet. */
static struct mem *perceptron(struct loop *loop, struct layer *layer, struct mem *n, uint64_t rows,
                              struct param *p)
{
    struct simjob *job = loop->job;
    uint64_t bytes = half_or_full(loop);
    struct mem *h = hold(loop, layer, rows * loop->hidden * bytes), *a = h;
    product(loop, h, n, weight(loop, layer, &p[0]));
    if (has(loop, INPLACE)) {
        LAUNCH(job, "vectorized_elementwise_kernel_relu", h);
    } else {
        a = hold(loop, layer, rows * loop->hidden * bytes);
        LAUNCH(job, "vectorized_elementwise_kernel_gelu", a, h);
    }
    struct mem *o = brief(loop, rows * loop->width * bytes);
    product(loop, o, a, weight(loop, layer, &p[1]));
    return o;
}

/* Each of the experts that are drawn gets some of the rows. */
static void experts(struct loop *loop, struct layer *layer, struct mem *n, struct mem *o)
{
    struct simjob *job = loop->job;
    layer->experts = 1 + simjob_below(job, 3);
    for (uint32_t i = 0; i < layer->experts; i++) {
        uint32_t expert = layer->expert[i] = (i + simjob_below(job, 2)) % 2;
        uint64_t rows = layer->rows[i] = (uint32_t)(loop->rows / 4 + simjob_below(job, 64));
        struct mem *mine = hold(loop, layer, rows * loop->width * loop->element);
        LAUNCH(job, "vectorized_gather_kernel", mine, n);
        struct mem *part = perceptron(loop, layer, mine, rows, &layer->p[6 + 2 * expert]);
        LAUNCH(job, "indexFuncLargeIndex", o, part);
        simjob_drop(job, part);
    }
}

static struct mem *dense_forward(struct loop *loop, struct layer *layer, struct mem *x)
{
    struct simjob *job = loop->job;
    struct mem *n = normalize(loop, layer, x);
    n = cast(loop, layer, n, loop->rows * loop->width);
    struct mem *o = perceptron(loop, layer, n, loop->rows, &layer->p[2]);
    if (has(loop, EXPERTS))
        experts(loop, layer, n, o);
    if (has(loop, FROZEN)) { /* the adapter's two products */
        struct mem *low = hold(loop, layer, loop->rows * 16 * loop->element);
        product(loop, low, n, layer->p[4].w);
        product(loop, o, low, layer->p[5].w);
    }
    if (has(loop, TENSOR))
        simjob_collective(job, "AllReduce", o, o);
    if (has(loop, INPLACE)) {
        LAUNCH(job, "vectorized_elementwise_kernel_add_", o, x);
        o->category = loop->outer;
        return o;
    }
    struct mem *y = simjob_alloc(job, loop->rows * loop->width * loop->element, loop->outer);
    LAUNCH(job, "vectorized_elementwise_kernel_add", y, x, o);
    simjob_drop(job, o);
    return y;
}

/* ---- a layer of convolutions: convolution, batch norm, activation ---- */

static struct mem *conv_forward(struct loop *loop, struct layer *layer, struct mem *x)
{
    struct simjob *job = loop->job;
    uint64_t count = loop->rows * loop->width, bytes = half_or_full(loop);
    struct mem *c = hold(loop, layer, count * bytes);
    convolve(loop, c, x, weight(loop, layer, &layer->p[2]));
    struct mem *b = has(loop, INPLACE) ? simjob_alloc(job, count * bytes, loop->outer)
                                       : hold(loop, layer, count * bytes);
    struct mem *mean = hold(loop, layer, loop->width * 4);
    LAUNCH(job, "_ZN5cudnn19bn_fw_tr_1C11_kernel", b, c, layer->p[0].w, layer->p[1].w,
           layer->p[3].w, layer->p[4].w, mean);
    if (has(loop, INPLACE)) {
        LAUNCH(job, "vectorized_elementwise_kernel_relu_", b);
        return b;
    }
    struct mem *y = simjob_alloc(job, count * bytes, loop->outer);
    LAUNCH(job, "vectorized_elementwise_kernel_relu", y, b);
    return y;
}

struct mem *layer_forward(struct loop *loop, struct layer *layer, struct mem *x,
                          enum keeping keeping)
{
    loop->inner = keeping == KEEP_ALL ? MT_CATEGORY_activation : MT_CATEGORY_temporary;
    loop->outer =
        loop->training && keeping != KEEP_FOR_NOW ? MT_CATEGORY_activation : MT_CATEGORY_temporary;
    layer_gather(loop, layer);
    layer->x = x;
    struct mem *y = has(loop, CONV) ? conv_forward(loop, layer, x) : dense_forward(loop, layer, x);
    if (keeping == KEEP_NOTHING)
        drop_kept(loop, layer);
    layer_scatter(loop, layer);
    return keeping == KEEP_FOR_NOW ? y : (layer->y = y);
}

/* ---- backward ---- */

static struct mem *perceptron_backward(struct loop *loop, struct mem *const *kept,
                                       const struct mem *n, struct mem *gradient, uint64_t rows,
                                       struct param *p, struct layer *layer)
{
    struct simjob *job = loop->job;
    uint64_t bytes = half_or_full(loop);
    const struct mem *h = kept[0], *a = has(loop, INPLACE) ? h : kept[1];
    struct mem *ga = brief(loop, rows * loop->hidden * bytes);
    product(loop, ga, gradient, weight(loop, layer, &p[1]));
    gradient_make(loop, &p[1], NULL, a, gradient);
    struct mem *gh = brief(loop, rows * loop->hidden * bytes);
    LAUNCH(job, "vectorized_elementwise_kernel_backward", gh, ga, h);
    simjob_drop(job, ga);
    struct mem *gn = brief(loop, rows * loop->width * bytes);
    product(loop, gn, gh, weight(loop, layer, &p[0]));
    gradient_make(loop, &p[0], NULL, n, gh);
    simjob_drop(job, gh);
    return gn;
}

/* Where the n-th group of what is kept begins: a norm has three, a cast one more. */
static struct mem *const *from(const struct layer *layer, uint32_t index)
{
    return &layer->kept[index];
}

static struct mem *dense_backward(struct loop *loop, struct layer *layer, struct mem *gradient)
{
    struct simjob *job = loop->job;
    uint32_t casts = has(loop, AMP) ? 1 : 0, at = 3 + casts;
    const struct mem *n = layer->kept[casts ? 3 : 0];
    struct mem *half = gradient;
    if (casts) {
        half = brief(loop, loop->rows * loop->width * 2);
        LAUNCH(job, "vectorized_elementwise_kernel_cast", half, gradient);
    }
    uint32_t step = has(loop, INPLACE) ? 1 : 2, each = step + 2 * casts;
    /* A product's weight, if it was cast, comes behind its result. */
    struct mem *kept[2] = {*from(layer, at), step == 2 ? *from(layer, at + 1 + casts) : NULL};
    struct mem *gn = perceptron_backward(loop, kept, n, half, loop->rows, &layer->p[2], layer);
    for (uint32_t i = 0; has(loop, EXPERTS) && i < layer->experts; i++) {
        struct mem *const *mine = from(layer, at + each + i * (1 + each));
        struct mem *part = brief(loop, layer->rows[i] * loop->width * loop->element);
        LAUNCH(job, "vectorized_gather_kernel", part, half);
        struct mem *back = perceptron_backward(loop, mine + 1, mine[0], part, layer->rows[i],
                                               &layer->p[6 + 2 * layer->expert[i]], layer);
        LAUNCH(job, "indexFuncLargeIndex", gn, back);
        simjob_drop(job, part);
        simjob_drop(job, back);
    }
    if (has(loop, FROZEN)) {
        const struct mem *low = *from(layer, at + each);
        struct mem *g = brief(loop, loop->rows * 16 * loop->element);
        product(loop, g, half, layer->p[5].w);
        gradient_make(loop, &layer->p[5], NULL, low, half);
        gradient_make(loop, &layer->p[4], NULL, n, g);
        simjob_drop(job, g);
    }
    if (has(loop, TENSOR))
        simjob_collective(job, "AllReduce", gn, gn);
    if (casts)
        simjob_drop(job, half);
    struct mem *gx = brief(loop, loop->rows * loop->width * loop->element);
    LAUNCH(job, "layer_norm_grad_input_kernel", gx, gn, layer->x, layer->kept[1], layer->kept[2],
           weight(loop, layer, &layer->p[0]));
    gradient_make(loop, &layer->p[0], "GammaBetaBackwardCUDAKernel", gn, layer->x);
    gradient_make(loop, &layer->p[1], "GammaBetaBackwardCUDAKernel", gn, layer->x);
    simjob_drop(job, gn);
    LAUNCH(job, "vectorized_elementwise_kernel_add_", gx, gradient);
    simjob_drop(job, gradient);
    return gx;
}

static struct mem *conv_backward(struct loop *loop, struct layer *layer, struct mem *gradient)
{
    struct simjob *job = loop->job;
    uint64_t count = loop->rows * loop->width, bytes = half_or_full(loop);
    struct mem *gb = brief(loop, count * bytes);
    LAUNCH(job, "vectorized_elementwise_kernel_threshold_backward", gb, gradient,
           has(loop, INPLACE) ? layer->y : layer->kept[has(loop, AMP) ? 2 : 1]);
    simjob_drop(job, gradient);
    struct mem *gc = brief(loop, count * bytes);
    LAUNCH(job, "_ZN5cudnn19bn_bw_1C11_singleread", gc, gb, layer->kept[0], layer->p[0].w,
           layer->kept[layer->keeps - 1]);
    gradient_make(loop, &layer->p[0], "reduce_kernel", gb, layer->kept[0]);
    gradient_make(loop, &layer->p[1], "reduce_kernel", gb, layer->kept[0]);
    simjob_drop(job, gb);
    struct mem *gx = brief(loop, count * bytes);
    convolve(loop, gx, gc, weight(loop, layer, &layer->p[2]));
    gradient_make(loop, &layer->p[2], "sm80_xmma_wgrad_implicit_gemm", layer->x, gc);
    simjob_drop(job, gc);
    return gx;
}

struct mem *layer_backward(struct loop *loop, struct layer *layer, struct mem *gradient)
{
    if (has(loop, RECOMPUTE))
        simjob_drop(loop->job, layer_forward(loop, layer, layer->x, KEEP_FOR_NOW));
    loop->inner = MT_CATEGORY_temporary;
    layer_gather(loop, layer);
    struct mem *gx = has(loop, CONV) ? conv_backward(loop, layer, gradient)
                                     : dense_backward(loop, layer, gradient);
    drop_kept(loop, layer);
    if (layer->owns_x)
        simjob_drop(loop->job, layer->x);
    if (layer->owns_y)
        simjob_drop(loop->job, layer->y);
    layer_scatter(loop, layer);
    layer_reduce(loop, layer);
    return gx;
}
