/* Stream capture. While a stream captures, work submitted to it becomes nodes of a graph; each node
 * needs the last ones of its stream. An event recorded there carries the capture to the streams
 * that wait for it. */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include "sim_graph.h"

struct sim_capture {
    struct sim_head head; /* recycled like a handle; events know theirs by its serial number */
    CUgraph graph;
    CUstream origin;
    CUstream *streams; /* all that take part */
    size_t n_streams;
    bool given; /* the graph was there before (cuStreamBeginCaptureToGraph) */
};

CUresult sim_capture_add(CUstream stream, const struct sim_work *work); /* copies the parameters */
void sim_capture_mark(CUevent event, CUstream stream);       /* the event was recorded there */
CUresult sim_capture_follow(CUstream stream, CUevent event); /* the stream waits for it */
void sim_capture_abandon(CUstream stream);                   /* the stream goes away */
void sim_graph_run(CUgraph graph);

#endif
