/* The story in ten lines: of the job, its iterations, what failed and what grows. Each line says
 * the most important thing first; the weights say which lines go first where there are more than
 * ten. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/story/storydevices.h"
#include "report/story/notes.h"
#include "report/story/story.h"
#include "report/story/weights.h"
#include "report/story/storywords.h"

#define PATH_COLUMNS 48u
#define COMMAND_COLUMNS 24u /* at least; of a job with a long host name the path gives way */
#define HOST_COLUMNS 16u
#define RANK_COLUMNS 8u
#define SITE_COLUMNS 44u

/* " (pid 18446744073709551615 on HOST, rank RANK)" leaves room for a path. */
_Static_assert(MT_PAGE_COLUMNS >
                   2 + 6 + 20 + 4 + HOST_COLUMNS + 7 + RANK_COLUMNS + 1 + COMMAND_COLUMNS + 8,
               "a title has room for everything");

#define LINES 10u        /* of one process and device */
#define OUT_OF_MEMORY 2u /* CUresult */
#define NOT_PERMITTED 800u
#define NOT_SUPPORTED 801u
#define NOTES 3u /* that are told one by one */

static uint64_t number(const struct mt_story *story, const char *key)
{
    return mt_rows_number(story->summary, key);
}

/* The program without its folder, unless it had to be quoted: what follows it says more. */
static const char *command_of(const struct mt_story *story)
{
    const char *command = mt_rows_text(story->summary, "command");
    if (!command)
        return "a program that the trace does not name";
    for (const char *at = command; *at && *at != ' ' && *at != '\''; at++)
        if (*at == '/' && at[1] && at[1] != ' ')
            command = at + 1;
    return command;
}

static void who(struct mt_page *page, const struct mt_story *story)
{
    const char *host = mt_rows_text(story->summary, "host");
    const char *rank = mt_rows_text(story->summary, "rank");
    bool ranked = rank && *rank;
    char text[2 * MT_PAGE_COLUMNS], place[MT_PAGE_LINE_BYTES], what[MT_PAGE_LINE_BYTES];
    snprintf(text, sizeof text, " (pid %" PRIu64 "%s%s%s%s)", number(story, "pid"),
             host ? " on " : "", host ? NAME(host, HOST_COLUMNS) : "", ranked ? ", rank " : "",
             ranked ? NAME(rank, RANK_COLUMNS) : "");
    if (!number(story, "pid")) /* of a file that is cut before its facts */
        text[0] = 0;
    size_t left = MT_PAGE_COLUMNS - strlen(": ") - mt_page_columns(text);
    size_t most = left - COMMAND_COLUMNS < PATH_COLUMNS ? left - COMMAND_COLUMNS : PATH_COLUMNS;
    mt_page_name(place, story->path, most);
    mt_page_name(what, command_of(story), left - mt_page_columns(place));
    mt_page_add(page, "%s: %s%s", place, what, text);
}

static void tell_title(struct mt_page *page, const struct mt_story *story)
{
    const char *imported = mt_rows_text(story->summary, "imported");
    const char *log = mt_rows_text(story->summary, "imported_from");
    mt_page_title(page, WEIGHT_TITLE);
    if (imported)
        mt_page_add(page, "%s: %s, a log of format %s, imported", NAME(story->path, PATH_COLUMNS),
                    log ? NAME(log, 24) : "a log that the trace does not name", NAME(imported, 8));
    else
        who(page, story);
}

/* The devices of which memory was taken; one name stands for all of them. */
static void tell_devices(struct mt_page *page, const struct mt_story *story)
{
    unsigned device[MT_STORY_DEVICES + 1];
    size_t used = mt_story_used(story, device);
    const char *name = used ? mt_story_device_name(story, device[0]) : NULL;
    if (!name)
        return;
    bool named = used > 1 ? mt_page_add(page, "; %zu devices, %s", used, NAME(name, 32))
                          : mt_page_add(page, "; %s", NAME(name, 32));
    if (named && mt_story_device(story, device[0], "total_bytes"))
        mt_page_add(page, " of %s", BYTES(mt_story_device(story, device[0], "total_bytes")));
}

