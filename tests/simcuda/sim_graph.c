/* placeholder until graphs are written */
#include "sim_capture.h"
CUresult sim_capture_add(CUstream stream, const struct sim_work *work) { (void)stream; (void)work; return CUDA_ERROR_NOT_SUPPORTED; }
CUresult sim_capture_join(CUstream stream, struct sim_capture *capture) { (void)stream; (void)capture; return CUDA_ERROR_NOT_SUPPORTED; }
void sim_capture_abandon(CUstream stream) { (void)stream; }
void sim_graph_run(CUgraph graph) { (void)graph; }
