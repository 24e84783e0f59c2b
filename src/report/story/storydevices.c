#include "report/story/storydevices.h"

#include <stdio.h>

static const char *key_of(char *key, size_t size, unsigned device, const char *what)
{
    if (device == MT_STORY_UNKNOWN)
        snprintf(key, size, "device.unknown.%s", what);
    else
        snprintf(key, size, "device.%u.%s", device, what);
    return key;
}

uint64_t mt_story_device(const struct mt_story *story, unsigned device, const char *what)
{
    char key[80];
    return mt_rows_number(story->summary, key_of(key, sizeof key, device, what));
}

const char *mt_story_device_name(const struct mt_story *story, unsigned device)
{
    char key[80];
    return mt_rows_text(story->summary, key_of(key, sizeof key, device, "name"));
}

/* Whether memory was taken of it. */
static bool is_used(const struct mt_story *story, unsigned device)
{
    return mt_story_device(story, device, "peak_reserved_bytes") ||
           mt_story_device(story, device, "peak_allocated_bytes");
}

size_t mt_story_used(const struct mt_story *story, unsigned device[MT_STORY_DEVICES + 1])
{
    size_t n = 0;
    for (unsigned next = 0; next <= MT_STORY_UNKNOWN; next++) {
        size_t at = n;
        if (!is_used(story, next))
            continue;
        for (; at > 0 && mt_story_device(story, device[at - 1], "peak_allocated_bytes") <
                             mt_story_device(story, next, "peak_allocated_bytes");
             at--)
            device[at] = device[at - 1];
        device[at] = next;
        n++;
    }
    return n;
}

size_t mt_story_row(const struct mt_rows *rows, unsigned device)
{
    for (size_t row = 0; row < mt_rows_count(rows); row++) {
        struct mt_value is = mt_rows_get(rows, row, "device");
        if (is.null ? device == MT_STORY_UNKNOWN : is.u == device)
            return row;
    }
    return SIZE_MAX;
}
