/* libvictim-nvtx.so: a library with a copy of NVTX in it, as far as attaching a tool goes: it looks
 * for one at its first call, in the places and the order of NVTX's own header, and then calls
 * through its table. */
#include "victim_nvtx.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

typedef void function(void);
typedef const void *get_export_table(uint32_t id);
typedef int initialize(get_export_table *get);

static function *core[17], *core2[17];
static function **core_table[17], **core2_table[17];

static int get_table(int module, function ***table[], unsigned *size)
{
    *table = module == 1 ? core_table : module == 5 ? core2_table : NULL;
    *size = module == 1 ? 16 : 16;
    return *table != NULL;
}

static const void *export_table(uint32_t id)
{
    static const struct {
        size_t struct_size;
        int (*get_table)(int module, function ***table[], unsigned *size);
    } callbacks = {sizeof callbacks, get_table};
    return id == 1 ? &callbacks : NULL;
}

static bool attach(void)
{
    const char *path = getenv("NVTX_INJECTION64_PATH");
    void *library = path ? dlopen(path, RTLD_LAZY) : NULL;
    initialize *found = library ? (initialize *)dlsym(library, "InitializeInjectionNvtx2") : NULL;
    for (int i = 1; i < 17; i++) {
        core_table[i] = &core[i];
        core2_table[i] = &core2[i];
    }
    return found && found(export_table) == 1;
}

__attribute__((visibility("default"))) bool nvtx_attached(void)
{
    static int attached = -1;
    return attached < 0 ? (attached = attach()) : attached;
}

#define THROUGH(result, name, table, number, parameters, arguments)                                \
    __attribute__((visibility("default"))) result name parameters                                  \
    {                                                                                              \
        return nvtx_attached() && table[number] ? ((result(*) parameters)table[number])arguments   \
                                                : (result)0;                                       \
    }
#define THROUGH_VOID(name, table, number, parameters, arguments)                                   \
    __attribute__((visibility("default"))) void name parameters                                    \
    {                                                                                              \
        if (nvtx_attached() && table[number])                                                      \
            ((void(*) parameters)table[number]) arguments;                                         \
    }
THROUGH_VOID(nvtx_mark_ex, core, 1, (const struct nvtx_attributes *a), (a))
THROUGH_VOID(nvtx_mark_a, core, 2, (const char *text), (text))
THROUGH_VOID(nvtx_mark_w, core, 3, (const wchar_t *text), (text))
THROUGH(uint64_t, nvtx_start_a, core, 5, (const char *text), (text))
THROUGH_VOID(nvtx_end, core, 7, (uint64_t id), (id))
THROUGH(int, nvtx_push_a, core, 9, (const char *text), (text))
THROUGH(int, nvtx_push_w, core, 10, (const wchar_t *text), (text))
THROUGH(int, nvtx_pop, core, 11, (void), ())
THROUGH_VOID(nvtx_domain_mark_ex, core2, 1, (void *domain, const struct nvtx_attributes *a),
             (domain, a))
THROUGH(uint64_t, nvtx_domain_start_ex, core2, 2, (void *domain, const struct nvtx_attributes *a),
        (domain, a))
THROUGH_VOID(nvtx_domain_end, core2, 3, (void *domain, uint64_t id), (domain, id))
THROUGH(int, nvtx_domain_push_ex, core2, 4, (void *domain, const struct nvtx_attributes *a),
        (domain, a))
THROUGH(int, nvtx_domain_pop, core2, 5, (void *domain), (domain))
THROUGH(void *, nvtx_register_a, core2, 10, (void *domain, const char *text), (domain, text))
THROUGH(void *, nvtx_create_a, core2, 12, (const char *text), (text))
THROUGH(void *, nvtx_create_w, core2, 13, (const wchar_t *text), (text))
