#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPS 8192
#define PARAMS 160
#define KERNELS 150
#define WORDS 320
#define HEAP 16384 /* pieces of memory */
#define SEGMENT (512ull << 20)
#define BASE 0x7f2000000000ull

enum op_kind { OP_ALLOC, OP_FREE, OP_LAUNCH };

struct op {
    uint8_t kind, thread;
    uint16_t kernel, words;
    uint32_t slot;  /* of alloc, free */
    uint32_t first; /* of launch: operands */
    uint64_t size;
    double gap_ns, jitter_ns;
};

struct piece {
    uint64_t address, size;
    bool used;
};

struct training {
    struct mt_tracewriter *writer;
    struct mt_training_facts *facts;
    uint64_t random, now;
    uint64_t stacks, stack; /* how many there are, that of the next block */
    struct op op[OPS];
    uint32_t ops;
    struct {
        int32_t slot;    /* >= 0: a block of this iteration; < 0: parameter -1 - slot */
        uint32_t inside; /* offset in it */
        uint16_t offset; /* in the parameters */
    } operand[200000];
    uint32_t operands;
    uint64_t address[OPS]; /* by slot */
    uint64_t size[OPS];
    uint64_t param[PARAMS];
    struct piece piece[HEAP];
    uint32_t pieces;
    uint64_t allocated, reserved;
    bool told[KERNELS + 1];
};

static uint64_t next_random(struct training *job)
{
    uint64_t z = job->random += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static uint32_t below(struct training *job, uint32_t n)
{
    return (uint32_t)((next_random(job) >> 32) * n >> 32);
}

static double uniform(struct training *job)
{
    return ((double)(next_random(job) >> 11) + 0.5) / 9007199254740992.0;
}

/* exp(0.5 N): median 1, as the jitter of a busy host. */
static double jitter(struct training *job)
{
    double radius = sqrt(-2 * log(uniform(job))), angle = 6.283185307179586 * uniform(job);
    return exp(0.5 * radius * cos(angle));
}

static void pass_time(struct training *job, double gap, double spread)
{
    job->now += (uint64_t)(gap + spread * jitter(job));
}

/* ---- a best-fit allocator over segments ---- */

static void insert_piece(struct training *job, uint32_t at, struct piece piece)
{
    memmove(&job->piece[at + 1], &job->piece[at], (job->pieces++ - at) * sizeof piece);
    job->piece[at] = piece;
}

static void remove_piece(struct training *job, uint32_t at)
{
    memmove(&job->piece[at], &job->piece[at + 1], (--job->pieces - at) * sizeof job->piece[0]);
}

static uint32_t best_fit(const struct training *job, uint64_t size)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < job->pieces; i++)
        if (!job->piece[i].used && job->piece[i].size >= size &&
            (best == UINT32_MAX || job->piece[i].size < job->piece[best].size))
            best = i;
    return best;
}

/* Segments lie apart, so that pieces of two never join. */
static uint32_t new_segment(struct training *job, uint32_t thread, uint64_t size)
{
    uint64_t bytes = size > SEGMENT ? size : SEGMENT;
    uint64_t address = BASE + job->reserved + (job->reserved / SEGMENT) * (2ull << 20);
    pass_time(job, 100000, 5000);
    job->reserved += bytes;
    MT_TRACEWRITER_ADD(job->writer, thread, job->now, alloc, .api = 0, .address = address,
                       .size = bytes, .device = 0, .stream = 0);
    job->facts->events++;
    insert_piece(job, job->pieces, (struct piece){address, bytes, false});
    return job->pieces - 1;
}

static uint64_t take(struct training *job, uint32_t thread, uint64_t size)
{
    uint32_t i = best_fit(job, size);
    if (i == UINT32_MAX)
        i = new_segment(job, thread, size);
    struct piece *piece = &job->piece[i];
    if (piece->size - size >= 512) {
        insert_piece(job, i + 1, (struct piece){piece->address + size, piece->size - size, false});
        piece->size = size;
    }
    piece->used = true;
    job->allocated += piece->size;
    struct mt_training_facts *facts = job->facts;
    facts->peak_allocated =
        job->allocated > facts->peak_allocated ? job->allocated : facts->peak_allocated;
    facts->peak_reserved = job->reserved;
    return piece->address;
}

static void join(struct training *job, uint32_t left)
{
    if (left + 1 >= job->pieces || job->piece[left].used || job->piece[left + 1].used ||
        job->piece[left].address + job->piece[left].size != job->piece[left + 1].address)
        return;
    job->piece[left].size += job->piece[left + 1].size;
    remove_piece(job, left + 1);
}

static uint32_t piece_at(const struct training *job, uint64_t address)
{
    uint32_t i = 0;
    while (job->piece[i].address != address)
        i++;
    return i;
}

