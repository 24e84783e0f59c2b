/* The swap rule of Li et al., Pinpointing the Memory Behaviors of DNN Training (ISPASS 2021,
 * arXiv 2104.00258): a block of S bytes that lies idle for ATI can leave the device and be back in
 * time if
 *
 *     S <= ATI / (1/B_d2h + 1/B_h2d)
 *
 * with the bandwidths of both directions; here each transfer also costs a latency, which is taken
 * off ATI twice. */
#ifndef MT_SWAPRULE_H
#define MT_SWAPRULE_H

#include <stdbool.h>
#include <stdint.h>

/* Bandwidths in bytes per second: 1 GB/s is 1e9. Every option of the rule, once:
 * X(name, option of the command line, default, unit, text) */
#define MT_SWAP_OPTIONS(X)                                                                         \
    X(d2h, "bandwidth-d2h", 25, "GB/s", "bandwidth from the device to the host")                   \
    X(h2d, "bandwidth-h2d", 25, "GB/s", "bandwidth from the host to the device")                   \
    X(latency, "latency", 10, "us", "time that a transfer costs whatever its size")

struct mt_swaprule {
    double d2h, h2d;   /* bytes per second */
    double latency_ns; /* of one transfer */
};

/* Which of MT_SWAP_OPTIONS. */
enum mt_swap_option {
#define MT_SWAP_ENUM(name, option, value, unit, text) MT_SWAP_##name,
    MT_SWAP_OPTIONS(MT_SWAP_ENUM)
#undef MT_SWAP_ENUM
};

/* Set an option from its text, a positive number (a latency may be 0); false if it is none. */
bool mt_swaprule_set(struct mt_swaprule *rule, enum mt_swap_option option, const char *text);

/* The rule with the defaults. */
struct mt_swaprule mt_swaprule_default(void);

/* The largest block that can leave and be back within an idle time; 0 if none can. */
uint64_t mt_swaprule_most(const struct mt_swaprule *rule, uint64_t idle_ns);

/* Time that a block takes to leave, or to come back, latency included. */
uint64_t mt_swaprule_out_ns(const struct mt_swaprule *rule, uint64_t bytes);
uint64_t mt_swaprule_in_ns(const struct mt_swaprule *rule, uint64_t bytes);

#endif
