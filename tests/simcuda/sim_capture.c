/* See sim_capture.h. */
#include "sim_capture.h"

#include <stdlib.h>
#include <string.h>

static __thread CUstreamCaptureMode thread_mode; /* kept and exchanged; nothing depends on it */

static void leave(CUstream stream)
{
    stream->capture = NULL;
    sim_nodes_release(&stream->last);
}

static CUresult enter(CUstream stream, struct sim_capture *capture)
{
    size_t bytes = (capture->n_streams + 1) * sizeof(CUstream);
    CUstream *grown = realloc(capture->streams, bytes);
    SIM_REQUIRE(grown, CUDA_ERROR_OUT_OF_MEMORY);
    capture->streams = grown;
    grown[capture->n_streams++] = stream;
    stream->capture = capture;
    return CUDA_SUCCESS;
}

/* The streams are released; the graph is the caller's. */
static CUgraph finish(struct sim_capture *capture)
{
    CUgraph graph = capture->graph;
    for (size_t i = 0; i < capture->n_streams; i++)
        leave(capture->streams[i]);
    free(capture->streams);
    sim_object_free(capture);
    return graph;
}

static CUresult begin(CUstream stream, CUgraph into, const CUgraphNode *needs, size_t n)
{
    SIM_REQUIRE(!sim_stream_is_special(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    SIM_REQUIRE(sim_is(stream, SIM_STREAM), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(stream->capture == NULL, CUDA_ERROR_ILLEGAL_STATE);
    struct sim_capture *c = sim_object_new(SIM_CAPTURE, sizeof(*c));
    SIM_REQUIRE(c, CUDA_ERROR_OUT_OF_MEMORY);
    c->given = into != NULL;
    c->graph = into ? into : sim_graph_new();
    c->origin = stream;
    CUresult result = c->graph ? enter(stream, c) : CUDA_ERROR_OUT_OF_MEMORY;
    if (result != CUDA_SUCCESS)
        sim_object_free(c);
    for (size_t i = 0; i < n && result == CUDA_SUCCESS; i++)
        if (!sim_nodes_add(&stream->last, needs[i]))
            result = CUDA_ERROR_OUT_OF_MEMORY;
    return result;
}

SIM_PTSZ(cuStreamBeginCapture, (CUstream hStream), begin(hStream, NULL, NULL, 0))
SIM_PTSZ(cuStreamBeginCapture_v2, (CUstream hStream, CUstreamCaptureMode mode),
         ((void)mode, begin(hStream, NULL, NULL, 0)))
SIM_PTSZ(cuStreamBeginCaptureToGraph,
         (CUstream hStream, CUgraph hGraph, const CUgraphNode *needs, const CUgraphEdgeData *edges,
          size_t n, CUstreamCaptureMode mode),
         ((void)mode, (void)edges,
          sim_is(hGraph, SIM_GRAPH) ? begin(hStream, hGraph, needs, n) : CUDA_ERROR_INVALID_VALUE))
/* The nodes that a graph had are not compared: they stay, and the new ones come behind them. */
SIM_PTSZ(cuStreamBeginRecaptureToGraph,
         (CUstream hStream, CUstreamCaptureMode mode, CUgraph hGraph,
          CUgraphRecaptureCallback callback, void *data),
         ((void)mode, (void)callback, (void)data,
          sim_is(hGraph, SIM_GRAPH) ? begin(hStream, hGraph, NULL, 0) : CUDA_ERROR_INVALID_VALUE))

static CUresult end(CUstream stream, CUgraph *out)
{
    SIM_REQUIRE(out, CUDA_ERROR_INVALID_VALUE);
    struct sim_capture *c = sim_capture_of(stream);
    SIM_REQUIRE(c, CUDA_ERROR_ILLEGAL_STATE);
    SIM_REQUIRE(c->origin == stream, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    *out = finish(c);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamEndCapture, (CUstream hStream, CUgraph *phGraph), end(hStream, phGraph))

void sim_capture_abandon(CUstream stream)
{
    struct sim_capture *c = stream->capture;
    if (c == NULL)
        return;
    bool given = c->given;
    CUgraph graph = finish(c);
    if (!given)
        sim_graph_free(graph);
}

CUresult sim_capture_add(CUstream stream, const struct sim_work *work)
{
    CUgraphNode node;
    CUgraph graph = stream->capture->graph;
    CUresult result = sim_graph_add(graph, work, stream->last.at, stream->last.n, &node);
    if (result != CUDA_SUCCESS)
        return result;
    stream->last.n = 0;
    if (!sim_nodes_add(&stream->last, node))
        return CUDA_ERROR_OUT_OF_MEMORY;
    if (work->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC)
        return sim_node_own_memory(node, work->memory.address);
    return CUDA_SUCCESS;
}

void sim_capture_mark(CUevent event, CUstream stream)
{
    struct sim_capture *c = sim_capture_of(stream);
    event->capture = c;
    event->capture_serial = c ? c->head.serial : 0;
    event->after.n = 0;
    if (c)
        sim_nodes_union(&event->after, &stream->last);
}

/* An event of a capture that has ended is nothing to wait for. */
CUresult sim_capture_follow(CUstream stream, CUevent event)
{
    struct sim_capture *c = event->capture;
    if (c == NULL || c->head.kind != SIM_CAPTURE || c->head.serial != event->capture_serial)
        return CUDA_SUCCESS;
    SIM_REQUIRE(!sim_stream_is_special(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    SIM_REQUIRE(stream->capture == NULL || stream->capture == c,
                CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUresult result = stream->capture ? CUDA_SUCCESS : enter(stream, c);
    if (result == CUDA_SUCCESS && !sim_nodes_union(&stream->last, &event->after))
        result = CUDA_ERROR_OUT_OF_MEMORY;
    return result;
}

static CUresult is_capturing(CUstream stream, CUstreamCaptureStatus *status)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(status, CUDA_ERROR_INVALID_VALUE);
    *status =
        sim_capture_of(stream) ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamIsCapturing, (CUstream hStream, CUstreamCaptureStatus *status),
         is_capturing(hStream, status))

static CUresult get_info(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
                         CUgraph *graph, const CUgraphNode **last, size_t *n)
{
    CUresult result = is_capturing(stream, status);
    struct sim_capture *c = result == CUDA_SUCCESS ? sim_capture_of(stream) : NULL;
    if (c == NULL)
        return result;
    if (id)
        *id = c->head.serial;
    if (graph)
        *graph = c->graph;
    if (last)
        *last = stream->last.at;
    if (n)
        *n = stream->last.n;
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamGetCaptureInfo,
         (CUstream hStream, CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out),
         get_info(hStream, captureStatus_out, id_out, NULL, NULL, NULL))
SIM_PTSZ(cuStreamGetCaptureInfo_v2,
         (CUstream hStream, CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out,
          CUgraph *graph_out, const CUgraphNode **dependencies_out, size_t *numDependencies_out),
         get_info(hStream, captureStatus_out, id_out, graph_out, dependencies_out,
                  numDependencies_out))

static CUresult get_info_edges(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
                               CUgraph *graph, const CUgraphNode **last,
                               const CUgraphEdgeData **edges, size_t *n)
{
    if (edges)
        *edges = NULL; /* all plain */
    return get_info(stream, status, id, graph, last, n);
}
SIM_PTSZ(cuStreamGetCaptureInfo_v3,
         (CUstream hStream, CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out,
          CUgraph *graph_out, const CUgraphNode **dependencies_out,
          const CUgraphEdgeData **edgeData_out, size_t *numDependencies_out),
         get_info_edges(hStream, captureStatus_out, id_out, graph_out, dependencies_out,
                        edgeData_out, numDependencies_out))

static CUresult update(CUstream stream, const CUgraphNode *nodes, size_t n, unsigned flags)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    SIM_REQUIRE(sim_capture_of(stream), CUDA_ERROR_ILLEGAL_STATE);
    SIM_REQUIRE((nodes || n == 0) && flags <= CU_STREAM_SET_CAPTURE_DEPENDENCIES,
                CUDA_ERROR_INVALID_VALUE);
    if (flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES)
        stream->last.n = 0;
    for (size_t i = 0; i < n; i++)
        SIM_REQUIRE(sim_nodes_add(&stream->last, nodes[i]), CUDA_ERROR_OUT_OF_MEMORY);
    return CUDA_SUCCESS;
}
SIM_PTSZ(cuStreamUpdateCaptureDependencies,
         (CUstream hStream, CUgraphNode *dependencies, size_t numDependencies, unsigned int flags),
         update(hStream, dependencies, numDependencies, flags))
SIM_PTSZ(cuStreamUpdateCaptureDependencies_v2,
         (CUstream hStream, CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
          size_t numDependencies, unsigned int flags),
         ((void)dependencyData, update(hStream, dependencies, numDependencies, flags)))

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    SIM_ENTER(cuThreadExchangeStreamCaptureMode);
    SIM_REQUIRE(mode, CUDA_ERROR_INVALID_VALUE);
    CUstreamCaptureMode before = thread_mode;
    thread_mode = *mode;
    *mode = before;
    return CUDA_SUCCESS;
}
