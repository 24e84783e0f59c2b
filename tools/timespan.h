/* Times as people type them: "1.5s", "200ms", "10us", "123 ns". */
#ifndef MT_TIMESPAN_H
#define MT_TIMESPAN_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of a decimal number and its unit (s, ms, us, ns; 0 needs none), rounded down. False
 * where it is none, or more than 64 bits hold. */
bool mt_timespan(const char *text, uint64_t *ns);

#endif
