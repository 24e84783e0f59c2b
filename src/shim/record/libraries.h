/* Which library a call comes from. */
#ifndef MT_LIBRARIES_H
#define MT_LIBRARIES_H

#include <stdbool.h>
#include <stdint.h>

/* The number of the text (record/texts.h) that names the file which `address` lies in; 0 where it
 * cannot be told. Takes no lock but for a library's first call. May record: not inside a record. */
uint64_t mt_library_of(const void *address);

/* Whether the file's name begins so; for what is rare. Takes no lock, records nothing. */
bool mt_is_library(const void *address, const char *begin);

#endif
