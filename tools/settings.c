/* Rows, checks and help of the recorder's settings; all three come from config.def. */
#include "settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

/* config.def writes NULL for a setting without an option; as text that is "NULL". The comparison is
 * a constant, so that the table can be one. */
#define OPTION(text) (__builtin_strcmp(text, "NULL") == 0 ? "" : (text))

static const struct mt_setting rows[] = {
#define TEXT(name, option, default, argument, doc)                                                 \
    {"MEMTRACE_" #name, OPTION(#option), default, argument, 0, 0, "", doc, MT_SETTING_TEXT},
#define NUMBER(name, option, default, least, most, unit, doc)                                      \
    {"MEMTRACE_" #name, OPTION(#option), #default, "N", least, most, unit, doc, MT_SETTING_NUMBER},
#define SWITCH(name, option, default, doc)                                                         \
    {"MEMTRACE_" #name, OPTION(#option), #default, "0|1", 0, 1, "", doc, MT_SETTING_SWITCH},
#define CHOICE(name, option, default, words, doc)                                                  \
    {"MEMTRACE_" #name, OPTION(#option), default, words, 0, 0, "", doc, MT_SETTING_CHOICE},
#include "shim/process/config.def"
    {.variable = NULL},
};

const struct mt_setting *mt_settings(void)
{
    return rows;
}

/* The one rule that a row cannot say. */
static bool is_power_of_two(long number)
{
    return (number & (number - 1)) == 0;
}

static int check_number(const struct mt_setting *setting, const char *origin, const char *value,
                        struct mt_error *error)
{
    long number;
    if (!mt_parse_number(value, setting->least, setting->most, &number))
        return mt_fail(error, MT_ERR_USAGE, "%s: '%s' is no number from %ld to %ld%s%s", origin,
                       value, setting->least, setting->most, *setting->unit ? " " : "",
                       setting->unit);
    if (strcmp(setting->variable, "MEMTRACE_RING_KIB") == 0 && !is_power_of_two(number))
        return mt_fail(error, MT_ERR_USAGE, "%s: '%s' is no power of two", origin, value);
    return MT_OK;
}

int mt_setting_check(const struct mt_setting *setting, const char *origin, const char *value,
                     struct mt_error *error)
{
    bool on;
    switch (setting->type) {
    case MT_SETTING_TEXT:
        return MT_OK;
    case MT_SETTING_SWITCH:
        if (mt_parse_switch(value, &on))
            return MT_OK;
        return mt_fail(error, MT_ERR_USAGE, "%s: '%s' is neither 0 nor 1", origin, value);
    case MT_SETTING_CHOICE:
        if (mt_parse_choice(value, setting->argument))
            return MT_OK;
        return mt_fail(error, MT_ERR_USAGE, "%s: '%s' is none of %s", origin, value,
                       setting->argument);
    case MT_SETTING_NUMBER:
        return check_number(setting, origin, value, error);
    }
    return MT_ERR_USAGE;
}

static const struct mt_setting *find_variable(const char *name, size_t length)
{
    for (const struct mt_setting *row = rows; row->variable; row++) {
        if (strlen(row->variable) == length && strncmp(row->variable, name, length) == 0)
            return row;
    }
    return NULL;
}

static long number_in(const char *variable)
{
    const char *value = getenv(variable);
    return value ? atol(value) : 0;
}

/* A rule that no row can say, either: windows that come again must end before. */
static int check_windows(struct mt_error *error)
{
    long every = number_in("MEMTRACE_EVERY_MS"), length = number_in("MEMTRACE_FOR_MS");
    if (every == 0 || (length > 0 && length < every))
        return MT_OK;
    return mt_fail(error, MT_ERR_USAGE,
                   "--every-ms=%ld: needs --for-ms from 1 to %ld, which says how long each time",
                   every, every - 1);
}

int mt_settings_check_environment(struct mt_error *error)
{
    for (char **entry = environ; *entry; entry++) {
        const char *value = strchr(*entry, '=');
        if (!value || strncmp(*entry, "MEMTRACE_", strlen("MEMTRACE_")) != 0)
            continue;
        size_t length = (size_t)(value - *entry);
        const struct mt_setting *row = find_variable(*entry, length);
        if (!row)
            return mt_fail(error, MT_ERR_USAGE,
                           "%.*s is no setting of memtrace; unset it (memtrace --help lists them)",
                           (int)length, *entry);
        RETURN_IF_ERROR(mt_setting_check(row, row->variable, value + 1, error));
    }
    return check_windows(error);
}

static void describe(const struct mt_setting *row, char *text, size_t size)
{
    if (row->type == MT_SETTING_NUMBER)
        snprintf(text, size, "%s, %ld to %ld%s%s (default %s)", row->doc, row->least, row->most,
                 *row->unit ? " " : "", row->unit, row->standard);
    else
        snprintf(text, size, "%s (default %s)", row->doc, row->standard);
}

/* The settings that have a letter as well. */
static char letter_of(const char *option)
{
    return strcmp(option, "output") == 0 ? 'o' : strcmp(option, "force") == 0 ? 'f' : 0;
}

size_t mt_settings_options(struct mt_option *option, int first)
{
    static char texts[sizeof rows / sizeof *rows][256];
    size_t n = 0;
    for (const struct mt_setting *row = rows; row->variable; row++) {
        if (!*row->option)
            continue;
        char *text = texts[row - rows];
        describe(row, text, sizeof texts[0]);
        option[n++] = (struct mt_option){.id = first + (int)(row - rows),
                                         .letter = letter_of(row->option),
                                         .name = row->option,
                                         .argument = row->argument,
                                         .text = text,
                                         .optional = row->type == MT_SETTING_SWITCH};
    }
    return n;
}
