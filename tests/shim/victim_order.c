/* order TIMES: inside each free the freed address is handed to another thread, which allocates it
 * before the free returns. Prints how often it got that very address. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "victim.h"

#define BYTES 4096

static sem_t freed, taken;
static CUdeviceptr given; /* by the other thread; 0 ends it */
static bool stop;

static void inside_free(unsigned long long address, unsigned long long bytes, void *data)
{
    (void)address, (void)bytes, (void)data;
    sem_post(&freed);
    sem_wait(&taken);
}

static void *taker(void *context)
{
    MUST(REAL(cuCtxSetCurrent)(context));
    for (;;) {
        sem_wait(&freed);
        if (stop)
            return NULL;
        given = victim_alloc(BYTES);
        sem_post(&taken);
    }
}

static int order(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 100, same = 0;
    pthread_t thread;
    CUcontext context;
    sem_init(&freed, 0, 0);
    sem_init(&taken, 0, 0);
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&context));
    pthread_create(&thread, NULL, taker, context);
    REAL(simcuda_on_free)(inside_free, NULL);
    given = victim_alloc(BYTES);
    for (int i = 0; i < times; i++) {
        CUdeviceptr mine = given;
        victim_free(mine);
        same += given == mine;
    }
    REAL(simcuda_on_free)(NULL, NULL);
    stop = true;
    sem_post(&freed);
    pthread_join(thread, NULL);
    printf("%d\n", same);
    return 0;
}

const struct victim_command victim_order[] = {{"order", order}, {NULL, NULL}};
