#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "report/output.h"

/* The signal's own action is back, and the signal blocked until this returns: then it ends the
 * program, and whoever waits for it sees by what. */
static void end(int number)
{
    mt_output_remove_unfinished();
    raise(number);
}

void mt_interrupt_cleanly(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before, clean = {.sa_handler = end, .sa_flags = SA_RESETHAND};
    sigfillset(&clean.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &clean, NULL);
}
