/* The recorder's settings, from the environment (config.def). */
#ifndef MT_CONFIG_H
#define MT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct mt_config {
#define TEXT(name, option, standard, argument, doc) const char *name;
#define NUMBER(name, option, standard, least, most, unit, doc) long name;
#define SWITCH(name, option, standard, doc) bool name;
#define CHOICE(name, option, standard, words, doc) const char *name;
#include "shim/process/config.def"
};

/* Those in force, once a recording has begun. */
extern struct mt_config mt_config;

/* Of these the switches, where hooks look at them (base/hot.h). */
struct mt_switches {
#define TEXT(name, ...)
#define NUMBER(name, ...)
#define SWITCH(name, ...) bool name;
#define CHOICE(name, ...)
#include "shim/process/config.def"
};
extern struct mt_switches mt_switches;

/* Read every MEMTRACE_* variable. False: a name or a value is wrong, and `why` says which and what
 * is allowed; *config then holds the defaults. Texts point into the environment. No allocation, no
 * locale. */
bool mt_config_read(struct mt_config *config, char *why, size_t size);

#endif