static void give(struct training *job, uint32_t i)
{
    job->piece[i].used = false;
    job->allocated -= job->piece[i].size;
    join(job, i);
    if (i)
        join(job, i - 1);
}

static uint64_t block_alloc(struct training *job, uint32_t thread, uint64_t size)
{
    uint64_t address = take(job, thread, size);
    uint64_t rounded = job->piece[piece_at(job, address)].size;
    MT_TRACEWRITER_ADD(job->writer, thread, job->now, block_alloc, .address = address,
                       .size = rounded, .allocated = job->allocated, .reserved = job->reserved,
                       .device = 0, .stack = job->stack);
    job->facts->events++;
    job->facts->blocks++;
    return address;
}

static void block_free(struct training *job, uint32_t thread, uint64_t address)
{
    uint32_t i = piece_at(job, address);
    uint64_t size = job->piece[i].size;
    give(job, i);
    MT_TRACEWRITER_ADD(job->writer, thread, job->now, block_free, .address = address, .size = size,
                       .allocated = job->allocated, .reserved = job->reserved, .device = 0);
    job->facts->events++;
}

/* ---- the program of an iteration ---- */

static struct op *new_op(struct training *job, enum op_kind kind, uint32_t thread)
{
    struct op *op = &job->op[job->ops++];
    *op = (struct op){.kind = (uint8_t)kind, .thread = (uint8_t)thread};
    op->gap_ns = kind == OP_LAUNCH ? 2500 + 7000 * uniform(job) : 800 + 2000 * uniform(job);
    op->jitter_ns = kind == OP_LAUNCH ? 300 + 700 * uniform(job) : 100 + 300 * uniform(job);
    return op;
}

static uint32_t plan_alloc(struct training *job, uint32_t thread)
{
    static uint32_t slots;
    struct op *op = new_op(job, OP_ALLOC, thread);
    slots = job->ops == 1 ? 0 : slots + 1;
    uint32_t units = 1 + below(job, 64);
    op->size = below(job, 3) ? 512ull * units : (64ull << 10) * units;
    op->slot = slots;
    return slots;
}

static void plan_free(struct training *job, uint32_t thread, uint32_t slot)
{
    new_op(job, OP_FREE, thread)->slot = slot;
}

static void operand(struct training *job, struct op *op, int32_t slot)
{
    uint32_t i = job->operands++;
    job->operand[i].slot = slot;
    job->operand[i].inside = below(job, 12) ? 0 : 256 * below(job, 2);
    job->operand[i].offset = (uint16_t)(8 * op->words++);
}

/* A launch on the blocks given and some parameters; a matrix product repeats its three matrices. */
static void plan_launch(struct training *job, uint32_t thread, const uint32_t *slot, uint32_t slots)
{
    struct op *op = new_op(job, OP_LAUNCH, thread);
    op->kernel = (uint16_t)(1 + below(job, KERNELS));
    op->first = job->operands;
    for (uint32_t i = 0; i < slots; i++)
        operand(job, op, (int32_t)slot[i]);
    uint32_t kind = op->kernel % 10, params = kind < 3 ? 1 : kind < 5 ? 3 : 0;
    int32_t at = (int32_t)below(job, PARAMS - 4);
    for (uint32_t i = 0; i < params; i++)
        operand(job, op, -1 - at - (int32_t)i);
    for (uint32_t i = 0; kind == 2 && i < 12; i++)
        operand(job, op, i % 3 < slots ? (int32_t)slot[i % 3] : -1 - at);
}

static void plan_big_launch(struct training *job, uint32_t thread)
{
    struct op *op = new_op(job, OP_LAUNCH, thread);
    op->kernel = KERNELS;
    op->first = job->operands;
    for (uint32_t i = 0; i < 300; i++)
        operand(job, op, -1 - (int32_t)((7 * op->first + i) % PARAMS));
}

/* Forward: outputs are kept; backward: gradients come and go and outputs are freed, last first. */
static void plan(struct training *job, uint32_t launches)
{
    uint32_t kept[OPS], count = 0, live[4] = {0};
    uint32_t forward = launches * 2 / 5, backward = launches * 2 / 5;
    for (uint32_t i = 0; i < forward; i++) {
        if (i % 10 < 5) {
            kept[count++] = plan_alloc(job, 0);
            memmove(&live[1], &live[0], sizeof live - sizeof live[0]);
            live[0] = kept[count - 1];
        }
        plan_launch(job, 0, live, count < 3 ? count : 1 + below(job, 3));
    }
    for (uint32_t i = 0; i < backward; i++) {
        uint32_t use[3] = {i % 10 < 8 ? plan_alloc(job, 1) : live[0], live[0], 0}, n = 2;
        if (count)
            use[n++] = kept[count - 1];
        plan_launch(job, 1, use, n);
        if (i % 10 < 8 && i)
            plan_free(job, 1, live[0]);
        live[0] = use[0];
        if (i % 2 && count)
            plan_free(job, 1, kept[--count]);
    }
    plan_free(job, 1, live[0]);
    while (count)
        plan_free(job, 1, kept[--count]);
    for (uint32_t i = forward + backward; i < launches; i++) {
        if (i % 40 == 0)
            plan_big_launch(job, 0);
        else
            plan_launch(job, 0, NULL, 0);
    }
}

