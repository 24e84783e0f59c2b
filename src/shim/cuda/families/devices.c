/* What the trace says of the driver and its devices. */
#include <stdio.h>

#include "shim/cuda/resolve.h"
#include "shim/process/facts.h"
#include "shim/record/nvml.h"

const uint64_t mt_api_of_nodes = MT_API_cuGraphLaunch;

void mt_facts_functions(struct mt_facts *facts)
{
    for (unsigned i = 0; i < mt_hooks_count; i++) {
        char key[24];
        snprintf(key, sizeof key, "api.%u", i);
        mt_facts_add(facts, key, "%s", mt_hooks[i].name);
    }
    for (unsigned i = 0; i < mt_other_nccl.count; i++) {
        char key[24];
        snprintf(key, sizeof key, "api.%u", MT_APIS + i);
        mt_facts_add(facts, key, "%s", mt_other_nccl.hooks[i].name);
    }
}

static void write_uuid(char *text, size_t size, const unsigned char uuid[16])
{
    snprintf(text, size, "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             uuid[0], uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8],
             uuid[9], uuid[10], uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
}

static void add_device(struct mt_facts *facts, int i)
{
    char key[48], name[256] = "";
    unsigned char uuid[16];
    size_t bytes;
    CUdevice device;
    if (mt_ask.cuDeviceGet(&device, i) != CUDA_SUCCESS)
        return;
    snprintf(key, sizeof key, "device.%d.name", i);
    if (mt_ask.cuDeviceGetName && mt_ask.cuDeviceGetName(name, sizeof name, device) == CUDA_SUCCESS)
        mt_facts_add(facts, key, "%s", name);
    snprintf(key, sizeof key, "device.%d.total_bytes", i);
    if (mt_ask.cuDeviceTotalMem_v2 && mt_ask.cuDeviceTotalMem_v2(&bytes, device) == CUDA_SUCCESS)
        mt_facts_add(facts, key, "%zu", bytes);
    if (mt_ask.cuDeviceGetUuid_v2 &&
        mt_ask.cuDeviceGetUuid_v2((CUuuid *)(void *)uuid, device) == CUDA_SUCCESS) {
        snprintf(key, sizeof key, "device.%d.uuid", i);
        write_uuid(name, sizeof name, uuid);
        mt_facts_add(facts, key, "%s", name);
        mt_nvml_device((unsigned)i, name);
    }
}

void mt_facts_devices(struct mt_facts *facts)
{
    int version, count;
    if (mt_ask.cuDriverGetVersion && mt_ask.cuDriverGetVersion(&version) == CUDA_SUCCESS)
        mt_facts_add(facts, "driver_version", "%d.%d", version / 1000, version % 1000 / 10);
    version = mt_runtime_version();
    if (version > 0)
        mt_facts_add(facts, "runtime_version", "%d.%d", version / 1000, version % 1000 / 10);
    if (!mt_ask.cuDeviceGetCount || !mt_ask.cuDeviceGet ||
        mt_ask.cuDeviceGetCount(&count) != CUDA_SUCCESS)
        return;
    for (int i = 0; i < count; i++)
        add_device(facts, i);
}
