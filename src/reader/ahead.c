/* Parcels are numbered from 0; number n lies in place n % PARCELS. Of `filled` and `emptied` the
 * first is ahead by at most PARCELS; they are all that both threads change, and only with the lock.
 * What lies in a place is the filling thread's until `filled` has gone past its number, and the
 * other's from then on until `emptied` has.
 *
 * A thread that has to wait is woken late: the emptying one as soon as a parcel is there, the
 * filling one when half of all are empty. So whoever is faster sleeps long and seldom. */
#include "reader/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "reader/opened.h"

#define PARCELS 8u
#define DELIVERIES 256u /* of a parcel at most */
#define BATCHES 16u     /* a parcel is closed when it has used up as many */

struct parcel {
    struct mt_delivery delivery[DELIVERIES];
    uint32_t n;
    int code;                /* of mt_runs_next behind the last delivery; 1: there are more */
    struct mt_passed passed; /* then */
    struct mt_batch *spent;  /* read for the last time in this parcel */
};

struct mt_ahead {
    struct mt_trace *trace;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_filled, has_emptied;
    uint64_t filled, emptied;
    bool stop;
    /* Of the emptying thread. */
    uint64_t open; /* the parcel that it has; not more than `filled` when it was looked at */
    uint32_t next; /* delivery in it */
    bool holds;    /* parcel `open` was filled */
    struct parcel parcel[PARCELS];
};

static struct parcel *place_of(struct mt_ahead *ahead, uint64_t number)
{
    return &ahead->parcel[number % PARCELS];
}

/* ---- the filling thread ---- */

static void take_back(struct mt_stream_pool *pool, struct parcel *parcel)
{
    while (parcel->spent) {
        struct mt_batch *batch = parcel->spent;
        parcel->spent = batch->next;
        batch->next = pool->spare;
        pool->spare = batch;
    }
}

static void fill(struct mt_trace *trace, struct parcel *parcel)
{
    struct mt_stream_pool *pool = &trace->pool;
    parcel->n = 0;
    parcel->code = 1;
    while (parcel->n < DELIVERIES && pool->spents < BATCHES) {
        struct mt_delivery *delivery = &parcel->delivery[parcel->n];
        parcel->code = mt_runs_next(trace, delivery);
        parcel->passed = delivery->passed;
        if (parcel->code <= 0)
            break;
        parcel->n++;
    }
    parcel->spent = pool->spent;
    pool->spent = NULL;
    pool->spents = 0;
}

/* Hand over what was filled, if something was, and wait for room. False: it is to stop. */
static bool turn_over(struct mt_ahead *ahead, uint64_t filled)
{
    pthread_mutex_lock(&ahead->lock);
    if (ahead->filled != filled) {
        ahead->filled = filled;
        pthread_cond_signal(&ahead->has_filled);
    }
    if (filled - ahead->emptied == PARCELS)
        while (!ahead->stop && filled - ahead->emptied > PARCELS / 2)
            pthread_cond_wait(&ahead->has_emptied, &ahead->lock);
    bool goes_on = !ahead->stop;
    pthread_mutex_unlock(&ahead->lock);
    return goes_on;
}

static void *work(void *of)
{
    struct mt_ahead *ahead = of;
    int code = 1;
    for (uint64_t number = 0; turn_over(ahead, number) && code > 0; number++) {
        struct parcel *parcel = place_of(ahead, number);
        take_back(&ahead->trace->pool, parcel);
        fill(ahead->trace, parcel);
        code = parcel->code;
    }
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(struct mt_ahead *ahead)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&ahead->thread, NULL, work, ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* ---- the emptying thread ---- */

struct mt_ahead *mt_ahead_new(struct mt_trace *trace)
{
    struct mt_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return NULL;
    ahead->trace = trace;
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->has_filled, NULL);
    pthread_cond_init(&ahead->has_emptied, NULL);
    trace->pool.keeps = true;
    if (start_thread(ahead) == 0)
        return ahead;
    trace->pool.keeps = false;
    free(ahead);
    return NULL;
}

/* Give back the parcel that was read, and take the next. */
static void turn_page(struct mt_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    if (ahead->holds) {
        ahead->emptied = ++ahead->open;
        if (ahead->filled - ahead->emptied <= PARCELS / 2)
            pthread_cond_signal(&ahead->has_emptied);
    }
    while (ahead->filled == ahead->open)
        pthread_cond_wait(&ahead->has_filled, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
    ahead->holds = true;
    ahead->next = 0;
}

int mt_ahead_next(struct mt_ahead *ahead, struct mt_delivery *delivery)
{
    for (;;) {
        const struct parcel *parcel = place_of(ahead, ahead->open);
        if (ahead->holds && ahead->next < parcel->n) {
            *delivery = parcel->delivery[ahead->next++];
            return 1;
        }
        if (ahead->holds && parcel->code <= 0) {
            delivery->passed = parcel->passed;
            return parcel->code;
        }
        turn_page(ahead);
    }
}

void mt_ahead_free(struct mt_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->stop = true;
    pthread_cond_signal(&ahead->has_emptied);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    for (uint32_t i = 0; i < PARCELS; i++)
        take_back(&ahead->trace->pool, &ahead->parcel[i]);
    ahead->trace->pool.keeps = false;
    pthread_cond_destroy(&ahead->has_filled);
    pthread_cond_destroy(&ahead->has_emptied);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}
