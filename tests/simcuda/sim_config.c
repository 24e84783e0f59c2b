/* Reading SIMCUDA_*. A value that is not a number is an error worth stopping for: a test that runs
 * on other settings than it asked for proves nothing. */
#include "sim_config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simcuda.h"

struct sim_config sim_config_now;

/* Another where the library stands for an older driver (driver-12.2/). */
extern int sim_driver_version_default;
__attribute__((weak)) int sim_driver_version_default = 13000;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void refuse(const char *name, const char *text)
{
    fprintf(stderr, "simcuda: %s=%s is not a number in range\n", name, text);
    abort();
}

static unsigned long long number(const char *name, unsigned long long otherwise,
                                 unsigned long long most)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return otherwise;
    char *end;
    unsigned long long value = strtoull(text, &end, 0);
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        long shift = 10 * (unit - units + 1);
        if (value > most >> shift)
            refuse(name, text);
        value <<= shift;
        end++;
    }
    if (end == text || *text == '-' || *end != '\0' || value > most)
        refuse(name, text);
    return value;
}

static void read_environment(void)
{
    sim_config_now.devices = (int)number("SIMCUDA_DEVICES", 1, 16);
    sim_config_now.memory = number("SIMCUDA_MEMORY", 16ULL << 30, 192ULL << 30);
    sim_config_now.driver_version =
        (int)number("SIMCUDA_DRIVER_VERSION", (unsigned)sim_driver_version_default, 99990);
    sim_config_now.compute = (int)number("SIMCUDA_COMPUTE", 90, 999);
    sim_config_now.oom_at = number("SIMCUDA_OOM_AT", 0, ~0UL);
    sim_config_now.free_fail_at = number("SIMCUDA_FREE_FAIL_AT", 0, ~0UL);
    sim_config_now.unknown_from = (int)number("SIMCUDA_UNKNOWN_FROM", 0, 99990);
    sim_config_now.launch_ns = number("SIMCUDA_LAUNCH_NS", 0, 1000000000);
    sim_config_now.alloc_ns = number("SIMCUDA_ALLOC_NS", 0, 1000000000);
    sim_config_now.free_ns = number("SIMCUDA_FREE_NS", 0, 999999999);
    sim_config_now.context_ns = number("SIMCUDA_CONTEXT_NS", 0, 999999999);
    sim_config_now.handle_reuse = number("SIMCUDA_HANDLE_REUSE", 1, 1) != 0;
    const char *counts = getenv("SIMCUDA_COUNTS");
    snprintf(sim_config_now.counts, sizeof(sim_config_now.counts), "%s", counts ? counts : "");
}

struct sim_config *sim_config(void)
{
    pthread_once(&once, read_environment);
    return &sim_config_now;
}

static FILE *open_counts(void)
{
    char path[sizeof(sim_config_now.counts) + 16];
    const char *mark = strstr(sim_config_now.counts, "%p");
    if (mark == NULL)
        return fopen(sim_config_now.counts, "w");
    snprintf(path, sizeof(path), "%.*s%d%s", (int)(mark - sim_config_now.counts),
             sim_config_now.counts, (int)getpid(), mark + 2);
    return fopen(path, "w");
}

__attribute__((destructor)) static void write_counts(void)
{
    FILE *out = sim_config()->counts[0] ? open_counts() : NULL;
    if (out) {
        simcuda_write_counters(out);
        fclose(out);
    }
}
