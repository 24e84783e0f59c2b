/* A stand-in for libnvidia-ml.so.1: what the processes of its list take on each device.
 *
 *   SIMNVML_PROCESSES   "pid:MiB,pid:MiB..."; self is this process, elsewhere is its number outside
 *                       a container (one that means nothing here); unset: self:700
 *   SIMNVML_KIND        GPU or MIG: the first word of the names of devices; unset: GPU
 *   SIMNVML_GONE        number of the question from which on this process is not listed any more
 *   SIMNVML_GROWTH      MiB by which the first grows from question to question */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define MIB (1ull << 20)

struct memory {
    unsigned long long total, free, used;
};
struct process {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
};

enum { SUCCESS = 0, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

static const char *setting(const char *name, const char *standard)
{
    const char *value = getenv(name);
    return value ? value : standard;
}

static unsigned pid_of(const char *word)
{
    return strncmp(word, "self", 4) == 0        ? (unsigned)getpid()
           : strncmp(word, "elsewhere", 9) == 0 ? 4000000000u
                                                : (unsigned)atoi(word);
}

static unsigned list(struct process *process, unsigned room)
{
    static unsigned long long grown, questions;
    unsigned long long gone = strtoull(setting("SIMNVML_GONE", "0"), NULL, 10);
    bool here = !gone || ++questions < gone;
    const char *at = setting("SIMNVML_PROCESSES", "self:700");
    unsigned n = 0;
    while (*at) {
        const char *colon = strchr(at, ':');
        bool listed = here || strncmp(at, "self", 4) != 0;
        if (!colon)
            break;
        if (listed && n < room)
            process[n] = (struct process){pid_of(at), strtoull(colon + 1, NULL, 10) * MIB, 0, 0};
        n += listed;
        at = colon + strcspn(colon, ",");
        at += *at == ',';
    }
    if (n && room) {
        process[0].used += grown;
        grown += strtoull(setting("SIMNVML_GROWTH", "0"), NULL, 10) * MIB;
    }
    return n;
}

PUBLIC int nvmlInit_v2(void);
PUBLIC int nvmlDeviceGetHandleByUUID(const char *uuid, void **device);
PUBLIC int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory);
PUBLIC int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count,
                                                   struct process *process);

int nvmlInit_v2(void)
{
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    static char devices[16];
    if (strncmp(uuid, setting("SIMNVML_KIND", "GPU"), 3) != 0 || uuid[3] != '-')
        return NOT_FOUND;
    *device = &devices[strtoul(uuid + strlen(uuid) - 1, NULL, 16) % 16];
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory)
{
    (void)device;
    *memory = (struct memory){16384 * MIB, 15384 * MIB, 1000 * MIB};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, struct process *process)
{
    unsigned room = *count;
    (void)device;
    *count = list(process, room);
    return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}
