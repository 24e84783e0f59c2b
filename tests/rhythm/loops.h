/* Training loops that never ran, with known answers: symbols as the first scan of a trace sees
 * them, one difficulty after the other or all at once, the same ones every time. */
#ifndef LOOPS_H
#define LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "rhythm/symbols/symbol.h"

/* X(name, what it does to the loop) */
#define DIFFICULTIES(X)                                                                            \
    X(warmup, "the first iterations try kernels out and allocate more")                            \
    X(layers, "all layers are alike: a rhythm inside")                                             \
    X(accumulate, "several micro-batches before each optimizer step")                              \
    X(evaluate, "evaluation of some batches every few iterations, and epochs")                     \
    X(checkpoint, "parameters are copied to the host every few iterations")                        \
    X(lengths, "sizes, and some counts, differ from iteration to iteration")                       \
    X(experts, "which kernels run how often depends on the data")                                  \
    X(cut, "the trace begins and ends within an iteration")                                        \
    X(threads, "backward in a thread of its own, input copied by a third at odd times")            \
    X(recompile, "from the middle on other kernels do the same")                                   \
    X(pauses, "loading data takes long now and then")                                              \
    X(gan, "two networks take turns")                                                              \
    X(noise, "odd blocks come and go")                                                             \
    X(keep, "gradients are kept, not freed")                                                       \
    X(devicedata, "input is made on the device, nothing is copied")                                \
    X(streams, "work of a second stream is put in at other places each time")

enum difficulty {
#define X(name, doc) DIFFICULTY_##name,
    DIFFICULTIES(X)
#undef X
        DIFFICULTIES_ALL
};

#define HAS(name) (1u << DIFFICULTY_##name)

/* X(name, what it is): traces in which there is no iteration */
#define NEGATIVES(X)                                                                               \
    X(independent, "every event drawn anew")                                                       \
    X(zipf, "every event drawn anew, some far more often than others")                             \
    X(markov, "every event depends on the one before")                                             \
    X(sizes, "allocations of ever new sizes")                                                      \
    X(once, "a single iteration")                                                                  \
    X(twice, "two iterations: no rhythm yet")                                                      \
    X(few, "less than ten events")                                                                 \
    X(requests, "calls of random subroutines, in random order")                                    \
    X(loading, "weights are loaded, one like the other, and used once")

enum negative {
#define X(name, doc) NEGATIVE_##name,
    NEGATIVES(X)
#undef X
        NEGATIVES_ALL
};

/* X(name, what it is): inference, whose layers are all alike */
#define SERVINGS(X)                                                                                \
    X(forward, "a batch is copied in, the result out; no kernel but those of layers")              \
    X(decode, "a token after the other, of which only the drawn one is copied out")                \
    X(cached, "the same; what is kept of all tokens so far grows and is copied")                   \
    X(prompts, "the same; every few tokens a new prompt is read, by another kernel")               \
    X(batches, "requests come and go: all sizes differ from step to step")                         \
    X(answers, "requests: a prompt, 16 tokens; what is kept of them grows, and goes in the end")

enum serving_kind {
#define X(name, doc) SERVING_##name,
    SERVINGS(X)
#undef X
        SERVINGS_ALL
};

#define NO_ITERATION UINT32_MAX

/* Told of every symbol; `iteration` and `place` say where it stands: the same place of each
 * iteration has the same number, the first event of one has place 0. */
typedef void loops_sink(void *context, const struct mt_symbol *symbol, uint32_t iteration,
                        uint32_t place);

struct loops_options {
    uint64_t seed;
    uint32_t difficulties; /* HAS(...) */
    uint32_t iterations;
    uint32_t launches; /* of an iteration, about */
    uint32_t before;   /* events without any order before a loop of few events */
    loops_sink *sink;
    void *context;
};

/* How many whole iterations were written. */
uint32_t loops_write(const struct loops_options *options);

/* A loop of so many events (launches) each: of one, of two, or of pairs that repeat, the last of
 * which is another one. */
uint32_t loops_write_tiny(const struct loops_options *options);

/* Inference with so many layers (launches). */
uint32_t loops_write_serving(const struct loops_options *options, enum serving_kind kind);

void loops_write_negative(const struct loops_options *options, enum negative kind);

#endif