static void tell_trace(struct mt_page *page, const struct mt_story *story)
{
    uint64_t pauses = number(story, "pauses"), salvaged = number(story, "events_salvaged");
    const char *start = mt_rows_text(story->summary, "start_time");
    mt_page_begin(page, "recorded", WEIGHT_TRACE);
    if (pauses)
        mt_page_add(page, "%s of %s (%s %s)", NS(number(story, "recorded_ns")),
                    NS(number(story, "duration_ns")), COUNTED(pauses, "pause", "pauses"));
    else
        mt_page_add(page, "%s", NS(number(story, "duration_ns")));
    mt_page_add(page, ", %s %s, %s lost", COUNTED(number(story, "events_read"), "event", "events"),
                NUMBER(number(story, "events_lost")));
    if (!number(story, "complete"))
        mt_page_add(page, ", not closed%s", salvaged ? "" : " (killed or cut)");
    if (salvaged)
        mt_page_add(page, ", %s saved from its ring", NUMBER(salvaged));
    tell_devices(page, story);
    if (start)
        mt_page_add(page, "; %s", NAME(start, 24));
}

/* ---- what failed ---- */

/* What the caching allocator refused is what the job met; without one, what the driver refused. */
static const struct mt_rows *find_failure(const struct mt_story *story)
{
    return mt_rows_count(story->refused) ? story->refused : story->failures;
}

/* Whether the driver cannot do such a thing here: who asks finds that out so, and asks for another
 * (PyTorch does for the handles of expandable segments). */
static bool is_unable(const struct mt_rows *rows, size_t row)
{
    struct mt_value error = mt_rows_get(rows, row, "error");
    return !error.null && (error.u == NOT_PERMITTED || error.u == NOT_SUPPORTED);
}

/* The first that says more; as many as there are rows if none does. */
static size_t first_failure(const struct mt_rows *rows)
{
    size_t row = 0;
    while (row < mt_rows_count(rows) && is_unable(rows, row))
        row++;
    return row;
}

bool mt_story_out_of_memory(const struct mt_story *story)
{
    const struct mt_rows *rows = find_failure(story);
    size_t row = first_failure(rows);
    if (row == mt_rows_count(rows))
        return false;
    struct mt_value error = mt_rows_get(rows, row, "error");
    return rows == story->refused || (!error.null && error.u == OUT_OF_MEMORY);
}

static void tell_request(struct mt_page *page, const struct mt_rows *rows, size_t row)
{
    struct mt_value size = mt_rows_get(rows, row, "size_bytes");
    struct mt_value site = mt_rows_get(rows, row, "site"), error = mt_rows_get(rows, row, "error");
    bool known = !site.null && *site.s != '('; /* what stands in brackets is no line */
    if (size.null)
        mt_page_add(page, "a free");
    else
        mt_page_add(page, "%s for %s", BYTES(size.u),
                    known ? NAME(site.s, SITE_COLUMNS) : "an unknown line");
    if (!error.null && error.u != OUT_OF_MEMORY)
        mt_page_add(page, ": error %" PRIu64 " of the driver", error.u);
}

/* What could have been had: what the driver had left, and what an allocator held in vain. */
static void tell_left(struct mt_page *page, const struct mt_rows *rows, size_t row, bool imported)
{
    struct mt_value left = mt_rows_get(rows, row, "free_bytes");
    struct mt_value reserved = mt_rows_get(rows, row, "reserved_bytes");
    struct mt_value allocated = mt_rows_get(rows, row, "allocated_bytes");
    if (!left.null)
        mt_page_add(page, "; %s free", BYTES(left.u));
    if (reserved.null || allocated.null || imported) /* a log does not tell of it */
        return;
    if (reserved.u > allocated.u)
        mt_page_add(page, "; %s slack", BYTES(reserved.u - allocated.u));
    mt_page_add(page, "; %s reserved", BYTES(reserved.u));
}

