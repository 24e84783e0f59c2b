/* What happens to processes: forks, execs, ends of all kinds. Each command says what it does. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

static CUcontext context;

static void some_events(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        victim_free(victim_alloc(512 + i % 100));
}

static void begin(void)
{
    victim_begin(DOOR_HANDLE);
    MUST(REAL(cuCtxGetCurrent)(&context));
}

static void must_end_well(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        victim_fail("a child ended with wait status %#x", status);
}

/* Asks for a device and does nothing with it. */
static int init_only(int argc, char **argv)
{
    (void)argc, (void)argv;
    victim_open(DOOR_HANDLE);
    MUST(CU(cuInit)(0));
    return 0;
}

static int plain(int argc, char **argv)
{
    begin();
    some_events(argc > 1 ? (unsigned)atoi(argv[1]) : 100);
    return 0;
}

/* ---- fork ---- */

/* Children that end in every way, some after driver calls (which fail, as with a real driver). */
static int fork_children(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    for (int i = 0; i < 12; i++) {
        some_events(10);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            CUdeviceptr p;
            if (i % 3 == 1 && CU(cuMemAlloc_v2)(&p, 64) == CUDA_SUCCESS)
                _exit(9);
            if (i % 2)
                _exit(0);
            exit(0);
        }
        must_end_well(child);
    }
    some_events(10);
    return 0;
}

/* Both use CUDA, the child first. */
static int fork_before(int argc, char **argv)
{
    (void)argc, (void)argv;
    pid_t child = fork();
    if (child == 0) {
        ledger_forked();
        begin();
        some_events(50);
        exit(0);
    }
    must_end_well(child);
    begin();
    some_events(70);
    return 0;
}

/* The kernel's own clone, of which no handler of fork hears; the child goes on with the driver. */
static int raw_clone(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    some_events(30);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        ledger_forked();
        some_events(40);
        exit(0);
    }
    must_end_well(child);
    some_events(30);
    return 0;
}

static _Atomic bool stop;

static void *record_on(void *nothing)
{
    (void)nothing;
    MUST(REAL(cuCtxSetCurrent)(context));
    for (unsigned i = 0; !stop && i < 30000; i++)
        some_events(1);
    return NULL;
}

static int fork_while(int argc, char **argv)
{
    pthread_t threads[2];
    (void)argc, (void)argv;
    begin();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, record_on, NULL);
    for (int i = 0; i < 30; i++) {
        pid_t child = fork();
        if (child == 0 && i % 2)
            _exit(0);
        if (child == 0)
            exit(0);
        must_end_well(child);
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static int vfork_exec(int argc, char **argv)
{
    (void)argc, (void)argv;
    begin();
    for (int i = 0; i < 5; i++) {
        some_events(10);
        pid_t child = vfork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(127);
        }
        must_end_well(child);
    }
    some_events(10);
    return 0;
}

/* exec-chain N: 100 * N allocations, then the same again as another program in the same process. */
static int exec_chain(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1;
    char rest[16];
    begin();
    some_events(100 * (unsigned)n);
    if (n > 1) {
        snprintf(rest, sizeof rest, "%d", n - 1);
        execl("/proc/self/exe", "victim", "exec-chain", rest, (char *)NULL);
        return 1;
    }
    return 0;
}

/* ---- ends ---- */

/* end HOW */
static int end(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    begin();
    some_events(500);
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(3);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "segv") == 0)
        raise(SIGSEGV);
    if (strcmp(how, "term") == 0)
        raise(SIGTERM);
    return 1;
}

static void *exit_here(void *nothing)
{
    (void)nothing;
    MUST(REAL(cuCtxSetCurrent)(context));
    some_events(2000);
    exit(0);
    return NULL;
}

/* A second thread ends the process while the first and a third record. */
static int exit_thread(int argc, char **argv)
{
    pthread_t threads[2];
    (void)argc, (void)argv;
    begin();
    pthread_create(&threads[0], NULL, record_on, NULL);
    pthread_create(&threads[1], NULL, exit_here, NULL);
    record_on(NULL);
    pthread_join(threads[1], NULL); /* never comes back */
    return 1;
}

static void at_the_very_end(void)
{
    CUmodule module;
    CUfunction f;
    some_events(5);
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&f, module, "k_two"));
    CUdeviceptr address = victim_alloc(512);
    victim_launch(f, victim_tell_kernel(&victim_k_two), address, address + 8);
    MUST(CU(cuModuleUnload)(module));
}

