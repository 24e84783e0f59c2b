#include "base/parse.h"

#include <stdint.h>
#include <string.h>

bool mt_parse_number(const char *text, long least, long most, long *number)
{
    long value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > INT32_MAX)
            return false;
        value = value * 10 + (*text - '0');
    }
    *number = value;
    return value >= least && value <= most;
}

bool mt_parse_switch(const char *text, bool *on)
{
    static const char *const words[] = {"0", "1", "off", "on", "no", "yes", "false", "true"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            *on = i % 2;
            return true;
        }
    return false;
}

bool mt_parse_choice(const char *text, const char *words)
{
    for (size_t size; *words; words += size + (words[size] == '|')) {
        size = strcspn(words, "|");
        if (strlen(text) == size && strncmp(words, text, size) == 0)
            return true;
    }
    return false;
}
