/* A training loop on the CUDA driver, as an example to trace: a multi-layer perceptron with one
 * or two hidden layers learns which points of a square lie inside a circle.
 *
 * Its memory has the rhythm of every training: parameters and momenta stay; inputs, activations and
 * gradients are born and die in each step. On the simulated device all calls are made and the
 * kernels do nothing, so the losses mean nothing there; nothing depends on them. */
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mlp_driver.h"

/* The text of mlp_kernels.ptx, with a zero at its end. */
__asm__(".pushsection .rodata\n"
        ".local kernels_ptx\n"
        "kernels_ptx: .incbin \"" MLP_PTX "\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char kernels_ptx[];

enum { LAYERS_MAX = 3, INPUTS = 2, CLASSES = 2 };

struct layer {
    uint32_t ins, outs;
    CUdeviceptr weight, bias;
    CUdeviceptr weight_momentum, bias_momentum; /* 0 until the first update */
    CUdeviceptr weight_slope, bias_slope;       /* from backward to update */
    CUdeviceptr output;                         /* from forward to backward */
};

struct model {
    struct layer layer[LAYERS_MAX];
    int layers; /* one more than hidden ones */
    CUdeviceptr loss;
    uint32_t batch;
    uint64_t random;
};

struct options {
    uint32_t steps, batch, width, hidden;
};

/* The same numbers in every run: a linear congruential generator, from -1 to 1. */
static float next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)(*state >> 40) / (float)(1 << 23) - 1.0f;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "mlp: out of memory\n");
        exit(1);
    }
    return memory;
}

static CUdeviceptr random_weights(uint64_t *random, size_t count, float scale)
{
    float *values = allocate(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = scale * next_random(random);
    CUdeviceptr memory = driver_alloc(count);
    driver_upload(memory, values, count * sizeof *values);
    free(values);
    return memory;
}

static void model_init(struct model *model, const struct options *options)
{
    *model =
        (struct model){.layers = (int)options->hidden + 1, .batch = options->batch, .random = 1};
    for (int i = 0; i < model->layers; i++) {
        struct layer *layer = &model->layer[i];
        layer->ins = i ? options->width : INPUTS;
        layer->outs = i + 1 < model->layers ? options->width : CLASSES;
        /* He's rule; the last layer begins small, so that training begins without an opinion. */
        float scale = sqrtf(6.0f / (float)layer->ins) * (i == model->layers - 1 ? 0.1f : 1.0f);
        layer->weight = random_weights(&model->random, (size_t)layer->ins * layer->outs, scale);
        layer->bias = driver_alloc_zeroed(layer->outs);
    }
    model->loss = driver_alloc_zeroed(1);
}

/* A batch of points and whether each lies inside the circle. */
static void load_batch(struct model *model, CUdeviceptr *points, CUdeviceptr *labels)
{
    size_t bytes = model->batch * sizeof(float);
    float *point = allocate(model->batch, INPUTS * sizeof *point);
    uint32_t *label = allocate(model->batch, sizeof *label);
    for (uint32_t i = 0; i < model->batch; i++) {
        float x = point[INPUTS * i] = next_random(&model->random);
        float y = point[INPUTS * i + 1] = next_random(&model->random);
        label[i] = x * x + y * y < 0.6f;
    }
    *points = driver_alloc((size_t)model->batch * INPUTS);
    *labels = driver_alloc(model->batch);
    driver_upload(*points, point, bytes * INPUTS);
    driver_upload(*labels, label, bytes);
    free(point);
    free(label);
}

/* layer->output = activation(input weight + bias); the last layer has no activation. */
static void forward(struct layer *layer, CUdeviceptr input, uint32_t rows, bool last)
{
    uint32_t count = rows * layer->outs;
    CUdeviceptr sum = driver_alloc(count);
    driver_launch(
        "linear_forward", count,
        (void *[]){&sum, &input, &layer->weight, &layer->bias, &rows, &layer->ins, &layer->outs});
    layer->output = sum;
    if (last)
        return;
    layer->output = driver_alloc(count);
    driver_launch("relu_forward", count, (void *[]){&layer->output, &sum, &count});
    driver_free(sum);
}

/* The slope of the loss with respect to the last layer's output; also adds up the loss. */
static CUdeviceptr loss_slope(struct model *model, CUdeviceptr labels)
{
    CUdeviceptr slope = driver_alloc((size_t)model->batch * CLASSES);
    driver_zero(model->loss, 1);
    driver_launch("softmax_loss", model->batch,
                  (void *[]){&slope, &model->loss, &model->layer[model->layers - 1].output, &labels,
                             &model->batch});
    return slope;
}

/* From the slope at a layer's sum to the slopes of its parameters. */
static void backward_parameters(struct layer *layer, CUdeviceptr input, CUdeviceptr slope,
                                uint32_t rows)
{
    size_t count = (size_t)layer->ins * layer->outs;
    layer->weight_slope = driver_alloc(count);
    layer->bias_slope = driver_alloc(layer->outs);
    driver_launch(
        "linear_backward_weight", count,
        (void *[]){&layer->weight_slope, &input, &slope, &rows, &layer->ins, &layer->outs});
    driver_launch("linear_backward_bias", layer->outs,
                  (void *[]){&layer->bias_slope, &slope, &rows, &layer->outs});
}

/* The slope at the sum of the layer before, whose output is `input`. Frees `slope`. */
static CUdeviceptr backward_input(struct layer *layer, CUdeviceptr input, CUdeviceptr slope,
                                  uint32_t rows)
{
    uint32_t count = rows * layer->ins;
    CUdeviceptr before = driver_alloc(count);
    driver_launch("linear_backward_input", count,
                  (void *[]){&before, &slope, &layer->weight, &rows, &layer->ins, &layer->outs});
    driver_free(slope);
    driver_launch("relu_backward", count, (void *[]){&before, &before, &input, &count});
    return before;
}

static void update(CUdeviceptr weight, CUdeviceptr *momentum, CUdeviceptr slope, uint32_t count)
{
    float rate = 0.05f, decay = 0.9f;
    if (!*momentum)
        *momentum = driver_alloc_zeroed(count);
    driver_launch("sgd_update", count,
                  (void *[]){&weight, momentum, &slope, &rate, &decay, &count});
    driver_free(slope);
}

static void train_step(struct model *model)
{
    CUdeviceptr points, labels;
    load_batch(model, &points, &labels);
    for (int i = 0; i < model->layers; i++)
        forward(&model->layer[i], i ? model->layer[i - 1].output : points, model->batch,
                i == model->layers - 1);
    CUdeviceptr slope = loss_slope(model, labels);
    for (int i = model->layers - 1; i >= 0; i--) {
        struct layer *layer = &model->layer[i];
        CUdeviceptr input = i ? model->layer[i - 1].output : points;
        driver_free(layer->output);
        backward_parameters(layer, input, slope, model->batch);
        if (i > 0)
            slope = backward_input(layer, input, slope, model->batch);
    }
    driver_free(slope);
    driver_free(points);
    driver_free(labels);
    for (int i = 0; i < model->layers; i++) {
        struct layer *layer = &model->layer[i];
        update(layer->weight, &layer->weight_momentum, layer->weight_slope,
               layer->ins * layer->outs);
        update(layer->bias, &layer->bias_momentum, layer->bias_slope, layer->outs);
    }
}

static void model_release(struct model *model)
{
    for (int i = 0; i < model->layers; i++) {
        struct layer *layer = &model->layer[i];
        driver_free(layer->weight);
        driver_free(layer->bias);
        driver_free(layer->weight_momentum);
        driver_free(layer->bias_momentum);
    }
    driver_free(model->loss);
}

static uint32_t number(const char *text, uint32_t most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end || value < 1 || value > most) {
        fprintf(stderr, "mlp: '%s' is no number from 1 to %u\n", text, most);
        exit(2);
    }
    return (uint32_t)value;
}

