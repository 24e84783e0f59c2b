/* Jobs of several processes, as launchers and frameworks make them. Each command waits for all that
 * it started and fails where one did.
 *
 * torchrun N   N ranks by fork and exec, while the parent makes no CUDA call; each begins with CUDA
 *              and then has workers, forked and spawned, that use none. torchrun N K: rank K is
 *              killed meanwhile
 * share N      N children by fork, all on one device at the same time */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

/* `killed` of them may be. */
static void wait_for(int children, int killed)
{
    for (int status, i = 0; i < children; i++) {
        if (wait(&status) < 0 || (status != 0 && status != SIGKILL))
            victim_fail("a child ended with wait status %#x", status);
        killed -= status == SIGKILL;
    }
    if (killed != 0)
        victim_fail("%d too few were killed", killed);
}

static void some_events(void)
{
    for (int i = 0; i < 50; i++)
        victim_free(victim_alloc(512 + 100 * (size_t)i));
}

static void run_again(const char *command)
{
    execl("/proc/self/exe", "victim", command, (char *)NULL);
    victim_fail("cannot execute myself");
}

/* As a DataLoader's: they look at devices at most. */
static void start_worker(bool spawned)
{
    fflush(NULL);
    if (fork() != 0)
        return;
    if (spawned)
        run_again("init-only");
    _exit(0);
}

static int rank(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_begin(DOOR_HANDLE);
    some_events();
    for (int i = 0; i < 4; i++)
        start_worker(i % 2);
    if (getenv("VICTIM_IS_KILLED"))
        raise(SIGKILL);
    some_events();
    wait_for(4, 0);
    return 0;
}

static void set_number(const char *name, int n)
{
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    setenv(name, text, 1);
}

static int torchrun(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 2, killed = argc > 2 ? atoi(argv[2]) : n;
    set_number("WORLD_SIZE", n);
    for (int i = 0; i < n; i++) {
        set_number("RANK", i);
        set_number("LOCAL_RANK", i);
        if (fork() != 0)
            continue;
        if (i == killed)
            setenv("VICTIM_IS_KILLED", "1", 1);
        run_again("rank");
    }
    wait_for(n, killed < n);
    return 0;
}

static int share(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 2;
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            ledger_forked();
            victim_begin(DOOR_HANDLE);
            some_events();
            exit(0);
        }
    wait_for(n, 0);
    return 0;
}

const struct victim_command victim_ranks[] = {
    {"torchrun", torchrun}, {"rank", rank}, {"share", share}, {NULL, NULL}};
