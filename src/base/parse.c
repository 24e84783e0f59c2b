#include "base/parse.h"

#include <string.h>

bool mt_parse_whole(const char *text, uint64_t *whole)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return false;
    *whole = value;
    return true;
}

bool mt_parse_number(const char *text, long least, long most, long *number)
{
    uint64_t value;
    if (!mt_parse_whole(text, &value) || value > INT32_MAX)
        return false;
    *number = (long)value;
    return *number >= least && *number <= most;
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