/* live[0] is freed twice if the forward pass left it there: its slots belong to `kept`. */
static void drop_double_frees(struct training *job)
{
    static bool freed[OPS];
    uint32_t n = 0;
    memset(freed, 0, sizeof freed);
    for (uint32_t i = 0; i < job->ops; i++) {
        if (job->op[i].kind == OP_FREE && freed[job->op[i].slot])
            continue;
        if (job->op[i].kind == OP_FREE)
            freed[job->op[i].slot] = true;
        job->op[n++] = job->op[i];
    }
    job->ops = n;
}

/* ---- running it ---- */

static void launch(struct training *job, const struct op *op)
{
    uint64_t word[WORDS];
    if (!job->told[op->kernel]) {
        static const uint16_t layout[] = {0, 8, 8, 8};
        char name[32] = "_Z6kernel000PfS_";
        name[9] = (char)('0' + op->kernel / 100);
        name[10] = (char)('0' + op->kernel / 10 % 10);
        name[11] = (char)('0' + op->kernel % 10);
        mt_tracewriter_kernel(job->writer, op->thread, job->now, op->kernel, name, 2, layout);
        job->facts->events++;
        job->told[op->kernel] = true;
    }
    for (uint32_t i = 0; i < op->words; i++) {
        int32_t slot = job->operand[op->first + i].slot;
        uint64_t address = slot < 0 ? job->param[-1 - slot] : job->address[slot];
        word[i] = MT_WORD(address + job->operand[op->first + i].inside,
                          job->operand[op->first + i].offset);
    }
    mt_tracewriter_launch(job->writer, op->thread, job->now, op->kernel, 0x5500d0c0, word,
                          op->words);
    job->facts->events++;
    job->facts->launches++;
}

static void run_op(struct training *job, const struct op *op)
{
    pass_time(job, op->gap_ns, op->jitter_ns);
    if (job->stacks)
        job->stack = 1 + (uint64_t)(op - job->op) * 2654435761u % job->stacks;
    if (op->kind == OP_ALLOC)
        job->address[op->slot] = block_alloc(job, op->thread, op->size);
    else if (op->kind == OP_FREE)
        block_free(job, op->thread, job->address[op->slot]);
    else
        launch(job, op);
}

static void copy_input(struct training *job)
{
    pass_time(job, 20000, 2000);
    MT_TRACEWRITER_ADD(job->writer, 0, job->now, copy, .api = 1, .destination = job->param[0],
                       .source = 0x7ffff0000000, .size = 4 << 20, .stream = 0x5500d0c0);
    job->facts->events++;
}

static void iterate(struct training *job, uint32_t noise, uint64_t *odd)
{
    copy_input(job);
    for (uint32_t i = 0, next = 0; i < job->ops; i++) {
        if (next < noise && i == (next + 1) * (job->ops / (noise + 1))) {
            if (odd[next])
                block_free(job, job->op[i].thread, odd[next]);
            pass_time(job, 1000, 200);
            odd[next++] = block_alloc(job, job->op[i].thread, 512ull * (1 + below(job, 2000)));
        }
        run_op(job, &job->op[i]);
    }
    pass_time(job, 15e6, 3e5);
}

void mt_training_write(struct mt_tracewriter *writer, const struct mt_training_options *options,
                       struct mt_training_facts *facts)
{
    struct training *job = calloc(1, sizeof *job);
    uint64_t odd[64] = {0};
    if (!job)
        abort();
    memset(facts, 0, sizeof *facts);
    job->writer = writer;
    job->facts = facts;
    job->random = options->seed;
    job->stacks = options->stacks;
    job->now = 1000000;
    mt_tracewriter_meta(writer, "api.0", "cuMemAlloc_v2");
    mt_tracewriter_meta(writer, "api.1", "cuMemcpyHtoDAsync_v2");
    for (uint32_t i = 0; i < PARAMS; i++) {
        pass_time(job, 3000, 300);
        job->param[i] = block_alloc(job, 0, 4096ull * (1 + below(job, 1000)));
    }
    plan(job, options->launches ? options->launches : 2000);
    drop_double_frees(job);
    uint32_t iterations = options->iterations ? options->iterations : 50;
    for (uint32_t i = 0; i < iterations; i++) {
        if (i < sizeof facts->iteration_start / sizeof facts->iteration_start[0])
            facts->iteration_start[i] = job->now;
        iterate(job, options->noise < 64 ? options->noise : 64, odd);
    }
    facts->end_ns = job->now;
    free(job);
}
