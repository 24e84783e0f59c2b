/* A program linked with another C library than glibc: all that the recorder exports and this may
 * call, it must still get from its own. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void handle(int number)
{
    const char *name = number == SIGUSR1 ? "USR1\n" : "USR2\n";
    if (write(1, name, strlen(name)) < 0)
        _exit(1);
}

static void *thread(void *argument)
{
    printf("in a thread, in %s\n", getenv("PATH") ? "some PATH" : "none");
    return argument;
}

static void look_up(void)
{
    printf("cuInit: %p\n", dlsym(RTLD_DEFAULT, "cuInit"));
    printf("getenv: %d\n", dlsym(RTLD_DEFAULT, "getenv") != NULL);
    printf("puts: %d\n", dlsym(RTLD_NEXT, "puts") == (void *)puts);
}

int main(void)
{
    struct sigaction action = {.sa_handler = handle}, old;
    pthread_t other;
    int status = 0;
    printf("sigaction: %d\n", sigaction(SIGUSR1, &action, &old));
    printf("signal: %d\n", signal(SIGUSR2, handle) == SIG_DFL);
    look_up();
    if (pthread_create(&other, NULL, thread, NULL) != 0)
        return 1;
    pthread_join(other, NULL);
    fflush(stdout);
    raise(SIGUSR1);
    raise(SIGUSR2);
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    waitpid(child, &status, 0);
    printf("child: %d\n", WEXITSTATUS(status));
    return 4;
}
