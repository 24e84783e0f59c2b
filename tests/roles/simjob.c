#include "simjob.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracewriter.h"

#define BASE 0x7f2000000000ull
#define SEGMENT (256ull << 20)
#define LARGE (1ull << 20) /* of such pieces a rest below that is not split off */
#define MEMS 65536
#define PIECES 65536
#define KERNELS 256
#define NAMES 8
#define HOST 0x7ffff0000000ull
#define COMM 0x5500c0c0c0ull

static const char *const apis[] = {
    "cuMemAlloc_v2",   "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2",
    "cuMemsetD8Async", "ncclAllReduce",        "ncclAllGather",        "ncclReduceScatter",
};
enum { API_ALLOC, API_TO_DEVICE, API_TO_HOST, API_COPY, API_SET, API_NCCL };

struct piece {
    uint64_t address, size;
    bool used;
};

struct simjob {
    struct mt_tracewriter *writer;
    FILE *truth;
    uint64_t random, now, next_segment, reserved, allocated;
    uint32_t thread;
    struct mem mem[MEMS];
    uint32_t mems, hint;
    struct piece piece[PIECES];
    uint32_t pieces;
    const char *kernel[KERNELS], *name[NAMES];
    uint32_t kernels, names;
    struct mem wires; /* NCCL's own buffer, which its kernels are given */
};

static void die(const char *why)
{
    fprintf(stderr, "simjob: %s\n", why);
    exit(99);
}

uint32_t simjob_below(struct simjob *job, uint32_t n)
{
    uint64_t z = job->random += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

static uint64_t pass(struct simjob *job)
{
    return job->now += 1500 + simjob_below(job, 3000);
}

struct simjob *simjob_new(const char *trace, const char *truth, uint64_t seed)
{
    struct simjob *job = calloc(1, sizeof *job);
    if (!job || !(job->truth = fopen(truth, "w")))
        die("cannot begin");
    job->writer = mt_tracewriter_new(trace, NULL);
    job->random = seed * 7919;
    job->now = 1000000;
    job->next_segment = BASE;
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++) {
        char key[16];
        snprintf(key, sizeof key, "api.%zu", i);
        mt_tracewriter_meta(job->writer, key, apis[i]);
    }
    return job;
}

static void tell(struct simjob *job, const struct mem *mem, uint64_t death_ns)
{
    fprintf(job->truth, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", mem->address,
            mem->birth_ns, death_ns, mem->bytes, mt_category_roles[mem->category].name);
}

void simjob_free(struct simjob *job)
{
    for (uint32_t i = 0; i < job->mems; i++)
        if (job->mem[i].live)
            tell(job, &job->mem[i], job->now);
    if (fclose(job->truth))
        die("cannot write the truth");
    mt_tracewriter_free(job->writer);
    free(job);
}

void simjob_thread(struct simjob *job, uint32_t thread)
{
    job->thread = thread;
}

/* ---- memory ---- */

static struct mem *new_mem(struct simjob *job, uint64_t address, uint64_t bytes,
                           enum mt_category category)
{
    uint32_t i = job->hint;
    while (i < job->mems && job->mem[i].live)
        i++;
    if (i == MEMS)
        die("too many blocks");
    job->mems = i == job->mems ? i + 1 : job->mems;
    job->hint = i + 1;
    job->mem[i] = (struct mem){address, bytes, job->now, category, true};
    return &job->mem[i];
}

static uint64_t name_of(struct simjob *job, const char *text)
{
    uint32_t i = 0;
    uint64_t word[16] = {0};
    while (i < job->names && job->name[i] != text)
        i++;
    if (i < job->names)
        return i + 1;
    if (i == NAMES || strlen(text) >= 8 * 14)
        die("too many names");
    job->name[job->names++] = text;
    word[0] = i + 1;
    memcpy(&word[1], text, strlen(text));
    mt_tracewriter_words(job->writer, job->thread, pass(job), MT_string, word,
                         1 + (uint32_t)(strlen(text) + 7) / 8);
    return i + 1;
}

static uint64_t driver_alloc(struct simjob *job, uint64_t bytes, uint64_t library)
{
    uint64_t address = job->next_segment;
    job->next_segment += (bytes + SEGMENT) / (2ull << 20) * (2ull << 20) + (4ull << 20);
    job->now += 40000;
    MT_TRACEWRITER_ADD(job->writer, job->thread, job->now, alloc, .api = API_ALLOC,
                       .address = address, .size = bytes, .library = library);
    return address;
}

struct mem *simjob_take(struct simjob *job, uint64_t bytes, const char *library,
                        enum mt_category category)
{
    uint64_t name = library ? name_of(job, library) : 0;
    return new_mem(job, driver_alloc(job, bytes, name), bytes, category);
}

static void insert_piece(struct simjob *job, uint32_t at, struct piece piece)
{
    if (job->pieces == PIECES)
        die("too many pieces");
    memmove(&job->piece[at + 1], &job->piece[at], (job->pieces++ - at) * sizeof piece);
    job->piece[at] = piece;
}

static uint32_t best_fit(struct simjob *job, uint64_t size)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < job->pieces; i++)
        if (!job->piece[i].used && job->piece[i].size >= size &&
            (best == UINT32_MAX || job->piece[i].size < job->piece[best].size))
            best = i;
    if (best != UINT32_MAX)
        return best;
    uint64_t bytes = size > SEGMENT ? size : SEGMENT;
    insert_piece(job, job->pieces, (struct piece){driver_alloc(job, bytes, 0), bytes, false});
    job->reserved += bytes;
    return job->pieces - 1;
}

