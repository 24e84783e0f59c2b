/* Streams. All work is done at once, in the thread that submits it, unless the stream is capturing:
 * then it becomes a node of the graph (sim_graph.h). */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "sim_device.h"

struct sim_capture;

/* A growing set of graph nodes; see sim_graph.h. */
struct sim_nodes {
    CUgraphNode *at;
    size_t n, room;
};

struct CUstream_st {
    struct sim_head head;
    CUcontext context;
    unsigned flags;
    int priority;
    struct sim_capture *capture; /* NULL: not capturing */
    struct sim_nodes last;       /* while capturing: what the next node needs */
};

struct CUevent_st {
    struct sim_head head;
    unsigned flags;
    bool recorded;
    uint64_t time_ns;
    struct sim_capture *capture; /* recorded in a capturing stream: its capture, */
    uint32_t capture_serial;     /* which may have ended and been recycled since, */
    struct sim_nodes after;      /* and what a stream that waits must come after */
};

/* 0, CU_STREAM_LEGACY and CU_STREAM_PER_THREAD are names, not objects; they cannot capture here. */
static inline bool sim_stream_is_special(CUstream stream)
{
    return (uintptr_t)stream <= 2;
}

static inline bool sim_stream_ok(CUstream stream)
{
    return sim_stream_is_special(stream) || sim_is(stream, SIM_STREAM);
}

static inline struct sim_capture *sim_capture_of(CUstream stream)
{
    return sim_stream_is_special(stream) ? NULL : stream->capture;
}

#endif
