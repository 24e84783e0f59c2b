/* What the trace says of its process: pairs of key and value for META chunks. Never the environment.
 * docs/memtrace-trace.5.md lists the keys. */
#ifndef MT_FACTS_H
#define MT_FACTS_H

#include <stddef.h>

struct mt_facts {
    char *text; /* key NUL value NUL ... */
    size_t size, capacity;
};

/* Append a pair; what does not fit is left out. */
void mt_facts_add(struct mt_facts *facts, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is known at once: command, host, rank, versions, the names of the driver's functions. */
void mt_facts_process(struct mt_facts *facts);

/* What needs the driver, and the modules loaded by now. Only from the drain thread or at exit: it asks
 * the driver and the dynamic linker. */
void mt_facts_devices(struct mt_facts *facts);
void mt_facts_modules(struct mt_facts *facts);

#endif
