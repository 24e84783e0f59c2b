#include "analysis/measures/swaprule.h"

#include <stdlib.h>

#define GIGA 1e9

struct mt_swaprule mt_swaprule_default(void)
{
#define VALUE(name, option, value, unit, text) const double name = value;
    MT_SWAP_OPTIONS(VALUE)
#undef VALUE
    return (struct mt_swaprule){d2h * GIGA, h2d * GIGA, latency * 1e3};
}

bool mt_swaprule_set(struct mt_swaprule *rule, enum mt_swap_option option, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value < 1e9))
        return false;
    if (option == MT_SWAP_latency) {
        rule->latency_ns = value * 1e3;
        return true;
    }
    *(option == MT_SWAP_d2h ? &rule->d2h : &rule->h2d) = value * GIGA;
    return value > 0;
}

uint64_t mt_swaprule_most(const struct mt_swaprule *rule, uint64_t idle_ns)
{
    double seconds = ((double)idle_ns - 2 * rule->latency_ns) / 1e9;
    if (seconds <= 0)
        return 0;
    return (uint64_t)(seconds / (1 / rule->d2h + 1 / rule->h2d) + 1e-6); /* 999.9999999 is 1000 */
}

static uint64_t transfer_ns(const struct mt_swaprule *rule, uint64_t bytes, double bandwidth)
{
    return (uint64_t)(rule->latency_ns + (double)bytes / bandwidth * 1e9) + 1;
}

uint64_t mt_swaprule_out_ns(const struct mt_swaprule *rule, uint64_t bytes)
{
    return transfer_ns(rule, bytes, rule->d2h);
}

uint64_t mt_swaprule_in_ns(const struct mt_swaprule *rule, uint64_t bytes)
{
    return transfer_ns(rule, bytes, rule->h2d);
}
