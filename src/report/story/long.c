#include "report/story/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/formats.h"
#include "report/number.h"
#include "report/story/storydevices.h"
#include "report/story/notes.h"

#define DEVICES 64u
#define NAME_COLUMNS 64u

/* Room for the readable numbers of one line. */
struct human {
    char text[6][MT_HUMAN_MAX];
    unsigned used;
};

static char *next(struct human *human)
{
    return human->text[human->used++ % 6];
}

#define BYTES(n) mt_human_bytes(next(&human), n)
#define NS(n) mt_human_ns(next(&human), n)
#define NUMBER(n) mt_human_count(next(&human), n)
#define COUNTED(n, noun, plural)                                                                   \
    NUMBER(n), mt_human_noun(n, noun, noun plural) /* two arguments                                \
                                                    */
#define SHARE(x) mt_human_share(next(&human), x)

static uint64_t number(const struct mt_story *story, const char *key)
{
    return mt_rows_number(story->summary, key);
}

void mt_story_label(struct mt_output *output, const char *text)
{
    mt_printf(output, "  %-10s ", text);
}

/* Text of unknown making on one line of the screen. */
static void put_clean(struct mt_output *output, const char *text)
{
    mt_put_escaped(output, text, "", mt_escape_hex);
}

static void tell_import(struct mt_output *output, const struct mt_story *story, const char *format)
{
    const char *log = mt_rows_text(story->summary, "imported_from");
    mt_story_label(output, "imported");
    put_clean(output, log ? log : "a log that the trace does not name");
    mt_put_string(output, ", a log of format ");
    put_clean(output, format);
    mt_put_char(output, '\n');
}

static void tell_process(struct mt_output *output, const struct mt_story *story)
{
    const char *imported = mt_rows_text(story->summary, "imported");
    if (imported) {
        tell_import(output, story, imported);
        return;
    }
    const char *command = mt_rows_text(story->summary, "command");
    const char *host = mt_rows_text(story->summary, "host");
    const char *start = mt_rows_text(story->summary, "start_time");
    const char *rank = mt_rows_text(story->summary, "rank");
    mt_story_label(output, "traced");
    put_clean(output, command ? command : "a program that the trace does not name");
    if (!number(story, "pid")) { /* of a file that is cut before its facts */
        mt_put_char(output, '\n');
        return;
    }
    mt_printf(output, " (pid %" PRIu64, number(story, "pid"));
    if (host) {
        mt_put_string(output, " on ");
        put_clean(output, host);
    }
    if (rank && *rank) {
        mt_put_string(output, ", rank ");
        put_clean(output, rank);
    }
    if (start) {
        mt_put_string(output, ", ");
        put_clean(output, start);
    }
    mt_put_string(output, ")\n");
}

static void tell_trace(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    mt_story_label(output, "trace");
    mt_printf(output, "%s, %s %s of %s %s, %s%s\n", NS(number(story, "duration_ns")),
              COUNTED(number(story, "events_read"), "event", "s"),
              COUNTED(number(story, "threads"), "thread", "s"), BYTES(number(story, "file_bytes")),
              number(story, "complete") ? "" : ", not closed by the recorder (killed or cut)");
}

/* Where recording stopped now and then, or began late. */
static void tell_windows(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    const char *signal = mt_rows_text(story->summary, "signal_taken_by_job");
    if (number(story, "pauses")) {
        mt_story_label(output, "recorded");
        mt_printf(output, "%s of it, from %s on, with %s %s:\n", NS(number(story, "recorded_ns")),
                  NS(number(story, "recorded_from_ns")),
                  COUNTED(number(story, "pauses"), "pause", "s"));
        mt_story_label(output, "");
        mt_put_string(output, "what used memory then, and how much was the most, is not known\n");
    }
    if (signal) {
        mt_story_label(output, "signal");
        put_clean(output, signal);
        mt_put_string(output, " has a handler of the job's own and did not stop or go on\n");
    }
}

