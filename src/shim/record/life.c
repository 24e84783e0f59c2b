#include "shim/record/life.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/folders.h"
#include "format/layout.h"
#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"
#include "shim/guest/mfile.h"
#include "shim/guest/shimlog.h"
#include "shim/process/path.h"
#include "shim/record/drain.h"

#define CLOCK_SPAN_NS 4000000 /* least distance of the clock's two pairs */
#define TRIES 99              /* names tried where a file exists: NAME, NAME-2, ... */
#define VARIANTS 64           /* unknown variants kept until there is a ring */

struct mt_switches mt_switches MT_HOT_DATA;
_Atomic uint32_t mt_life_epoch MT_HOT_DATA;
_Atomic uint64_t mt_life_devices;

static _Atomic uint32_t idle_page;
_Atomic uint32_t *mt_recording MT_HOT_DATA = &idle_page;

static struct {
    pthread_mutex_t lock;        /* start, end, late events */
    bool inert;                  /* the program runs with more rights than its caller */
    pid_t pid;                   /* of the process that began recording; 0: none yet */
    struct mt_clock_pair loaded; /* the clock at load time */
    struct mt_mfile file;
    pthread_mutex_t variants_lock;
    _Atomic uint32_t variants;
    struct {
        char name[64];
        int version;
    } variant[VARIANTS];
} life = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .file = {.fd = -1},
          .variants_lock = PTHREAD_MUTEX_INITIALIZER};

static void set_state(enum mt_recording state)
{
    atomic_store(mt_recording, (uint32_t)state);
}

/* ---- variants ---- */

static void put_variant(const char *name, int version)
{
    uint64_t field = version > 0 ? (uint64_t)version : 0;
    mt_ring_put(MT_variant, mt_clock_ticks(), &field, name, strlen(name));
}

void mt_life_variant(const char *name, int version)
{
    if (mt_may_record()) {
        put_variant(name, version);
        return;
    }
    struct mt_guard guard = mt_lock(&life.variants_lock);
    uint32_t n = atomic_load(&life.variants);
    if (n < VARIANTS) {
        snprintf(life.variant[n].name, sizeof life.variant[n].name, "%s", name);
        life.variant[n].version = version;
        atomic_store(&life.variants, n + 1);
    }
    mt_unlock(&life.variants_lock, &guard);
}

static void tell_variants(void)
{
    uint32_t n = atomic_exchange(&life.variants, 0);
    for (uint32_t i = 0; i < n && i < VARIANTS; i++)
        put_variant(life.variant[i].name, life.variant[i].version);
}

/* ---- start ---- */

static struct mt_file_header file_header(uint64_t trace_id)
{
    struct mt_file_header header = {
        .magic = MT_FILE_MAGIC,
        .version_major = MT_VERSION_MAJOR,
        .version_minor = MT_VERSION_MINOR,
        .size = sizeof header,
        .trace_id = trace_id,
        .pid = (uint32_t)getpid(),
        .time_shift = (uint8_t)mt_config.TIME_SHIFT,
    };
    uint64_t age = mt_clock_raw_ns() - life.loaded.ns;
    header.start_realtime_ns = mt_clock_realtime_ns() - age;
    header.start_monotonic_ns = mt_clock_monotonic_ns() - age;
    header.crc = mt_crc32(&header, offsetof(struct mt_file_header, crc));
    return header;
}

static void ring_path(char *path, const char *trace)
{
    strcpy(path, trace);
    strcat(path, MT_RINGFILE_SUFFIX);
}

/* A ring file without its trace takes the name as well: events of ours would not outlive a kill. */
static bool is_taken(const char *trace)
{
    static char path[sizeof life.file.path + sizeof MT_RINGFILE_SUFFIX];
    struct stat status;
    ring_path(path, trace);
    return !mt_config.FORCE && lstat(path, &status) == 0;
}

/* Folders are made only where they are missed: placeholders may stand in their names. */
static int create_at(char *path)
{
    int error = mt_mfile_create(&life.file, path, mt_config.FORCE);
    if (error != -ENOENT)
        return error;
    error = mt_folders_make_for(path);
    return error < 0 ? error : mt_mfile_create(&life.file, path, mt_config.FORCE);
}

