/* Shapes of training loops, each with what it does differently. */
#ifndef JOBSHAPES_H
#define JOBSHAPES_H

#include <stdint.h>

#include "simjob.h"

#define CONV 0x1u        /* convolutions and batch norms, not products and layer norms */
#define MOMENTUM 0x2u    /* of gradient descent */
#define ADAM 0x4u        /* lists of tensors, with lists of temporaries */
#define FUSED 0x8u       /* one kernel for all of the optimizer */
#define SINGLE 0x10u     /* the optimizer takes one tensor after the other */
#define KEEP 0x20u       /* gradients are set to zero, not given back */
#define ACCUMULATE 0x40u /* four micro-batches before each step */
#define AMP 0x80u        /* weights and activations are cast to 16 bits where they are used */
#define MASTER 0x100u    /* weights have 16 bits, the optimizer keeps copies with 32 */
#define RECOMPUTE 0x200u /* the backward pass computes a layer's activations again */
#define INPLACE 0x400u
#define INFER 0x800u /* nothing is trained */
#define DDP 0x1000u
#define VIEW 0x2000u   /* gradients lie in the buckets */
#define FSDP 0x4000u   /* weights are copied out of what was gathered */
#define FLAT 0x8000u   /* and with this used where they are */
#define ALONE 0x10000u /* forward and backward are one thread's */
#define EXPERTS 0x20000u
#define EVALUATE 0x40000u /* every four iterations, three batches */
#define FROZEN 0x80000u   /* adapters are trained, nothing else */
#define TENSOR 0x100000u  /* each layer is spread over ranks: its results are reduced */
#define CLIP 0x200000u    /* the norm of all gradients, and gradients scaled by it */

/* X(name, flags, doc) */
#define SHAPES(X)                                                                                  \
    X(sgd, 0, "gradient descent; gradients are given back")                                        \
    X(sgd_keep, MOMENTUM | KEEP, "with momentum; gradients are set to zero")                       \
    X(adam, ADAM, "Adam by lists of tensors")                                                      \
    X(adam_single, ADAM | SINGLE, "Adam, one tensor after the other")                              \
    X(adam_fused, ADAM | FUSED, "Adam in one kernel")                                              \
    X(adam_keep, ADAM | KEEP, "Adam; gradients are set to zero")                                   \
    X(clipped, ADAM | CLIP, "Adam; gradients are clipped by their norm")                           \
    X(one_thread, ADAM | ALONE, "no thread of its own for the backward pass")                      \
    X(accumulate, ADAM | ACCUMULATE, "four micro-batches before each step")                        \
    X(accumulate_keep, ADAM | ACCUMULATE | KEEP, "the same; gradients are set to zero")            \
    X(amp, ADAM | AMP, "autocast: casts of weights and activations")                               \
    X(master, ADAM | MASTER, "weights of 16 bits, master weights of 32")                           \
    X(recompute, ADAM | RECOMPUTE, "activations are computed again in the backward pass")          \
    X(inplace, MOMENTUM | INPLACE, "activations and sums in place")                                \
    X(conv, CONV | MOMENTUM, "convolutions and batch norms, with workspaces")                      \
    X(conv_inplace, CONV | MOMENTUM | INPLACE | AMP, "the same, in place, with autocast")          \
    X(experts, ADAM | EXPERTS, "which experts run depends on the data")                            \
    X(evaluate, ADAM | EVALUATE, "evaluation every four iterations")                               \
    X(adapters, ADAM | FROZEN, "frozen weights, small adapters are trained")                       \
    X(inference, INFER, "the forward pass only")                                                   \
    X(conv_inference, INFER | CONV, "the forward pass of convolutions only")                       \
    X(ddp, ADAM | DDP, "data parallel: gradients are copied to buckets and back")                  \
    X(ddp_view, ADAM | DDP | VIEW | KEEP, "data parallel: gradients are parts of buckets")         \
    X(ddp_amp, CONV | MOMENTUM | DDP | AMP, "data parallel, convolutions, autocast")               \
    X(fsdp, ADAM | FSDP, "shards, gathered and copied out for each layer")                         \
    X(fsdp_flat, ADAM | FSDP | FLAT, "shards, gathered and used as they are")                      \
    X(tensor, ADAM | TENSOR, "layers spread over ranks: activations are reduced")

/* Run so many iterations of a loop; widths and depths are drawn at random. */
void shape_run(struct simjob *job, uint32_t flags, uint32_t iterations);

#endif