static void in_handler(void)
{
    some_events(7);
}

/* Calls in an exit handler, and in the destructor of a library that ends after the recorder. */
static int late(int argc, char **argv)
{
    (void)argc, (void)argv;
    void *library = dlopen("libvictim-late.so", RTLD_NOW);
    void (**call)(void) = library ? (void (**)(void))dlsym(library, "victim_late_call") : NULL;
    if (!call)
        victim_fail("%s", dlerror());
    atexit(in_handler);
    begin();
    some_events(20);
    *call = at_the_very_end;
    return 0;
}

static void begin_profiler(void)
{
    void *library = dlopen("libcupti.so", RTLD_NOW);
    int (*enable)(int) = library ? (int (*)(int))dlsym(library, "cuptiActivityEnable") : NULL;
    if (!enable || enable(1) != 0)
        victim_fail("the profiler does not begin: %s", dlerror());
}

/* A profiler begins, before all else or late, and another library than one asks the driver what
 * profilers ask. */
static int profiled(int argc, char **argv)
{
    static const CUuuid zeros;
    const void *table;
    CUmodule module;
    bool early = argc > 1 && strcmp(argv[1], "early") == 0;
    if (early)
        begin_profiler();
    begin();
    MUST(CU(cuGetExportTable)(&table, &zeros));
    if (!early)
        begin_profiler();
    MUST(CU(cuModuleLoadData)(&module, victim_ptx));
    return 0;
}

/* ---- what the job must not notice ---- */

/* Returns 0 only if every call leaves errno as it was. */
#define KEEPS(call)                                                                                \
    do {                                                                                           \
        errno = 77;                                                                                \
        call;                                                                                      \
        if (errno != 77)                                                                           \
            victim_fail("%s: errno became %d", #call, errno);                                      \
    } while (0)

static int keep_errno(int argc, char **argv)
{
    CUcontext own;
    CUdeviceptr p = 0, q = 0;
    CUmodule module;
    CUfunction f;
    uint64_t n = 0;
    void *params[] = {&p, &q, &n}, *library = dlopen("libcuda.so.1", RTLD_NOW);
    (void)argc, (void)argv;
    KEEPS(dlsym(library, "cuInit"));
    victim_open(DOOR_HANDLE);
    KEEPS(CU(cuInit)(0));
    KEEPS(CU(cuDevicePrimaryCtxRetain)(&own, 0));
    MUST(REAL(cuCtxSetCurrent)(own));
    MUST(REAL(cuModuleLoadData)(&module, victim_ptx));
    MUST(REAL(cuModuleGetFunction)(&f, module, "k_two"));
    for (int i = 0; i < 3000; i++) { /* small rings: through every slow way */
        KEEPS(CU(cuMemAlloc_v2)(&p, 5000));
        KEEPS(CU(cuMemAlloc_v2)(&q, (size_t)1 << 50));
        KEEPS(CU(cuLaunchKernel)(f, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
        KEEPS(CU(cuMemsetD8_v2)(p, 0, 64));
        KEEPS(CU(cuMemFree_v2)(p));
        KEEPS(CU(cuMemFree_v2)(p));
    }
    KEEPS(CU(cuModuleUnload)(module));
    KEEPS(dlsym(library, "cuMemAlloc_v2"));
    return 0;
}

/* Closes all descriptors, has files of its own in their place, and looks at them in the end. */
static int close_all(int argc, char **argv)
{
    enum { FILES = 700 };
    char name[32], text[8];
    int fd[FILES];
    (void)argc, (void)argv;
    begin();
    some_events(1000);
    closefrom(3);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "victim.%d", i);
        fd[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd[i] < 0 || write(fd[i], "mine", 4) != 4)
            victim_fail("cannot make %s", name);
        some_events(40);
    }
    for (int i = 0; i < FILES; i++)
        if (pread(fd[i], text, sizeof text, 0) != 4 || memcmp(text, "mine", 4) != 0)
            victim_fail("file %d (descriptor %d) was written to", i, fd[i]);
    return 0;
}

/* chdir FOLDER: begins elsewhere than where it ends. */
static int change_folder(int argc, char **argv)
{
    begin();
    some_events(10);
    if (argc < 2 || chdir(argv[1]) < 0)
        return 1;
    some_events(20000);
    return 0;
}

static void *cancelled(void *nothing)
{
    CUdeviceptr p;
    (void)nothing;
    pthread_cancel(pthread_self()); /* comes true at the next call that may wait */
    MUST(CU(cuDevicePrimaryCtxRetain)(&context, 0));
    MUST(REAL(cuCtxSetCurrent)(context));
    for (int i = 0; i < 10; i++) {
        MUST(CU(cuMemAlloc_v2)(&p, 64));
        MUST(CU(cuMemFree_v2)(p));
    }
    pthread_testcancel();
    return NULL;
}

/* A thread that is to end begins the recording; the others go on. */
static int cancel(int argc, char **argv)
{
    pthread_t thread;
    void *result;
    (void)argc, (void)argv;
    victim_open(DOOR_HANDLE);
    MUST(CU(cuInit)(0));
    pthread_create(&thread, NULL, cancelled, NULL);
    pthread_join(thread, &result);
    MUST(REAL(cuCtxSetCurrent)(context));
    some_events(10);
    return result == PTHREAD_CANCELED ? 0 : 1;
}

/* delete FILE: takes its own trace away. */
static int delete_file(int argc, char **argv)
{
    begin();
    some_events(10);
    return argc > 1 && unlink(argv[1]) == 0 ? 0 : 1;
}

/* Started without standard error: a file of its own gets the number, and stays its own. */
static int own_stderr(int argc, char **argv)
{
    struct stat status;
    (void)argc, (void)argv;
    if (open("victim.own", O_RDWR | O_CREAT | O_TRUNC, 0600) != STDERR_FILENO)
        return 2;
    begin();
    some_events(10);
    return fstat(STDERR_FILENO, &status) == 0 && status.st_size == 0 ? 0 : 3;
}

/* A child that may do nothing but end, and does it with exit. */
static int sandbox(int argc, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog filter = {sizeof code / sizeof *code, code};
    (void)argc, (void)argv;
    begin();
    some_events(10);
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
            _exit(0); /* not allowed here */
        exit(0);
    }
    must_end_well(child);
    return 0;
}