/* Where blocks have fewer frames than a reader may expect. */
static void tell_stacks(struct mt_output *output, const struct mt_story *story)
{
    const char *python = mt_rows_text(story->summary, "stacks_python_off");
    const char *native = mt_rows_text(story->summary, "stacks_native_off");
    struct human human = {.used = 0};
    uint64_t lost = number(story, "stacks_lost");
    if (python) {
        mt_story_label(output, "stacks");
        mt_put_string(output, "none of Python: ");
        put_clean(output, python);
        mt_put_char(output, '\n');
    }
    if (native) {
        mt_story_label(output, "stacks");
        mt_put_string(output, "none of native functions: ");
        put_clean(output, native);
        mt_put_char(output, '\n');
    }
    if (lost) {
        mt_story_label(output, "stacks");
        mt_printf(output, "missing for %s %s, there are too many\n", COUNTED(lost, "event", "s"));
    }
}

/* Always there: a reader must not have to guess whether the picture is whole. */
static void tell_loss(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    uint64_t lost = number(story, "events_lost"), damaged = number(story, "events_damaged");
    uint64_t chunks = number(story, "chunks_damaged"), skipped = number(story, "bytes_skipped");
    uint64_t salvaged = number(story, "events_salvaged");
    const char *why = mt_rows_text(story->summary, "lost_reason");
    mt_story_label(output, "lost");
    mt_printf(output, "%s %s", COUNTED(lost, "event", "s"));
    if (chunks || damaged)
        mt_printf(output, ", %s in %s damaged %s", NUMBER(damaged), COUNTED(chunks, "chunk", "s"));
    if (skipped)
        mt_printf(output, ", %s unreadable", BYTES(skipped));
    if (chunks || damaged || skipped)
        mt_printf(output, ", from offset %" PRIu64 " on", story->first_damage);
    if (salvaged)
        mt_printf(output, "; %s saved from the ring file", NUMBER(salvaged));
    if (why && lost) {
        mt_printf(output, ": ");
        put_clean(output, why);
    }
    mt_put_char(output, '\n');
}

static uint64_t device_number(const struct mt_story *story, const char *device, const char *what)
{
    char key[80];
    snprintf(key, sizeof key, "device.%s.%s", device, what);
    return number(story, key);
}

static void tell_peak(struct mt_output *output, const struct mt_story *story, const char *device)
{
    struct human human = {.used = 0};
    mt_story_label(output, "");
    if (mt_rows_text(story->summary, "imported")) { /* a log does not tell what was reserved */
        mt_printf(output, "most allocated %s at %s, at the end %s in %s %s\n",
                  BYTES(device_number(story, device, "peak_allocated_bytes")),
                  NS(device_number(story, device, "peak_allocated_ns")),
                  BYTES(device_number(story, device, "end_allocated_bytes")),
                  COUNTED(device_number(story, device, "end_blocks"), "block", "s"));
        return;
    }
    mt_printf(output, "most reserved %s at %s, most allocated %s at %s\n",
              BYTES(device_number(story, device, "peak_reserved_bytes")),
              NS(device_number(story, device, "peak_reserved_ns")),
              BYTES(device_number(story, device, "peak_allocated_bytes")),
              NS(device_number(story, device, "peak_allocated_ns")));
    mt_story_label(output, "");
    mt_printf(output, "at the end reserved %s, allocated %s in %s %s\n",
              BYTES(device_number(story, device, "end_reserved_bytes")),
              BYTES(device_number(story, device, "end_allocated_bytes")),
              COUNTED(device_number(story, device, "end_blocks"), "block", "s"));
}

static void tell_device(struct mt_output *output, const struct mt_story *story, const char *device)
{
    struct human human = {.used = 0};
    char key[80], title[24];
    snprintf(key, sizeof key, "device.%s.peak_reserved_bytes", device);
    if (!mt_rows_text(story->summary, key))
        return;
    snprintf(key, sizeof key, "device.%s.name", device);
    snprintf(title, sizeof title, "device %s", strcmp(device, "unknown") ? device : "?");
    const char *name = mt_rows_text(story->summary, key);
    uint64_t total = device_number(story, device, "total_bytes");
    mt_story_label(output, title);
    put_clean(output, name ? name : "(not named in the trace)");
    if (total)
        mt_printf(output, ", %s", BYTES(total));
    bool empty = !device_number(story, device, "peak_reserved_bytes") &&
                 !device_number(story, device, "peak_allocated_bytes");
    mt_put_string(output, empty ? ": no memory was taken of it\n" : "\n");
    if (!empty)
        tell_peak(output, story, device);
}

