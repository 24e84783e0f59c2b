/* cuGetProcAddress: base name and version to the export that a program built for that version
 * calls. */
#include <string.h>

#include "sim_config.h"
#include "sim_core.h"
#include "simcuda.h"

struct row {
    const char *base;
    int version;
    void *pfn;
    int per_thread_version; /* 0: there is no per-thread variant */
    void *per_thread;
};

static const struct row rows[] = {
#define FN(base, version, name) {#base, version, name, 0, NULL},
#define PT(base, version, name, suffix, pt) {#base, version, name, pt, name##suffix},
#include "sim_functions.def"
#undef FN
#undef PT
};

CUresult cuMemAlloc_v3(CUdeviceptr *dptr, size_t bytesize);

void simcuda_unknown_from(int version)
{
    sim_config()->unknown_from = version;
}

static bool unknown_due(const char *symbol, int version)
{
    int from = sim_config()->unknown_from;
    return from && version >= from && strcmp(symbol, "cuMemAlloc") == 0;
}

/* The newest variant that both program and driver know. */
static const struct row *find(const char *symbol, int version, bool *known)
{
    const struct row *best = NULL;
    int driver = sim_config()->driver_version;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].base, symbol) != 0 || rows[i].version > driver)
            continue;
        *known = true;
        if (rows[i].version <= version)
            best = &rows[i];
    }
    return best;
}

static CUresult look_up(const char *symbol, void **pfn, int version, cuuint64_t flags,
                        CUdriverProcAddressQueryResult *status)
{
    SIM_REQUIRE(symbol && pfn, CUDA_ERROR_INVALID_VALUE);
    *pfn = NULL;
    SIM_REQUIRE(flags <= 2 && version <= sim_config()->driver_version, CUDA_ERROR_INVALID_VALUE);
    bool known = false;
    const struct row *row = find(symbol, version, &known);
    *status = row     ? CU_GET_PROC_ADDRESS_SUCCESS
              : known ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                      : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    if (row && unknown_due(symbol, version))
        *pfn = cuMemAlloc_v3;
    else if (row)
        *pfn = flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM && row->per_thread &&
                       row->per_thread_version <= version
                   ? row->per_thread
                   : row->pfn;
    return CUDA_SUCCESS;
}

/* The first ABI says in its result what the second says in the status. */
CUresult cuGetProcAddress(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags)
{
    SIM_ENTER(cuGetProcAddress);
    CUdriverProcAddressQueryResult status;
    CUresult result = look_up(symbol, pfn, cudaVersion, flags, &status);
    SIM_REQUIRE(result == CUDA_SUCCESS, result);
    return *pfn ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags,
                             CUdriverProcAddressQueryResult *symbolStatus)
{
    SIM_ENTER(cuGetProcAddress_v2);
    CUdriverProcAddressQueryResult ignored;
    return look_up(symbol, pfn, cudaVersion, flags, symbolStatus ? symbolStatus : &ignored);
}

/* One table, which holds nothing but its size. */
CUresult cuGetExportTable(const void **table, const CUuuid *id)
{
    static const CUuuid zeros;
    static const size_t empty = sizeof empty;
    SIM_ENTER(cuGetExportTable);
    SIM_REQUIRE(table && id, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(memcmp(id, &zeros, sizeof zeros) == 0, CUDA_ERROR_NOT_FOUND);
    *table = &empty;
    return CUDA_SUCCESS;
}