/* NULL, or what is wrong. */
static const char *create_file(void)
{
    static char path[sizeof life.file.path]; /* the thread's stack may be small */
    int error = -EEXIST;
    for (int n = 1; n <= TRIES && error == -EEXIST; n++) {
        /* Room for the suffix of the ring file, which lies beside. */
        const char *wrong =
            mt_path_expand(path, sizeof path - sizeof MT_RINGFILE_SUFFIX, mt_config.OUTPUT, n);
        if (wrong)
            return wrong;
        error = is_taken(path) ? -EEXIST : create_at(path);
    }
    return error < 0 ? strerrordesc_np(-error) : NULL;
}

static void open_rings(const struct mt_file_header *header, const struct mt_clock_pair pair[2])
{
    struct mt_ringfile_header ring_header = {.magic = MT_RINGFILE_MAGIC,
                                             .trace_id = header->trace_id,
                                             .pair = {pair[0], pair[1]},
                                             .capacity = (uint32_t)mt_config.RING_KIB << 10,
                                             .time_shift = header->time_shift};
    static char path[sizeof life.file.path + sizeof MT_RINGFILE_SUFFIX];
    ring_path(path, life.file.path);
    if (mt_config.FORCE)
        unlink(path);
    mt_rings_open(path, &ring_header);
}

static void second_pair(struct mt_clock_pair pair[2])
{
    pair[0] = life.loaded;
    while (mt_clock_raw_ns() - pair[0].ns < CLOCK_SPAN_NS)
        ;
    pair[1] = mt_clock_sample();
}

static uint64_t random_id(void)
{
    uint64_t id;
    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id)
        id = mt_clock_realtime_ns() ^ (uint64_t)getpid() << 48;
    return id;
}

static int begin(void)
{
    struct mt_clock_pair pair[2];
    const char *wrong = create_file();
    if (wrong) {
        mt_shim_say("cannot create a trace for MEMTRACE_OUTPUT=%s: %s; this process is not "
                    "recorded; name a file in a folder that can be written",
                    mt_config.OUTPUT, wrong);
        return -EINVAL;
    }
    second_pair(pair);
    struct mt_file_header header = file_header(random_id());
    open_rings(&header, pair);
    int error = mt_drain_start(&life.file, &header, pair, (int)mt_config.ZSTD_LEVEL);
    if (error < 0) {
        mt_shim_say("cannot record into %s: %s; this process is not recorded%s", life.file.path,
                    strerrordesc_np(-error),
                    error == -ENOMEM || error == -EAGAIN
                        ? "; allow it more address space and threads (ulimit -v, ulimit -u)"
                        : "");
        mt_rings_close(true);
        mt_mfile_remove(&life.file);
        mt_mfile_close(&life.file);
    }
    return error;
}

/* A forked child that uses CUDA itself: nothing of the parent's recording is its own. */
static void forget_parent(void)
{
    mt_rings_close(false);
    mt_drain_forget();
    atomic_store(&mt_life_devices, 0);
    mt_mfile_close(&life.file);
    life.pid = 0;
}

/* Hooks look at them once the state says that they record. */
static void set_switches(void)
{
    mt_switches = (struct mt_switches){
#define TEXT(name, ...)
#define NUMBER(name, ...)
#define SWITCH(name, ...) .name = mt_config.name,
#define CHOICE(name, ...)
#include "shim/process/config.def"
    };
}

static void start(void)
{
    char why[256];
    if (life.inert)
        return;
    if (life.pid != 0 && life.pid != getpid())
        forget_parent();
    if (atomic_load(mt_recording) != MT_IDLE)
        return;
    life.pid = getpid();
    atomic_fetch_add(&mt_life_epoch, 1);
    bool valid = mt_config_read(&mt_config, why, sizeof why);
    if (!valid)
        mt_shim_say("%s; this process is not recorded", why);
    set_switches();
    if (valid && mt_config.ENABLE)
        mt_stacks_begin();
    mt_kernels_begin();
    bool begun = valid && mt_config.ENABLE && begin() == 0;
    if (begun)
        mt_signal_begin();
    set_state(!begun ? MT_OFF : mt_window_begin() ? MT_PAUSED : MT_RECORDING);
}