/* denied NUMBER...: system calls that a container forbids; what was done meanwhile is told. */
static int denied(int argc, char **argv)
{
    enum { MOST = 20 };
    struct sock_filter code[2 * MOST + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short n = 1;
    for (int i = 1; i < argc && i <= MOST; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 (unsigned)atoi(argv[i]), 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog filter = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        puts("not allowed here");
    begin();
    some_events(2000);
    return 0;
}

/* The number of the recorder's thread, 0: there is none. */
static pid_t recorder_of(pid_t process)
{
    char path[64], name[32] = "";
    for (pid_t thread = process; thread < process + 100; thread++) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/comm", process, thread);
        FILE *comm = fopen(path, "re");
        bool is = comm && fgets(name, sizeof name, comm) && strcmp(name, "memtrace\n") == 0;
        if (comm)
            fclose(comm);
        if (is)
            return thread;
    }
    return 0;
}

/* Another process stops the recorder's thread, as a debugger does, and lets it stand. */
static int stopped(int argc, char **argv)
{
    int ready[2];
    char good = 0;
    (void)argc, (void)argv;
    begin();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (pipe(ready) < 0)
        return 2;
    pid_t victim = getpid();
    if (fork() == 0) {
        pid_t thread = recorder_of(victim);
        good = thread && ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 &&
               ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0;
        if (write(ready[1], &good, 1) != 1 || !good)
            _exit(0);
        while (waitpid(thread, NULL, __WALL) == thread) /* its stop, then its end */
            ;
        _exit(0);
    }
    if (read(ready[0], &good, 1) != 1 || !good)
        puts("not allowed here");
    some_events(2000);
    return 0;
}

const struct victim_command victim_life[] = {
    {"init-only", init_only},   {"plain", plain},           {"fork-children", fork_children},
    {"fork-before", fork_before}, {"fork-while", fork_while}, {"raw-clone", raw_clone},
    {"vfork-exec", vfork_exec}, {"exec-chain", exec_chain}, {"end", end},
    {"exit-thread", exit_thread}, {"late", late},           {"keep-errno", keep_errno},
    {"close-all", close_all},   {"chdir", change_folder},
    {"cancel", cancel},         {"profiled", profiled},
    {"delete", delete_file},    {"own-stderr", own_stderr}, {"sandbox", sandbox},
    {"denied", denied},         {"stopped", stopped},
    {NULL, NULL},
};
