/* What the trace says of its process: pairs of key and value for META chunks. Never the
 * environment. docs/memtrace-trace.5.md lists the keys. */
#ifndef MT_FACTS_H
#define MT_FACTS_H

#include <stddef.h>
#include <stdint.h>

struct mt_facts {
    char *text; /* key NUL value NUL ... */
    size_t size, capacity;
};

/* Append a pair; what does not fit is left out. */
void mt_facts_add(struct mt_facts *facts, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is known at once: command, host, rank, versions, settings, functions. */
void mt_facts_process(struct mt_facts *facts);

/* The modules loaded by now. Only from the drain thread or at exit: takes the dynamic linker's
 * lock. */
void mt_facts_modules(struct mt_facts *facts);

/* What only the hooks know; shim/cuda/families/devices.c has these two. The names of the functions
 * that API fields number; and the devices, for which the driver is asked (only from the drain
 * thread). */
void mt_facts_functions(struct mt_facts *facts);
void mt_facts_devices(struct mt_facts *facts);

/* What the API field of a graph's nodes says; shim/cuda/families/devices.c has it. */
extern const uint64_t mt_api_of_nodes;

/* What came of stacks; shim/stack/stack.c has it. */
void mt_facts_stacks(struct mt_facts *facts);

#endif