/* Page-locked host memory, and whether copies gain by it. */
static void tell_host(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    uint64_t copies = number(story, "copies_to_device") + number(story, "copies_to_host") +
                      number(story, "copies_elsewhere"); /* within the host: pinned, too, or not */
    if (!number(story, "pinned_peak_bytes"))
        return;
    mt_story_label(output, "host");
    mt_printf(output, "most page-locked %s, used by %s of %s %s from or to the host\n",
              BYTES(number(story, "pinned_peak_bytes")), NUMBER(number(story, "copies_pinned")),
              NUMBER(copies), mt_human_noun(copies, "copy", "copies"));
}

static void tell_blocks(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    mt_story_label(output, "blocks");
    mt_printf(output, "%s in %s %s; %s alive at the end, %s never accessed\n",
              NUMBER(number(story, "blocks")), COUNTED(number(story, "segments"), "segment", "s"),
              NUMBER(number(story, "blocks_alive_at_end")),
              NUMBER(number(story, "blocks_never_accessed")));
}

static void tell_accesses(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    mt_story_label(output, "accesses");
    mt_printf(output, "%s %s of kernels, ", COUNTED(number(story, "launches"), "launch", "es"));
    mt_printf(output, "%s %s (%s to the device, %s to the host), ", NUMBER(number(story, "copies")),
              mt_human_noun(number(story, "copies"), "copy", "copies"),
              BYTES(number(story, "copies_to_device_bytes")),
              BYTES(number(story, "copies_to_host_bytes")));
    human.used = 0;
    mt_printf(output, "%s %s\n", COUNTED(number(story, "sets"), "memset", "s"));
}

/* One iteration in one line; whoever asked for a rhythm wants to hear that there is none. */
static void tell_rhythm(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    mt_story_label(output, "rhythm");
    for (size_t i = 0; i < mt_rows_count(story->rhythm); i++) {
        if (!mt_rows_get(story->rhythm, i, "is_iteration").u)
            continue;
        uint64_t warmup = mt_rows_get(story->rhythm, i, "warmup").u;
        mt_printf(output, "%s %s of %s %s, %s each, %s of the events exactly alike",
                  COUNTED(mt_rows_get(story->rhythm, i, "repetitions").u, "iteration", "s"),
                  COUNTED(mt_rows_get(story->rhythm, i, "period_events").u, "event", "s"),
                  NS(mt_rows_get(story->rhythm, i, "period_ns").u),
                  SHARE(mt_rows_get(story->rhythm, i, "exact_share").r));
        if (warmup == 1)
            mt_put_string(output, "; the first is warm-up");
        else if (warmup)
            mt_printf(output, "; the first %s are warm-up", NUMBER(warmup));
        mt_put_char(output, '\n');
        return;
    }
    mt_put_string(output, "no iterations found\n");
}

static double share(const struct mt_story *story, const char *key)
{
    const char *text = mt_rows_text(story->summary, key);
    return text ? strtod(text, NULL) : 0;
}

static void tell_idle(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    if (!number(story, "blocks"))
        return;
    mt_story_label(output, "idle");
    mt_printf(output, "of all bytes x lifetime %s lie before the first access of their block,\n",
              SHARE(share(story, "share_before_first")));
    mt_story_label(output, "");
    mt_printf(output, "%s after its last, %s are never accessed; %s are in use\n",
              SHARE(share(story, "share_after_last")), SHARE(share(story, "share_never_accessed")),
              SHARE(share(story, "share_in_use")));
}

/* A kernel's name may be a page of template arguments, and begin with words that all of them have.
 */
void mt_story_name(struct mt_output *output, const char *name)
{
    /* the first one only where the name begins */
    static const char *const dull[] = {"void ", "at::native::", "(anonymous namespace)::"};
    char text[NAME_COLUMNS + 1];
    size_t used = 0;
    while (*name && used < NAME_COLUMNS) {
        size_t skipped = 0;
        for (size_t i = used > 0; i < sizeof dull / sizeof *dull && !skipped; i++)
            if (strncmp(name, dull[i], strlen(dull[i])) == 0)
                skipped = strlen(dull[i]);
        if (!skipped)
            text[used++] = *name;
        name += skipped ? skipped : 1;
    }
    text[used] = 0;
    put_clean(output, text);
    if (*name)
        mt_put_string(output, "...");
}

