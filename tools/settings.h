/* The recorder's settings as the launcher offers them: one row for each line of config.def. */
#ifndef MT_SETTINGS_H
#define MT_SETTINGS_H

#include "base/error.h"
#include "options.h"

enum mt_setting_type { MT_SETTING_TEXT, MT_SETTING_NUMBER, MT_SETTING_SWITCH, MT_SETTING_CHOICE };

struct mt_setting {
    const char *variable; /* MEMTRACE_... */
    const char *option;   /* long option without dashes; "" where only the variable exists */
    const char *standard; /* the value without option and variable */
    const char *argument; /* TEXT: what the value is, for --help */
    long least, most;     /* NUMBER */
    const char *unit;     /* NUMBER, may be "" */
    const char *doc;
    enum mt_setting_type type;
};

/* All rows, in the order of config.def; ends with a row whose variable is NULL. */
const struct mt_setting *mt_settings(void);

/* 0, or MT_ERR_USAGE with a message that begins with `origin` (the option or variable as the user
 * knows it) and says what is allowed. */
int mt_setting_check(const struct mt_setting *setting, const char *origin, const char *value,
                     struct mt_error *error);

/* Check every MEMTRACE_* variable that is set; one that no row names is an error. */
int mt_settings_check_environment(struct mt_error *error);

/* Options for every row that has one, with the number of the row + `first` for id; how many. */
size_t mt_settings_options(struct mt_option *option, int first);

#endif
