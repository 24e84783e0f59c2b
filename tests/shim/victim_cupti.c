/* A stand-in for libcupti.so: begins as the real one does, by asking the driver for inner
 * functions. */
#include <dlfcn.h>
#include <stddef.h>

__attribute__((visibility("default"))) int cuptiActivityEnable(int kind);
int cuptiActivityEnable(int kind)
{
    static const char zeros[16];
    const void *table = NULL;
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    int (*ask)(const void **, const void *) =
        driver ? (__typeof__(ask))dlsym(driver, "cuGetExportTable") : NULL;
    (void)kind;
    return ask && ask(&table, zeros) == 0 ? 0 : 1;
}
