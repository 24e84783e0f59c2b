/* The contract between who records and who reads: one record form for the ring, the decoder and the
 * analyzer. Names and validity only; nothing here allocates, fails or knows where a record lies. */
#ifndef MT_EVENT_H
#define MT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record: header, then `words` 64-bit words: the event's fields in the order of event.def, then
 * its tail. `time` is in ticks of the recorder's clock inside a ring, in ns since the start of the
 * trace everywhere else. */
struct mt_record {
    uint64_t time;
    uint16_t kind;  /* enum mt_kind */
    uint16_t flags; /* 0 in this version */
    uint32_t words;
    uint64_t word[];
};

enum mt_kind {
    MT_NONE = 0,
#define EVENT(number, name, doc) MT_##name = number,
#define FIELD(event, name, type, doc)
#define TAIL(event, type, doc)
#define END(event)
#include "event.def"
    MT_KINDS = 64, /* one past the largest number this version may use */
};

/* struct mt_ev_NAME: the fields of a record, to lay over `word`. */
#define EVENT(number, name, doc) struct mt_ev_##name {
#define FIELD(event, name, type, doc) uint64_t name;
#define TAIL(event, type, doc) uint64_t tail[];
#define END(event)                                                                                 \
    }                                                                                              \
    ;
#include "event.def"

enum mt_field_type { MT_COUNT, MT_API, MT_SIZE, MT_ADDRESS, MT_TOTAL, MT_HANDLE };
enum mt_tail_type { MT_TAIL_NONE, MT_TAIL_WORDS, MT_TAIL_BYTES };

#define MT_FIELDS_MAX 12          /* fields of one event, at most */
#define MT_RECORD_WORDS_MAX 8192  /* words of one record, at most */
#define MT_DEVICE_UNKNOWN 0xffffu /* a device that the recorder could not tell */
#define MT_PARAMS_UNKNOWN 0xffffu /* a kernel whose parameter layout the driver cannot tell */

/* How an access was. */
#define MT_HOW_READ 1u
#define MT_HOW_WRITE 2u
#define MT_HOW_TOUCH 3u /* whether it read or wrote is not known */

/* Kinds that define what later events name by a number: they come before others of their time. */
#define MT_DEFINITIONS                                                                             \
    (1ull << MT_kernel | 1ull << MT_code | 1ull << MT_frame | 1ull << MT_module | 1ull << MT_string)

/* Launch flags. */
#define MT_LAUNCH_CAPTURED 1u     /* recorded into a graph by stream capture: not an access */
#define MT_LAUNCH_ARGS_UNKNOWN 2u /* no layout and no buffer: pointers could not be looked for */
#define MT_LAUNCH_ARGS_CUT 4u     /* more pointers than a record holds */
#define MT_LAUNCH_NODE 8u         /* a node of a graph: done when that is launched */
#define MT_LAUNCH_MAYBE 16u       /* a node in the body of a conditional node */

/* Graph flags. */
#define MT_GRAPH_PARTIAL 1u /* it has nodes that the driver could not tell */
#define MT_GRAPH_MAYBE 2u   /* it has conditional nodes; their bodies stand once among its nodes */
#define MT_GRAPH_DEVICE 4u  /* kernels may launch it as well, unseen */

/* What graph_update says of a node. */
#define MT_NODE_KEEPS 0u
#define MT_NODE_ENABLED 1u
#define MT_NODE_DISABLED 2u

/* Flags and peer of a collective. */
#define MT_COLLECTIVE_CAPTURED 1u /* recorded into a graph by stream capture: not an access */
#define MT_COLLECTIVE_NODE 2u     /* belongs to a graph: done when that is launched */
#define MT_PEER_ALL 0xffffffffu   /* all ranks alike */

/* Who asked that recording stops or goes on. */
#define MT_WHY_START 0u    /* the settings: it has not begun yet */
#define MT_WHY_PROFILER 1u /* cudaProfilerStart, cudaProfilerStop */
#define MT_WHY_SIGNAL 2u
#define MT_WHY_PROGRAM 3u /* memtrace_record */
#define MT_WHY_CLOCK 4u   /* a window of time begins or ends */

