#include "shim/process/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

struct mt_config mt_config;

static const struct mt_config standards = {
#define TEXT(name, option, standard, argument, doc) .name = standard,
#define NUMBER(name, option, standard, least, most, unit, doc) .name = standard,
#define SWITCH(name, option, standard, doc) .name = standard,
#define CHOICE(name, option, standard, words, doc) .name = standard,
#include "shim/process/config.def"
};

/* Of a variable MEMTRACE_NAME=VALUE, from NAME on. */
static bool is_setting(const char *variable)
{
    static const char *const names[] = {
#define TEXT(name, option, standard, argument, doc) #name,
#define NUMBER(name, option, standard, least, most, unit, doc) #name,
#define SWITCH(name, option, standard, doc) #name,
#define CHOICE(name, option, standard, words, doc) #name,
#include "shim/process/config.def"
    };
    size_t size = strcspn(variable, "=");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && strncmp(names[i], variable, size) == 0)
            return true;
    return false;
}

/* A typing error in a name; NULL: there is none. */
static const char *unknown_setting(void)
{
    static const char prefix[] = "MEMTRACE_";
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, prefix, sizeof prefix - 1) == 0 &&
            !is_setting(*entry + sizeof prefix - 1))
            return *entry;
    return NULL;
}

bool mt_config_read(struct mt_config *config, char *why, size_t size)
{
    const char *text;
    struct mt_config read = standards;
    *config = standards;
    if ((text = unknown_setting())) {
        snprintf(why, size, "%.80s: no setting of memtrace; unset it (memtrace(1) lists them)",
                 text);
        return false;
    }
#define TEXT(name, option, standard, argument, doc)                                                \
    if ((text = getenv("MEMTRACE_" #name)) && *text)                                               \
        read.name = text;
#define NUMBER(name, option, standard, least, most, unit, doc)                                     \
    if ((text = getenv("MEMTRACE_" #name)) && !mt_parse_number(text, least, most, &read.name)) {   \
        snprintf(why, size, "MEMTRACE_" #name "=%.40s: wanted a number from %d to %d", text,       \
                 least, most);                                                                     \
        return false;                                                                              \
    }
#define SWITCH(name, option, standard, doc)                                                        \
    if ((text = getenv("MEMTRACE_" #name)) && !mt_parse_switch(text, &read.name)) {                \
        snprintf(why, size, "MEMTRACE_" #name "=%.40s: wanted 0 or 1", text);                      \
        return false;                                                                              \
    }
#define CHOICE(name, option, standard, words, doc)                                                 \
    if ((text = getenv("MEMTRACE_" #name))) {                                                      \
        if (!mt_parse_choice(text, words)) {                                                       \
            snprintf(why, size, "MEMTRACE_" #name "=%.40s: wanted one of %s", text, words);        \
            return false;                                                                          \
        }                                                                                          \
        read.name = text;                                                                          \
    }
#include "shim/process/config.def"
    if (read.RING_KIB & (read.RING_KIB - 1)) {
        snprintf(why, size, "MEMTRACE_RING_KIB=%ld: wanted a power of two", read.RING_KIB);
        return false;
    }
    if (read.EVERY_MS > 0 && (read.FOR_MS == 0 || read.FOR_MS >= read.EVERY_MS)) {
        snprintf(why, size, "MEMTRACE_EVERY_MS=%ld: wanted MEMTRACE_FOR_MS from 1 to less than it",
                 read.EVERY_MS);
        return false;
    }
    *config = read;
    return true;
}