static void tell_failure(struct mt_page *page, const struct mt_story *story)
{
    uint64_t all = number(story, "allocations_failed") + number(story, "blocks_failed") +
                   number(story, "frees_failed");
    const struct mt_rows *rows = find_failure(story);
    size_t row = first_failure(rows), known = mt_rows_count(rows);
    if (!known || (row == known && all == known))
        return;
    row = row < known ? row : 0; /* of more than are at hand */
    mt_page_begin(page, mt_story_out_of_memory(story) ? "no memory" : "failed", WEIGHT_FAILED);
    tell_request(page, rows, row);
    tell_left(page, rows, row, mt_rows_text(story->summary, "imported") != NULL);
    mt_page_add(page, "; at %s", NS(mt_rows_get(rows, row, "time_ns").u));
    if (all > 1)
        mt_page_add(page, "; %s failures in all", NUMBER(all));
}

/* ---- what repeats, and what grows ---- */

#define ALL_DEVICES (MT_STORY_UNKNOWN + 1)

static double growth(const struct mt_rows *leaks, unsigned device)
{
    double bytes = 0;
    for (size_t row = 0; row < mt_rows_count(leaks); row++) {
        struct mt_value of = mt_rows_get(leaks, row, "device");
        bool here = of.null ? device == MT_STORY_UNKNOWN : of.u == device;
        if (mt_rows_get(leaks, row, "leak").u && (here || device == ALL_DEVICES))
            bytes += mt_rows_get(leaks, row, "bytes_per_iteration").r;
    }
    return bytes;
}

static void tell_iteration(struct mt_page *page, const struct mt_story *story, size_t row)
{
    uint64_t warmup = mt_rows_get(story->rhythm, row, "warmup").u;
    mt_page_add(
        page, "%s %s of %s",
        COUNTED(mt_rows_get(story->rhythm, row, "repetitions").u, "iteration", "iterations"),
        NS(mt_rows_get(story->rhythm, row, "period_ns").u));
    mt_page_add(page, ", %s exactly alike",
                SHARE(mt_rows_get(story->rhythm, row, "exact_share").r));
    if (warmup == 1)
        mt_page_add(page, ", the first warm-up");
    else if (warmup)
        mt_page_add(page, ", the first %s warm-up", NUMBER(warmup));
    if (growth(story->leaks, ALL_DEVICES) <= 0)
        mt_page_add(page, "; nothing grows");
    mt_page_add(page, "; %s %s each",
                COUNTED(mt_rows_get(story->rhythm, row, "period_events").u, "event", "events"));
}

static void tell_rhythm(struct mt_page *page, const struct mt_story *story)
{
    mt_page_begin(page, "rhythm", WEIGHT_RHYTHM);
    for (size_t row = 0; row < mt_rows_count(story->rhythm); row++) {
        if (!mt_rows_get(story->rhythm, row, "is_iteration").u)
            continue;
        tell_iteration(page, story, row);
        return;
    }
    mt_page_add(page, "no iterations found: the trace is taken as a whole; "
                      "what grows is not known");
}

/* For how many more iterations a device has room. */
static double room_for(const struct mt_story *story, unsigned device)
{
    uint64_t total = mt_story_device(story, device, "total_bytes");
    uint64_t reserved = mt_story_device(story, device, "peak_reserved_bytes");
    double bytes = growth(story->leaks, device);
    return total > reserved && bytes >= 1 ? (double)(total - reserved) / bytes : INFINITY;
}

/* How many more iterations there is room for, on the device that is full first. */
static void tell_future(struct mt_page *page, const struct mt_story *story)
{
    unsigned device[MT_STORY_DEVICES + 1];
    double least = INFINITY;
    for (size_t used = mt_story_used(story, device); used > 0; used--)
        least = fmin(least, room_for(story, device[used - 1]));
    if (isfinite(least))
        mt_page_add(page, ", full after some %s more", NUMBER((uint64_t)least));
}

static void tell_growth(struct mt_page *page, const struct mt_story *story)
{
    double bytes = growth(story->leaks, ALL_DEVICES);
    size_t told = 0;
    if (bytes <= 0)
        return;
    mt_page_begin(page, "growth", WEIGHT_GROWTH);
    mt_page_add(page, "%s an iteration", BYTES((uint64_t)bytes));
    tell_future(page, story);
    for (size_t row = 0; row < mt_rows_count(story->leaks); row++) {
        struct mt_value site = mt_rows_get(story->leaks, row, "site");
        if (!mt_rows_get(story->leaks, row, "leak").u || site.null)
            continue;
        if (!mt_page_add(page, "%s%s %s", told ? ", " : ": ", NAME(site.s, SITE_COLUMNS),
                         BYTES((uint64_t)mt_rows_get(story->leaks, row, "bytes_per_iteration").r)))
            break;
        told++;
    }
}

