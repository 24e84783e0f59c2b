/* The job is a child, not an exec: somebody must be left to say what was recorded.
 *
 * All signals that a person or a batch system sends are blocked and taken with sigwaitinfo, so no
 * handler runs and none is lost between the fork and the wait. What the terminal sends (si_code
 * SI_KERNEL) has already reached the job, which is in the same process group: passing it on would
 * deliver Ctrl-C twice, and the second one kills jobs that save a checkpoint on the first. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static void signals_of_interest(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(set, passed_on[i]);
}

/* In the child: become the job, or tell the launcher through the pipe why not. */
static void become(char *const argv[], int report, const sigset_t *mask,
                   const struct sigaction *on_child)
{
    sigaction(SIGCHLD, on_child, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(argv[0], argv);
    int error = errno;
    /* Where even this fails, the exit code alone must do. */
    _exit(write(report, &error, sizeof error) < 0 ? 126 : 127);
}

/* errno of the failed exec, 0 if it succeeded (then the pipe was closed by it). */
static int exec_error(int report)
{
    int error = 0;
    ssize_t got;
    do
        got = read(report, &error, sizeof error);
    while (got < 0 && errno == EINTR);
    return got == sizeof error ? error : 0;
}

/* Until the child has ended; its wait status. */
static int attend(pid_t child, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int status, number = sigwaitinfo(set, &info);
        if (number == SIGCHLD) {
            if (waitpid(child, &status, WNOHANG) == child)
                return status;
        } else if (number > 0 && info.si_code != SI_KERNEL) {
            kill(child, number);
        }
    }
}

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int fail_to_run(const char *command, int error)
{
    if (error == ENOENT)
        mt_options_say("memtrace", "%s: command not found", command);
    else
        mt_options_say("memtrace", "%s: cannot be executed: %s", command, strerror(error));
    return error == ENOENT ? 127 : 126;
}

int mt_child_run(char *const argv[], bool *ran)
{
    *ran = false;
    int report[2];
    sigset_t set, mask;
    struct sigaction usual = {.sa_handler = SIG_DFL}, on_child;
    signals_of_interest(&set);
    sigprocmask(SIG_BLOCK, &set, &mask);
    /* Whoever started the launcher may ignore SIGCHLD; then no exit code would be kept for it. */
    sigaction(SIGCHLD, &usual, &on_child);
    pid_t child = pipe2(report, O_CLOEXEC) == 0 ? fork() : -1;
    if (child < 0)
        return fail_to_run(argv[0], errno);
    if (child == 0)
        become(argv, report[1], &mask, &on_child);
    close(report[1]);
    int error = exec_error(report[0]);
    close(report[0]);
    int status = attend(child, &set);
    if (error)
        return fail_to_run(argv[0], error);
    *ran = true;
    return exit_code(status);
}
