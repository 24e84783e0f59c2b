#include "report/number.h"

#include <stdio.h>

#include "report/digits.h"

/* Never more than MT_DIGITS_MAX bytes are written to. */
size_t mt_format_uint(char *to, uint64_t value)
{
    if (value < MT_EIGHT)
        return mt_put_head(to, (uint32_t)value);
    uint64_t head = value / MT_EIGHT;
    size_t length = mt_format_uint(to, head);
    mt_put_digits(to + length, mt_eight_digits((uint32_t)(value - head * MT_EIGHT)));
    return length + 8;
}

size_t mt_format_hex(char *to, uint64_t value)
{
    return mt_put_hex_number(to, value);
}

/* `value` is below 1000 (or 1024) by its unit; 999.6 must not be printed as four digits. */
static const char *three_digits(char *buffer, double value, const char *unit)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(buffer, MT_HUMAN_MAX, "%.*f %s", decimals, value, unit);
    return buffer;
}

const char *mt_human_bytes(char buffer[MT_HUMAN_MAX], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(buffer, MT_HUMAN_MAX, "%u B", (unsigned)bytes);
        return buffer;
    }
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1023.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    return three_digits(buffer, value, units[unit]);
}

const char *mt_human_ns(char buffer[MT_HUMAN_MAX], uint64_t ns)
{
    uint64_t s = ns / 1000000000;
    if (ns < 1000)
        snprintf(buffer, MT_HUMAN_MAX, "%u ns", (unsigned)ns);
    else if (ns < 999500)
        three_digits(buffer, (double)ns / 1e3, "us");
    else if (ns < 999500000)
        three_digits(buffer, (double)ns / 1e6, "ms");
    else if (s < 600)
        three_digits(buffer, (double)ns / 1e9, "s");
    else if (s < 36000)
        snprintf(buffer, MT_HUMAN_MAX, "%u min %02u s", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        snprintf(buffer, MT_HUMAN_MAX, "%llu h %02u min", (unsigned long long)(s / 3600),
                 (unsigned)(s / 60 % 60));
    return buffer;
}

const char *mt_exact_ns(char buffer[MT_HUMAN_MAX], uint64_t ns)
{
    unsigned long long n = ns;
    if (n < 1000)
        snprintf(buffer, MT_HUMAN_MAX, "%llu ns", n);
    else if (n < 1000000)
        snprintf(buffer, MT_HUMAN_MAX, "%llu.%03llu us", n / 1000, n % 1000);
    else if (n < 1000000000)
        snprintf(buffer, MT_HUMAN_MAX, "%llu.%03llu ms", n / 1000000, n / 1000 % 1000);
    else
        snprintf(buffer, MT_HUMAN_MAX, "%llu.%06llu s", n / 1000000000, n / 1000 % 1000000);
    return buffer;
}

const char *mt_human_count(char buffer[MT_HUMAN_MAX], uint64_t count)
{
    char digits[MT_DIGITS_MAX];
    size_t length = mt_format_uint(digits, count), at = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = 0;
    return buffer;
}

const char *mt_human_share(char buffer[MT_HUMAN_MAX], double share)
{
    snprintf(buffer, MT_HUMAN_MAX, "%.1f %%", share * 100);
    return buffer;
}

const char *mt_human_place(char buffer[MT_HUMAN_MAX], double share)
{
    if (share < 0.0005)
        return "at the begin of";
    if (share >= 0.9995)
        return "at the end of";
    snprintf(buffer, MT_HUMAN_MAX, "%.1f %% into", share * 100);
    return buffer;
}
