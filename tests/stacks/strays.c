/* Functions of a library: one with a frame of FRAME bytes that asks for memory (two builds with
 * another FRAME have the same code at the same place, but another way out of it), one that does so
 * on a thread of its own. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FRAME
#define FRAME 4096
#endif
#define EXPORT __attribute__((visibility("default"), noinline))

typedef int alloc_fn(uint64_t *address, size_t size);
typedef int current_fn(void *context);

EXPORT int stray_call(alloc_fn *alloc, size_t size);
EXPORT int stray_thread(alloc_fn *alloc, size_t size, current_fn *set, void *context);

int stray_call(alloc_fn *alloc, size_t size)
{
    volatile char room[FRAME];
    uint64_t address;
    room[0] = 1;
    int result = alloc(&address, size);
    return room[0] == 1 ? result : -1;
}

struct order {
    alloc_fn *alloc;
    size_t size;
    current_fn *set;
    void *context;
    int result;
};

static void *run(void *data)
{
    struct order *order = data;
    order->result = order->set(order->context);
    if (order->result == 0)
        order->result = stray_call(order->alloc, order->size);
    return NULL;
}

int stray_thread(alloc_fn *alloc, size_t size, current_fn *set, void *context)
{
    struct order order = {alloc, size, set, context, -1};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &order) == 0)
        pthread_join(thread, NULL);
    return order.result;
}
