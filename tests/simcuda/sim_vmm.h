/* What other files ask of virtual memory management. */
#ifndef SIM_VMM_H
#define SIM_VMM_H

#include <stdbool.h>
#include <stdint.h>

/* Every byte of a part of a reserved range has memory. */
bool sim_vmm_is_mapped(uint64_t address, uint64_t bytes);

#endif