/* How the bytes of a process are known. */
#define MT_USAGE_DEVICE 0u  /* not at all: only the device's sum is */
#define MT_USAGE_PROCESS 1u /* by its process id */
#define MT_USAGE_ALONE 2u   /* no other process is shown on the device, and its id means nothing */

/* What the driver may need memory of its own for. */
#define MT_UPKEEP_MODULE 1u      /* code was loaded */
#define MT_UPKEEP_LIMIT 2u       /* stacks, heap or buffer of kernels were given another size */
#define MT_UPKEEP_PEER 3u        /* another device's memory was made accessible */
#define MT_UPKEEP_PROFILER 4u    /* a profiler (CUPTI) asked for the driver's inner functions */
#define MT_UPKEEP_CONTEXT 5u     /* a context was made */
#define MT_UPKEEP_CONTEXT_END 6u /* a context was destroyed */

/* A parameter word: the device address in the low 52 bits, above it the word's offset in the
 * parameter block divided by 8 (a block is at most 32,764 bytes). */
#define MT_WORD_ADDRESS_BITS 52
#define MT_WORD_ADDRESS(word) ((word) & ((UINT64_C(1) << MT_WORD_ADDRESS_BITS) - 1))
#define MT_WORD_OFFSET(word) ((word) >> MT_WORD_ADDRESS_BITS << 3)
#define MT_WORD(address, offset)                                                                   \
    ((uint64_t)(address) | (uint64_t)(offset) >> 3 << MT_WORD_ADDRESS_BITS)

struct mt_field_info {
    const char *name;
    const char *doc;
    enum mt_field_type type;
};

struct mt_event_info {
    const char *name;
    const char *doc;
    const char *tail_doc;
    struct mt_field_info field[MT_FIELDS_MAX];
    uint8_t fields;
    uint8_t tail; /* enum mt_tail_type */
};

/* What event.def says of a kind; NULL for a number that names no event. */
const struct mt_event_info *mt_event_info(unsigned kind);

/* The kind called `name`, MT_NONE if there is none. */
enum mt_kind mt_event_kind(const char *name);

/* Whether event.def allows a record of the kind (< MT_KINDS) to have so many words: all its fields,
 * a tail only where it has one. Inline: it is asked for every event. */
static inline bool mt_words_fit(unsigned kind, uint32_t words)
{
    static const struct {
        uint32_t least, too_many; /* too_many of a kind that there is not: 0 */
    } limit[MT_KINDS] = {
#define EVENT(number, name, doc) [number] = {sizeof(struct mt_ev_##name) / 8,
#define FIELD(event, name, type, doc)
#define TAIL(event, type, doc) MT_RECORD_WORDS_MAX - sizeof(struct mt_ev_##event) / 8 +
#define END(event)                                                                                 \
    sizeof(struct mt_ev_##event) / 8 + 1                                                           \
    }                                                                                              \
    ,
#include "event.def"
    };
    return words >= limit[kind].least && words < limit[kind].too_many;
}

/* A record that event.def allows: known kind, and words as it has. */
static inline bool mt_record_is_valid(const struct mt_record *record)
{
    return record->kind < MT_KINDS && mt_words_fit(record->kind, record->words);
}

/* Bytes that a record takes, header included. */
static inline size_t mt_record_size(const struct mt_record *record)
{
    return sizeof *record + (size_t)record->words * sizeof record->word[0];
}

static inline const struct mt_record *mt_record_next(const struct mt_record *record)
{
    return (const struct mt_record *)(const void *)&record->word[record->words];
}

static inline bool mt_kind_defines(unsigned kind)
{
    return kind < MT_KINDS && MT_DEFINITIONS >> kind & 1;
}

/* The tail of a record: where it starts, and its length in words. */
const uint64_t *mt_record_tail(const struct mt_record *record, size_t *words);

#endif