struct mem *simjob_alloc(struct simjob *job, uint64_t bytes, enum mt_category category)
{
    uint64_t size = (bytes + 511) / 512 * 512;
    uint32_t i = best_fit(job, size);
    struct piece *piece = &job->piece[i];
    if (piece->size - size >= (size >= LARGE ? LARGE : 512)) {
        insert_piece(job, i + 1, (struct piece){piece->address + size, piece->size - size, false});
        piece->size = size;
    }
    piece->used = true;
    job->allocated += piece->size;
    MT_TRACEWRITER_ADD(job->writer, job->thread, pass(job), block_alloc, .address = piece->address,
                       .size = piece->size, .allocated = job->allocated, .reserved = job->reserved);
    return new_mem(job, piece->address, piece->size, category);
}

static void join(struct simjob *job, uint32_t left)
{
    struct piece *piece = &job->piece[left];
    if (left + 1 >= job->pieces || piece->used || piece[1].used ||
        piece->address + piece->size != piece[1].address)
        return;
    piece->size += piece[1].size;
    memmove(piece + 1, piece + 2, (--job->pieces - left - 1) * sizeof *piece);
}

void simjob_drop(struct simjob *job, struct mem *mem)
{
    uint32_t i = 0;
    if (!mem || !mem->live)
        return;
    while (i < job->pieces && job->piece[i].address != mem->address)
        i++;
    if (i == job->pieces)
        die("a block in no piece");
    job->piece[i].used = false;
    job->allocated -= job->piece[i].size;
    MT_TRACEWRITER_ADD(job->writer, job->thread, pass(job), block_free, .address = mem->address,
                       .size = job->piece[i].size, .allocated = job->allocated,
                       .reserved = job->reserved);
    join(job, i);
    if (i)
        join(job, i - 1);
    tell(job, mem, job->now);
    mem->live = false;
    job->hint = (uint32_t)(mem - job->mem) < job->hint ? (uint32_t)(mem - job->mem) : job->hint;
}

struct mem simjob_view(const struct mem *mem, uint64_t offset, uint64_t bytes)
{
    return (struct mem){.address = mem->address + offset, .bytes = bytes};
}

/* ---- work ---- */

static uint32_t kernel_of(struct simjob *job, const char *name)
{
    static const uint16_t layout[] = {0, 8, 8, 8};
    uint32_t i = 0;
    while (i < job->kernels && strcmp(job->kernel[i], name) != 0)
        i++;
    if (i < job->kernels)
        return i + 1;
    if (i == KERNELS)
        die("too many kernels");
    job->kernel[job->kernels++] = name;
    mt_tracewriter_kernel(job->writer, job->thread, pass(job), i + 1, name, 2, layout);
    return i + 1;
}

void simjob_launch(struct simjob *job, const char *kernel, const struct mem *const *mem, uint32_t n)
{
    uint64_t word[64];
    uint32_t words = 0, id = kernel_of(job, kernel);
    for (uint32_t i = 0; i < n && words < 64; i++)
        if (mem[i]) {
            word[words] = MT_WORD(mem[i]->address, 8 * words);
            words++;
        }
    mt_tracewriter_launch(job->writer, job->thread, pass(job), id, 0x5500d0c0, word, words);
}

static void copy(struct simjob *job, uint64_t api, uint64_t to, uint64_t from, uint64_t bytes)
{
    MT_TRACEWRITER_ADD(job->writer, job->thread, pass(job), copy, .api = api, .destination = to,
                       .source = from, .size = bytes, .stream = 0x5500d0c0);
}

void simjob_from_host(struct simjob *job, const struct mem *mem)
{
    copy(job, API_TO_DEVICE, mem->address, HOST, mem->bytes);
}

void simjob_to_host(struct simjob *job, const struct mem *mem)
{
    copy(job, API_TO_HOST, HOST, mem->address, mem->bytes);
}

void simjob_copy(struct simjob *job, const struct mem *to, const struct mem *from)
{
    copy(job, API_COPY, to->address, from->address, to->bytes);
}

void simjob_set(struct simjob *job, const struct mem *mem)
{
    MT_TRACEWRITER_ADD(job->writer, job->thread, pass(job), set, .api = API_SET,
                       .address = mem->address, .width = mem->bytes, .height = 1,
                       .stream = 0x5500d0c0);
}

void simjob_collective(struct simjob *job, const char *op, const struct mem *send,
                       const struct mem *receive)
{
    static const char *const kernels[] = {"ncclDevKernel_AllReduce_Sum_f32_RING_LL",
                                          "ncclDevKernel_AllGather_RING_LL",
                                          "ncclDevKernel_ReduceScatter_Sum_f32_RING_LL"};
    uint32_t i = 0;
    if (!job->wires.address)
        job->wires = *simjob_take(job, 4 << 20, "/usr/lib/libnccl.so.2", MT_CATEGORY_communication);
    while (strcmp(apis[API_NCCL + i] + strlen("nccl"), op) != 0)
        i++;
    LAUNCH(job, kernels[i], &job->wires, send, receive == send ? NULL : receive);
    MT_TRACEWRITER_ADD(job->writer, job->thread, pass(job), collective, .op = API_NCCL + i,
                       .send = send->address, .receive = receive->address,
                       .send_bytes = send->bytes, .receive_bytes = receive->bytes,
                       .peer = MT_PEER_ALL, .comm = COMM, .stream = 0x5500d0c1);
}