/* ---- beside the ten lines ---- */

static void tell_damage(struct mt_page *page, const struct mt_story *story)
{
    uint64_t damaged = number(story, "events_damaged"), chunks = number(story, "chunks_damaged");
    uint64_t skipped = number(story, "bytes_skipped");
    if (!damaged && !chunks && !skipped)
        return;
    mt_page_begin(page, "damage", MT_PAGE_BESIDE);
    if (damaged || chunks)
        mt_page_add(page, "%s %s in %s %s and ", COUNTED(damaged, "event", "events"),
                    COUNTED(chunks, "chunk", "chunks"));
    mt_page_add(page, "%s cannot be read, from offset %" PRIu64 " on", BYTES(skipped),
                story->first_damage);
}

/* Where blocks have fewer frames than a reader may expect, or times are missing. */
static void tell_missing(struct mt_page *page, const struct mt_story *story)
{
    static const struct {
        const char *key, *text;
    } missing[] = {
        {"stacks_python_off", "no frames of Python"},
        {"stacks_native_off", "no native frames"},
        {"signal_taken_by_job", "the job has a handler of its own for the signal"},
    };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        const char *why = mt_rows_text(story->summary, missing[i].key);
        if (!why)
            continue;
        mt_page_begin(page, "note", MT_PAGE_BESIDE);
        mt_page_add(page, "%s: ", missing[i].text);
        mt_page_add(page, "%s", NAME(why, mt_page_room(page)));
    }
}

static void tell_lost(struct mt_page *page, const struct mt_story *story)
{
    const char *why = mt_rows_text(story->summary, "lost_reason");
    if (!number(story, "events_lost"))
        return;
    if (!why && !number(story, "complete"))
        why = "the trace does not say why: its end was not written (disk full?) or is damaged";
    if (!why)
        return;
    mt_page_begin(page, "lost", MT_PAGE_BESIDE);
    mt_page_add(page, "%s", NAME(why, mt_page_room(page)));
}

static void tell_lost_stacks(struct mt_page *page, const struct mt_story *story)
{
    uint64_t lost = number(story, "stacks_lost");
    if (!lost)
        return;
    mt_page_begin(page, "note", MT_PAGE_BESIDE);
    mt_page_add(page, "%s %s without a stack, there were too many different ones",
                COUNTED(lost, "event is", "events are"));
}

static void tell_pauses(struct mt_page *page, const struct mt_story *story)
{
    if (!number(story, "pauses"))
        return;
    mt_page_begin(page, "note", MT_PAGE_BESIDE);
    mt_page_add(page,
                "what used memory in the pauses, and how much was the most then, is not known");
}

static void tell_notes(struct mt_page *page, const struct mt_story *story)
{
    char note[MT_NOTES_MAX][MT_NOTE_BYTES];
    size_t notes = mt_story_notes(story, note);
    for (size_t i = 0; i < notes && i < NOTES; i++) {
        mt_page_begin(page, i ? "" : "note", MT_PAGE_BESIDE);
        if (i + 1 == NOTES && notes > NOTES)
            mt_page_add(page, "and %zu more notes: --explain", notes - i);
        else
            mt_page_add(page, "%s", note[i]);
    }
}

void mt_story_brief(struct mt_page *page, const struct mt_story *story)
{
    mt_page_start(page, LINES);
    tell_title(page, story);
    tell_trace(page, story);
    tell_failure(page, story);
    tell_rhythm(page, story);
    tell_growth(page, story);
    mt_story_memory(page, story);
    tell_damage(page, story);
    tell_pauses(page, story);
    tell_missing(page, story);
    tell_lost(page, story);
    tell_lost_stacks(page, story);
    tell_notes(page, story);
}

void mt_story_more(struct mt_output *output)
{
    mt_story_label(output, "more");
    mt_put_string(output, "--explain tells it at length; --table=NAME, --csv=DIR write every "
                          "block, site, gap\n");
}