static void tell_gaps(struct mt_output *output, const struct mt_story *story)
{
    unsigned device[MT_STORY_DEVICES + 1];
    struct mt_page page;
    mt_page_start(&page, 1);
    if (mt_story_used(story, device))
        mt_story_gaps(&page, story, device[0]);
    mt_page_write(&page, output);
}

static void tell_kernels(struct mt_output *output, const struct mt_story *story)
{
    for (size_t i = 0; i < mt_rows_count(story->kernels); i++) {
        struct human human = {.used = 0};
        mt_story_label(output, i ? "" : "kernels");
        mt_printf(output, "%8s touched by %s %s of ",
                  BYTES(mt_rows_get(story->kernels, i, "touched_bytes").u),
                  COUNTED(mt_rows_get(story->kernels, i, "launches").u, "launch", "es"));
        mt_story_name(output, mt_rows_get(story->kernels, i, "name").s);
        mt_put_char(output, '\n');
    }
}

static void tell_largest(struct mt_output *output, const struct mt_story *story)
{
    for (size_t i = 0; i < mt_rows_count(story->blocks); i++) {
        struct human human = {.used = 0};
        mt_story_label(output, i ? "" : "largest");
        struct mt_value site = mt_rows_get(story->blocks, i, "site");
        mt_printf(output, "%8s block %" PRIu64 ", born at %s, lived %s, %s %s",
                  BYTES(mt_rows_get(story->blocks, i, "size_bytes").u),
                  mt_rows_get(story->blocks, i, "block_id").u,
                  NS(mt_rows_get(story->blocks, i, "birth_ns").u),
                  NS(mt_rows_get(story->blocks, i, "lifetime_ns").u),
                  COUNTED(mt_rows_get(story->blocks, i, "accesses").u, "access", "es"));
        if (!site.null) {
            mt_put_string(output, ", of ");
            mt_story_name(output, site.s);
        }
        mt_put_char(output, '\n');
    }
}

static void tell_failures(struct mt_output *output, const struct mt_story *story)
{
    struct human human = {.used = 0};
    uint64_t all = number(story, "allocations_failed") + number(story, "frees_failed") +
                   number(story, "blocks_failed");
    if (!all)
        return;
    mt_story_label(output, "failures");
    mt_printf(output, "%s; the first at %s", NUMBER(all),
              NS(mt_rows_get(story->failures, 0, "time_ns").u));
    struct mt_value size = mt_rows_get(story->failures, 0, "size_bytes");
    struct mt_value reserved = mt_rows_get(story->failures, 0, "reserved_bytes");
    struct mt_value allocated = mt_rows_get(story->failures, 0, "allocated_bytes");
    if (!size.null)
        mt_printf(output, ": %s asked for", BYTES(size.u));
    if (!reserved.null)
        mt_printf(output, ", %s reserved and %s allocated then", BYTES(reserved.u),
                  BYTES(allocated.u));
    mt_put_char(output, '\n');
}

static void tell_notes(struct mt_output *output, const struct mt_story *story)
{
    char note[MT_NOTES_MAX][MT_NOTE_BYTES];
    size_t notes = mt_story_notes(story, note);
    for (size_t i = 0; i < notes; i++) {
        mt_story_label(output, i ? "" : "note");
        mt_printf(output, "%s\n", note[i]);
    }
}

void mt_story_long(struct mt_output *output, const struct mt_story *story)
{
    put_clean(output, story->path);
    mt_put_char(output, '\n');
    tell_process(output, story);
    tell_trace(output, story);
    tell_windows(output, story);
    tell_stacks(output, story);
    tell_loss(output, story);
    for (unsigned device = 0; device < DEVICES; device++) {
        char name[8];
        snprintf(name, sizeof name, "%u", device);
        tell_device(output, story, name);
    }
    tell_device(output, story, "unknown");
    mt_story_taken(output, story->taken);
    tell_host(output, story);
    tell_blocks(output, story);
    tell_accesses(output, story);
    tell_rhythm(output, story);
    mt_story_explain(output, story);
    tell_idle(output, story);
    tell_gaps(output, story);
    tell_kernels(output, story);
    tell_largest(output, story);
    tell_failures(output, story);
    tell_notes(output, story);
}
