/* Stream capture, as the functions that submit work see it. */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include "sim_work.h"

CUresult sim_capture_add(CUstream stream, const struct sim_work *work); /* copies the parameters */
CUresult sim_capture_join(CUstream stream, struct sim_capture *capture);
void sim_capture_abandon(CUstream stream); /* the stream goes away */
void sim_graph_run(CUgraph graph);

#endif
