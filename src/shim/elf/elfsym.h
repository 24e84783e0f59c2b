/* Symbols of a loaded library that dlsym cannot reach: Python loads libc10 with RTLD_LOCAL, where
 * RTLD_NEXT finds nothing. */
#ifndef MT_ELFSYM_H
#define MT_ELFSYM_H

#include <link.h>

/* The address of a defined, exported symbol in the library of `info`, by its GNU hash table; NULL
 * if it has none of that name. Reads only memory of the library. */
void *mt_elfsym_find(const struct dl_phdr_info *info, const char *name);

/* A symbol of another library than that which defines it at `own`: what is first found, whatever
 * the order of libraries. For where dlsym is not to be had. */
void *mt_elfsym_other(const char *name, const void *own);

#endif
