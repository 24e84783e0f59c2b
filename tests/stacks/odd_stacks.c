/* Allocations on stacks that are small, or that have a hole beside them; run by odd_stacks.py.
 *   odd-stacks hole      two coroutines, between their stacks a page that cannot be read
 *   odd-stacks thread    a thread with the smallest stack there may be, which starts the recording
 *   odd-stacks signal    a handler on the smallest stack for signals
 *   odd-stacks threads      many threads, one after and beside the other, of many depths
 *   odd-stacks reload A B   through library A, which is unloaded, and B, which comes to lie there
 *   odd-stacks depth     prints how many bytes of stack an allocation takes: the first, another */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define STAY __asm__ volatile("" : : : "memory")
#define ROOM 65536

static int (*init)(unsigned);
static int (*retain)(void **, int);
static int (*set_context)(void *);
static int (*mem_alloc)(uint64_t *, size_t);

static NOINLINE void ask(void)
{
    uint64_t address;
    if (mem_alloc(&address, 4096) != 0)
        abort();
    STAY;
}

static void start(void)
{
    void *context;
    if (init(0) || retain(&context, 0) || set_context(context))
        abort();
}

/* ---- a hole ---- */

static void *behind_call; /* an address in a function with a frame of ROOM / 2 bytes */

static NOINLINE void note(volatile char *room)
{
    behind_call = __builtin_return_address(0);
    room[1] = 2;
}

static NOINLINE void large(void)
{
    volatile char room[ROOM / 2];
    room[0] = 1;
    note(room);
    room[sizeof room - 1] = 1;
}

static ucontext_t here, above, below;

static void on_other_stack(int which)
{
    ask();
    swapcontext(which ? &below : &above, &here);
}

static void prepare(ucontext_t *context, char *room, int which)
{
    getcontext(context);
    context->uc_stack.ss_sp = room;
    context->uc_stack.ss_size = ROOM;
    makecontext(context, (void (*)(void))on_other_stack, 1, which);
    /* Where its outermost function returns to: many a library of coroutines leaves there what is
     * never used. By the tables the frame of that caller ends in the middle of the hole. */
#if defined(__x86_64__)
    *(void **)context->uc_mcontext.gregs[REG_RSP] = behind_call;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[30] = (uintptr_t)behind_call;
#endif
}

/* Three rooms: a stack, a hole, a stack. */
static void hole(void)
{
    char *room = mmap(NULL, 3 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED || mprotect(room + ROOM, ROOM, PROT_NONE) != 0)
        abort();
    start();
    large();
    prepare(&below, room, 1);
    prepare(&above, room + 2 * ROOM, 0);
    swapcontext(&here, &above);
    swapcontext(&here, &below);
}

/* ---- small ones ---- */

static void *all(void *nothing)
{
    start();
    for (int i = 0; i < 3; i++)
        ask();
    return nothing;
}

static void on_thread(void *(*run)(void *), size_t size)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, size) != 0 ||
        pthread_create(&thread, &attributes, run, NULL) != 0)
        abort();
    pthread_join(thread, NULL);
}

static void handler(int number)
{
    (void)number;
    ask();
    STAY;
}

static void on_signal(void)
{
    /* What the kernel needs for the registers, and 4 KiB for the handler. */
    size_t size = ((size_t)sysconf(_SC_MINSIGSTKSZ) + 4096 + 4095) & ~(size_t)4095;
    char *room = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED || mprotect(room + 4096, size, PROT_READ | PROT_WRITE) != 0)
        abort();
    stack_t stack = {.ss_sp = room + 4096, .ss_size = size};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    start();
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    ask();
    raise(SIGUSR1);
}

/* ---- many threads ---- */

static void *context;

/* The size tells the depth. */
static NOINLINE void deeper(int depth, size_t size)
{
    uint64_t address;
    if (depth > 0)
        deeper(depth - 1, size);
    else if (mem_alloc(&address, size) != 0)
        abort();
    STAY;
}

static void *of_many(void *number)
{
    if (set_context(context) != 0)
        abort();
    for (int i = 0; i < 60; i++) {
        int depth = (int)(((uintptr_t)number * 7 + (unsigned)i * 13) % 40);
        deeper(depth, 256 * ((size_t)depth + 1));
    }
    return number;
}

static void threads(void)
{
    start();
    retain(&context, 0);
    for (uintptr_t round = 0; round < 20; round++) {
        pthread_t thread[6];
        for (uintptr_t i = 0; i < 6; i++)
            if (pthread_create(&thread[i], NULL, of_many, (void *)(6 * round + i)) != 0)
                abort();
        for (unsigned i = 0; i < 6; i++)
            pthread_join(thread[i], NULL);
    }
}

/* ---- other code at the same place ---- */

static NOINLINE void *through(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    int (*call)(int (*)(uint64_t *, size_t), size_t) =
        (int (*)(int (*)(uint64_t *, size_t), size_t))dlsym(library, "stray_call");
    if (!call || call(mem_alloc, 4096) != 0)
        abort();
    dlclose(library);
    return (void *)call;
}

static void reload(char **path)
{
    void *place[2];
    start();
    for (volatile int i = 0; i < 2; i++) { /* one call, not two */
        place[i] = through(path[i]);
        usleep(700000); /* in which the recorder sees that something was unloaded */
    }
    printf("%d\n", place[0] == place[1]);
}

/* ---- how deep ---- */

#define PAINT 0xa5
#define PAINTED 40000

static size_t depth[3];

/* Paints the stack below itself, lets run what is to be measured there, looks how far it came. */
static NOINLINE size_t painted(void (*run)(void))
{
    volatile unsigned char *mark = (volatile unsigned char *)__builtin_frame_address(0) - 256;
    size_t clean = 0;
    for (size_t i = 0; i < PAINTED; i++)
        mark[-(ptrdiff_t)i] = PAINT;
    run();
    while (clean < PAINTED && mark[-(ptrdiff_t)(PAINTED - 1 - clean)] == PAINT)
        clean++;
    return PAINTED - clean;
}

static void *measured(void *nothing)
{
    depth[0] = painted(start);
    depth[1] = painted(ask);
    depth[2] = painted(ask);
    return nothing;
}

int main(int argc, char **argv)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    const char *what = argc > 1 ? argv[1] : "";
    init = (int (*)(unsigned))dlsym(driver, "cuInit");
    retain = (int (*)(void **, int))dlsym(driver, "cuDevicePrimaryCtxRetain");
    set_context = (int (*)(void *))dlsym(driver, "cuCtxSetCurrent");
    mem_alloc = (int (*)(uint64_t *, size_t))dlsym(driver, "cuMemAlloc_v2");
    if (strcmp(what, "hole") == 0)
        hole();
    else if (strcmp(what, "thread") == 0)
        on_thread(all, PTHREAD_STACK_MIN);
    else if (strcmp(what, "signal") == 0)
        on_signal();
    else if (strcmp(what, "threads") == 0)
        threads();
    else if (strcmp(what, "reload") == 0 && argc > 3)
        reload(argv + 2);
    else if (strcmp(what, "depth") == 0)
        on_thread(measured, 1 << 20);
    else
        return 2;
    if (depth[0])
        printf("%zu %zu %zu\n", depth[0], depth[1], depth[2]);
    return 0;
}
