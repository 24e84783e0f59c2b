/* NVML counts processes by their numbers outside of any container; inside one our own number is
 * another one. Where it is not listed, the only process on a device that we use must be we; where
 * there are more, or none is shown, only the device's sum is known, and the event says so. */
#include "shim/record/nvml.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim/record/life.h"

#define DEVICES 64u
#define PROCESSES 256u
#define SUCCESS 0

struct memory {
    unsigned long long total, free, used;
};

struct process {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
};

typedef struct nvml_device *device_handle;

static struct {
    bool tried, ready;
    uint64_t next_ns;
    unsigned devices;
    struct {
        char uuid[48];
        device_handle handle; /* NULL: not known to NVML */
        bool used;            /* this process has memory there */
        bool listed;          /* it was listed there by its number */
    } device[DEVICES];
    int (*init)(void);
    int (*by_uuid)(const char *uuid, device_handle *device);
    int (*memory)(device_handle device, struct memory *memory);
    int (*processes)(device_handle device, unsigned *count, struct process *list);
} nvml;

void mt_nvml_device(unsigned ordinal, const char *uuid)
{
    if (ordinal >= DEVICES)
        return;
    snprintf(nvml.device[ordinal].uuid, sizeof nvml.device[ordinal].uuid, "%s", uuid);
    nvml.devices = ordinal >= nvml.devices ? ordinal + 1 : nvml.devices;
}

/* The second call frees what the linker keeps of an error: it belongs to this thread, where a leak
 * checker of the job does not look. */
static bool failed(void)
{
    dlerror();
    dlerror();
    return false;
}

static bool load(void)
{
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return failed();
    nvml.init = (__typeof__(nvml.init))dlsym(library, "nvmlInit_v2");
    nvml.by_uuid = (__typeof__(nvml.by_uuid))dlsym(library, "nvmlDeviceGetHandleByUUID");
    nvml.memory = (__typeof__(nvml.memory))dlsym(library, "nvmlDeviceGetMemoryInfo");
    nvml.processes =
        (__typeof__(nvml.processes))dlsym(library, "nvmlDeviceGetComputeRunningProcesses_v3");
    if (!nvml.processes) /* of drivers before 510; the same structure */
        nvml.processes =
            (__typeof__(nvml.processes))dlsym(library, "nvmlDeviceGetComputeRunningProcesses_v2");
    failed();
    return nvml.init && nvml.by_uuid && nvml.memory && nvml.processes && nvml.init() == SUCCESS;
}

/* CUDA tells of a slice of a device (MIG) as of a device; NVML calls it by another first word. */
static device_handle find(char *uuid)
{
    device_handle handle = NULL;
    if (nvml.by_uuid(uuid, &handle) == SUCCESS)
        return handle;
    memcpy(uuid, "MIG", 3);
    return nvml.by_uuid(uuid, &handle) == SUCCESS ? handle : NULL;
}

static bool is_ready(void)
{
    if (nvml.tried)
        return nvml.ready;
    nvml.tried = true;
    nvml.ready = load();
    for (unsigned i = 0; nvml.ready && i < nvml.devices; i++)
        nvml.device[i].handle = find(nvml.device[i].uuid);
    return nvml.ready;
}

/* Bytes of this process, and how that is known: MT_USAGE_*. */
static uint64_t process_bytes(unsigned ordinal, uint64_t *how)
{
    static struct process list[PROCESSES]; /* of the drain thread alone */
    unsigned count = PROCESSES;
    const struct process *own = NULL;
    *how = MT_USAGE_DEVICE;
    if (nvml.processes(nvml.device[ordinal].handle, &count, list) != SUCCESS || count > PROCESSES)
        return 0;
    for (unsigned i = 0; i < count; i++)
        if (list[i].pid == (unsigned)getpid())
            own = &list[i];
    bool known = nvml.device[ordinal].listed |= own != NULL;
    *how = known ? MT_USAGE_PROCESS : MT_USAGE_ALONE;
    if (known && !own)
        return 0; /* its contexts are gone, and with them all it had */
    if (!own && count == 1)
        own = list;
    if (!own || own->used == ~0ull) { /* the driver does not tell */
        *how = MT_USAGE_DEVICE;
        return 0;
    }
    return own->used;
}

static bool sample_device(unsigned ordinal, uint64_t field[5])
{
    struct memory memory;
    field[0] = ordinal;
    if (!nvml.device[ordinal].handle ||
        nvml.memory(nvml.device[ordinal].handle, &memory) != SUCCESS)
        return false;
    field[1] = process_bytes(ordinal, &field[4]);
    field[2] = memory.used;
    field[3] = memory.total;
    return true;
}

/* A device counts once the recorder saw memory on it: others' processes may fill the rest. */
static void sample_all(void)
{
    for (unsigned i = 0; i < nvml.devices && !mt_is_paused(); i++) {
        uint64_t field[5];
        nvml.device[i].used |= mt_life_uses_device(i);
        if (nvml.device[i].used && sample_device(i, field) && mt_may_record())
            mt_ring_put(MT_usage, mt_clock_ticks(), field, NULL, 0);
    }
}

void mt_nvml_sample(long ms)
{
    uint64_t now = mt_clock_monotonic_ns();
    if (ms == 0 || now < nvml.next_ns || !is_ready())
        return;
    nvml.next_ns = now + (uint64_t)ms * 1000000;
    sample_all();
}

void mt_nvml_soon(void)
{
    nvml.next_ns = 0;
}

void mt_nvml_last(void)
{
    if (nvml.ready)
        sample_all();
}

/* What the parent loaded and began is not the child's. */
void mt_nvml_forget(void)
{
    memset(&nvml, 0, sizeof nvml);
}
