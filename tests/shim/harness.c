#include "harness.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "foreign.h"

#define OUT "victim.stdout"
#define ERR "victim.stderr"
#define LEDGER "victim.ledger"

static const char *needed(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        ck_abort_msg("%s is not set: run this by meson test", name);
    return value;
}

static bool is_own(const char *name)
{
    return strncmp(name, "victim.", 7) == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void run_init(struct run *run)
{
    *run = (struct run){.pid = -1};
    strcpy(run->folder, "/tmp/mt-shim.XXXXXX");
    ck_assert_msg(mkdtemp(run->folder) != NULL, "mkdtemp: %s", strerror(errno));
    snprintf(run->ledger_path, sizeof run->ledger_path, "%s/" LEDGER, run->folder);
    int fd = open(run->ledger_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert(fd >= 0 && ftruncate(fd, (off_t)LEDGER_SIZE) == 0);
    close(fd);
}

static void redirect(int to, const char *name, int flags)
{
    int fd = open(name, flags | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(126);
}

static void set_environment(const struct run *run, const struct order *order)
{
    char output[128], libraries[8192];
    snprintf(output, sizeof output, "%s/%%p.mtrace", run->folder);
    if (!order->apart)
        setenv("MEMTRACE_OUTPUT", output, 1);
    setenv(LEDGER_VARIABLE, run->ledger_path, 1);
    snprintf(libraries, sizeof libraries, "%s:%s", needed("MT_SIM"), needed("MT_VICTIMS"));
    setenv("LD_LIBRARY_PATH", libraries, 1);
    for (const char *const *entry = order->environment; entry && *entry; entry++)
        putenv(strdup(*entry));
    const char *preload = order->preload ? order->preload : needed("MT_SHIM");
    if (*preload)
        setenv("LD_PRELOAD", preload, 1);
}

static void become_victim(const struct run *run, const struct order *order)
{
    char path[4096];
    const char *name = order->arguments[0];
    if (chdir(run->folder) < 0)
        _exit(126);
    redirect(0, "/dev/null", O_RDONLY);
    redirect(1, OUT, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(2, ERR, O_WRONLY | O_CREAT | O_TRUNC);
    snprintf(path, sizeof path, "%s/%s", needed("MT_VICTIMS"), name);
    set_environment(run, order);
    if (order->prepare)
        order->prepare();
    /* Not const in the interface of exec, and not changed by it. */
    char **arguments = (char **)(uintptr_t)order->arguments;
    if (!strchr(name, '/')) {
        foreign_exec(path, order->arguments);
        execv(path, arguments);
    }
    execvp(name, arguments);
    _exit(127);
}

void run_start(struct run *run, const struct order *order)
{
    run->pid = fork();
    ck_assert(run->pid >= 0);
    if (run->pid == 0)
        become_victim(run, order);
}

static bool reap(struct run *run, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 1000; i++) {
        if (waitpid(run->pid, &run->status, WNOHANG) == run->pid)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kill(run->pid, SIGKILL);
    waitpid(run->pid, &run->status, 0);
    return false;
}

char *read_text(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    FILE *to = open_memstream(&text, &size);
    for (int c; file && (c = getc(file)) != EOF;)
        putc(c, to);
    fclose(to);
    if (file)
        fclose(file);
    return text;
}

static char *folder_text(const struct run *run, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", run->folder, name);
    return read_text(path);
}

static int is_trace(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 7 && strcmp(entry->d_name + length - 7, ".mtrace") == 0;
}

static void find_traces(struct run *run)
{
    struct dirent **entries;
    int n = scandir(run->folder, &entries, is_trace, alphasort);
    ck_assert_int_ge(n, 0);
    ck_assert_int_le(n, RUN_TRACES);
    for (int i = 0; i < n; i++) {
        ck_assert(asprintf(&run->trace[i], "%s/%s", run->folder, entries[i]->d_name) > 0);
        free(entries[i]);
    }
    run->traces = (unsigned)n;
    free(entries);
}

void run_wait(struct run *run, const struct order *order)
{
    bool ended = reap(run, order->seconds ? order->seconds : 60);
    run->out = folder_text(run, OUT);
    run->err = folder_text(run, ERR);
    foreign_quiet(run->err);
    run->ledger = ledger_map(run->ledger_path);
    if (!ended)
        ck_abort_msg("%s still ran; stdout: %s; stderr: %s", order->arguments[0], run->out,
                     run->err);
    find_traces(run);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

void run_free(struct run *run)
{
    for (unsigned i = 0; i < run->traces; i++)
        free(run->trace[i]);
    free(run->out);
    free(run->err);
    nftw(run->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    run->traces = 0;
}

struct run run_order(const struct order *order)
{
    struct run run;
    run_init(&run);
    run_start(&run, order);
    run_wait(&run, order);
    return run;
}

struct run run_clean(const char *const *environment, const char *const *arguments)
{
    struct run run =
        run_order(&(struct order){.environment = environment, .arguments = arguments});
    run_must_succeed(&run);
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(run.traces, 1);
    return run;
}

bool run_exited(const struct run *run, int code)
{
    return WIFEXITED(run->status) && WEXITSTATUS(run->status) == code;
}

bool run_died(const struct run *run, int signal)
{
    return WIFSIGNALED(run->status) && WTERMSIG(run->status) == signal;
}

void run_must_succeed(const struct run *run)
{
    if (!run_exited(run, 0))
        ck_abort_msg("wait status %#x; stdout: %s; stderr: %s", run->status, run->out, run->err);
}

bool run_has(const struct run *run, const char *name)
{
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", run->folder, name);
    return lstat(path, &status) == 0;
}

unsigned run_files(const struct run *run, const char *ending)
{
    DIR *folder = opendir(run->folder);
    unsigned n = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        n += !is_own(entry->d_name) && length >= tail &&
             strcmp(entry->d_name + length - tail, ending) == 0;
    }
    closedir(folder);
    return n;
}