bool mt_life_wake(void)
{
    uint32_t state = atomic_load_explicit(mt_recording, memory_order_relaxed);
    if (state == MT_OFF)
        return false;
    /* A signal handler may come here while its own thread starts: it must not wait for the lock. */
    if (state == MT_IDLE && mt_writer.busy)
        atomic_fetch_add(&mt_events_dropped, 1);
    else if (state == MT_IDLE) {
        int saved = errno, cancel = mt_cancel_off();
        /* What comes meanwhile is handled at the end of the guard, and may jump out. */
        struct mt_guard guard = mt_guard_begin();
        mt_writer.busy = 1;
        pthread_mutex_lock(&life.lock);
        start();
        pthread_mutex_unlock(&life.lock);
        mt_writer.busy = 0;
        mt_guard_end(&guard);
        if (mt_may_record())
            tell_variants();
        mt_cancel_as(cancel);
        errno = saved;
    }
    return mt_may_record();
}

/* ---- end ---- */

/* From here on who has recorded an event sees MT_LATE and writes it, or has published it before and
 * it is written below. Threads look at the state without a fence after they publish; the system
 * call fences them all. */
static void become_late(void)
{
    set_state(mt_is_paused() ? MT_OFF : MT_LATE);
    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/* With its folder, perhaps: everything was written, and nobody will find it. */
static void tell_if_deleted(void)
{
    struct stat status;
    int fd = mt_mfile_check(&life.file);
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink == 0)
        mt_shim_say("%s was deleted while it was being recorded: the trace is lost; name a folder "
                    "that outlives the job",
                    life.file.path);
}

/* Runs with the exit handlers. In a child of the recording process there is nothing to end. */
__attribute__((destructor)) static void end(void)
{
    /* Where nothing is recorded no system call is made: a sandboxed child may be killed for one. */
    if ((!mt_is_recording() && !mt_is_paused()) || life.pid != getpid())
        return;
    int saved = errno, cancel = mt_cancel_off();
    bool done = mt_drain_stop();
    if (done) {
        become_late();
        done = mt_drain_all();
    }
    if (done) {
        tell_if_deleted();
        mt_rings_close(true);
    } else {
        set_state(MT_OFF); /* the ring file stays for the reader */
        mt_drain_give_up();
    }
    mt_drain_say_losses(*mt_config.SESSION);
    mt_cancel_as(cancel);
    errno = saved;
}

void mt_life_late(void)
{
    int saved = errno, cancel = mt_cancel_off();
    if (atomic_load(mt_recording) == MT_LATE)
        mt_drain_all();
    mt_cancel_as(cancel);
    errno = saved;
}

/* ---- load ---- */

/* The page with the state is wiped to MT_IDLE in every child, even one made by a raw clone. Where
 * the kernel cannot do that, pthread_atfork serves for fork(2). */
static void child_of_fork(void)
{
    /* Another thread may have held them; it does not exist here. */
    pthread_mutex_init(&life.lock, NULL);
    pthread_mutex_init(&life.variants_lock, NULL);
    set_state(MT_IDLE);
    mt_window_forget();
    memset(&mt_writer, 0, sizeof mt_writer);
}

static void make_page(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    madvise(page, 4096, MADV_WIPEONFORK);
    mt_recording = page;
}

__attribute__((constructor)) static void load(void)
{
    int saved = errno;
    life.inert = !mt_is_glibc();
    if (life.inert)
        return;
    make_page();
    mt_shim_remember_stderr();
    life.inert = getauxval(AT_SECURE) != 0;
    mt_clock_init();
    life.loaded = mt_clock_sample();
    mt_in_forked_child(child_of_fork);
    errno = saved;
}
