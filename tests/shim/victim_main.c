/* victim COMMAND [ARGUMENT...]: does one thing with the simulated driver, with a ledger. */
#include <stdio.h>
#include <string.h>

#include "victim.h"

int main(int argc, char **argv)
{
    static const struct victim_command *const tables[] = {
        victim_c10,   victim_devices, victim_doors,    victim_graphs,  victim_jumps,
        victim_kill,  victim_life,    victim_launches, victim_marks,   victim_nccl,
        victim_order, victim_ranks,   victim_resolve,  victim_threads, victim_windows,
    };
    ledger_open();
    for (size_t i = 0; argc > 1 && i < sizeof tables / sizeof *tables; i++)
        for (const struct victim_command *row = tables[i]; row->name; row++)
            if (strcmp(row->name, argv[1]) == 0)
                return row->run(argc - 1, argv + 1);
    fprintf(stderr, "victim: no command %s\n", argc > 1 ? argv[1] : "given");
    return 2;
}
