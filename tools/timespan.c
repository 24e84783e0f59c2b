#include "timespan.h"

#include <string.h>

/* Digits are added up as integers: a double would lose nanoseconds after 104 days. */
static const char *digits(const char *text, uint64_t *value, uint64_t *scale)
{
    for (; *text >= '0' && *text <= '9'; text++) {
        if (*scale >= 1000000000u)
            continue; /* beyond ns of a second */
        unsigned digit = (unsigned)(*text - '0');
        if (*value > (UINT64_MAX - digit) / 10)
            return NULL;
        *value = *value * 10 + digit;
        *scale *= *scale ? 10 : 1;
    }
    return text;
}

static uint64_t unit(const char *text)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    while (*text == ' ')
        text++;
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

bool mt_timespan(const char *text, uint64_t *ns)
{
    uint64_t value = 0, scale = 0;
    const char *at = digits(text, &value, &scale);
    bool any = at && at != text;
    scale = 1;
    if (at && *at == '.') {
        const char *fraction = at + 1;
        at = digits(fraction, &value, &scale);
        any = any || (at && at != fraction);
    }
    if (!at || !any)
        return false;
    uint64_t factor = *at == 0 && value == 0 ? 1 : unit(at);
    unsigned __int128 product = (unsigned __int128)value * factor / scale;
    *ns = (uint64_t)product;
    return factor != 0 && product <= UINT64_MAX;
}