static void parse(struct options *options, int argc, char **argv)
{
    int option;
    *options = (struct options){.steps = 50, .batch = 1024, .width = 512, .hidden = 2};
    while ((option = getopt(argc, argv, "s:b:w:l:")) != -1) {
        if (option == 's')
            options->steps = number(optarg, 1000000000);
        else if (option == 'b')
            options->batch = number(optarg, 65536);
        else if (option == 'w')
            options->width = number(optarg, 65536);
        else if (option == 'l')
            options->hidden = number(optarg, LAYERS_MAX - 1);
        else
            exit(2);
    }
    if (optind < argc) {
        fprintf(stderr, "usage: mlp [-s STEPS] [-b BATCH] [-w WIDTH] [-l HIDDEN]\n");
        exit(2);
    }
}

/* The losses at the first and the last step. */
static void train(struct model *model, uint32_t steps, float *first, float *last)
{
    for (uint32_t step = 0; step < steps; step++) {
        train_step(model);
        if (step % 10 != 0 && step + 1 != steps)
            continue;
        driver_download(last, model->loss, sizeof *last);
        if (step == 0)
            *first = *last;
        printf("step %4u  loss %.4f%s\n", step, (double)*last,
               driver_is_simulated() ? "  (simulated)" : "");
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct model model;
    float first = 0, last = 0;
    parse(&options, argc, argv);
    driver_init(kernels_ptx);
    printf("mlp: %d", INPUTS);
    for (uint32_t i = 0; i < options.hidden; i++)
        printf(" -> %u", options.width);
    printf(" -> %d, batch %u, %u steps, on %s\n", CLASSES, options.batch, options.steps,
           driver_device_name());
    model_init(&model, &options);
    train(&model, options.steps, &first, &last);
    model_release(&model);
    if (driver_is_simulated()) {
        printf("mlp: simulated device: the kernels did nothing, the losses mean nothing\n");
        return 0;
    }
    printf("mlp: the loss went from %.4f to %.4f\n", (double)first, (double)last);
    return options.steps > 1 && !(last < first);
}
