#include "stacks/stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/fnv.h"
#include "base/grow.h"
#include "stacks/siterules.h"

struct text {
    char *bytes;
    size_t used, room;
    bool failed;
};

struct mt_stacks {
    const struct mt_trace *trace;
    struct mt_symbols *symbols;
    struct mt_dict module_of; /* module id -> number among the symbols + 1 */
    struct mt_dict site_of;   /* stack -> site + 1 */
    struct mt_dict by_text;   /* hash of what a site is -> site + 1 */
    struct mt_dict by_module; /* hash of a module's name -> a site of that module + 1 */
    struct mt_site *site;
    uint32_t sites, room, modules;
    struct text text;
};

struct mt_stacks *mt_stacks_new(const struct mt_trace *trace, struct mt_symbols *symbols)
{
    struct mt_stacks *stacks = calloc(1, sizeof *stacks);
    if (stacks) {
        stacks->trace = trace;
        stacks->symbols = symbols;
    }
    return stacks;
}

static void release_site(struct mt_site *site)
{
    free(site->text);
    free(site->function);
    free(site->file);
    free(site->module);
}

void mt_stacks_free(struct mt_stacks *stacks)
{
    if (!stacks)
        return;
    for (uint32_t i = 0; i < stacks->sites; i++)
        release_site(&stacks->site[i]);
    free(stacks->site);
    free(stacks->text.bytes);
    mt_dict_release(&stacks->module_of);
    mt_dict_release(&stacks->site_of);
    mt_dict_release(&stacks->by_text);
    mt_dict_release(&stacks->by_module);
    free(stacks);
}

/* ---- lines ---- */

/* The number that the symbols have for a module of the trace. */
static uint32_t symbols_module(struct mt_stacks *stacks, uint64_t id)
{
    uint64_t *number = mt_dict_add(&stacks->module_of, id);
    if (!number)
        return MT_NO_MODULE;
    if (*number == 0) {
        const struct mt_trace_module *module = mt_trace_module(stacks->trace, id);
        uint32_t made = module ? mt_symbols_module(stacks->symbols, module->path, module->build_id)
                               : MT_NO_MODULE;
        *number = made == MT_NO_MODULE ? 0 : made + UINT64_C(1);
    }
    return (uint32_t)(*number - 1);
}

/* A call lies before the address to which it returns, and so does what a signal interrupted: the
 * recorder sees to that. */
static const struct mt_places *places_of(struct mt_stacks *stacks,
                                         const struct mt_trace_frame *frame)
{
    uint32_t module = frame->module ? symbols_module(stacks, frame->module) : MT_NO_MODULE;
    return mt_symbols_at(stacks->symbols, module, frame->where - 1);
}

void mt_stacks_walk(const struct mt_stacks *stacks, uint64_t stack, struct mt_line_walk *walk)
{
    *walk =
        (struct mt_line_walk){.frame = mt_trace_frame(stacks->trace, stack), .place = UINT32_MAX};
}

static void fill_python(const struct mt_stacks *stacks, const struct mt_trace_frame *frame,
                        struct mt_line *line)
{
    const struct mt_trace_code *code = mt_trace_code(stacks->trace, frame->code);
    *line = (struct mt_line){.function = code ? code->name : NULL,
                             .file = code ? code->file : NULL,
                             .line = frame->where < UINT32_MAX ? (uint32_t)frame->where : 0,
                             .python = true};
}

static void fill_native(const struct mt_stacks *stacks, const struct mt_line_walk *walk,
                        struct mt_line *line)
{
    const struct mt_trace_module *module = mt_trace_module(stacks->trace, walk->frame->module);
    *line = (struct mt_line){.module = module ? module->path : NULL};
    if (walk->places->signal_return) {
        line->function = "(return of a signal handler)";
    } else if (walk->place < walk->places->n) {
        const struct mt_place *place = &walk->places->place[walk->place];
        line->function = place->function;
        line->file = place->file;
        line->line = place->line;
    }
}

bool mt_stacks_next(struct mt_stacks *stacks, struct mt_line_walk *walk, struct mt_line *line)
{
    uint32_t lines = walk->places && !walk->places->signal_return ? walk->places->n : 1;
    if (walk->frame && walk->place != UINT32_MAX && walk->place + 1 >= lines)
        mt_stacks_walk(stacks, walk->frame->caller, walk);
    if (!walk->frame)
        return false;
    walk->place++; /* from UINT32_MAX to 0 on a new frame */
    if (walk->frame->code) {
        fill_python(stacks, walk->frame, line);
        return true;
    }
    if (walk->place == 0)
        walk->places = places_of(stacks, walk->frame);
    if (!walk->places)
        return false;
    fill_native(stacks, walk, line);
    return true;
}

uint32_t mt_stacks_depth(const struct mt_stacks *stacks, uint64_t stack)
{
    uint32_t depth = 0;
    for (const struct mt_trace_frame *frame = mt_trace_frame(stacks->trace, stack); frame;
         frame = mt_trace_frame(stacks->trace, frame->caller))
        depth++;
    return depth;
}

/* ---- text ---- */

static void put(struct text *text, const char *bytes, size_t size)
{
    if (!MT_ROOM_FOR(text->bytes, text->used + size + 1, text->room, 256)) {
        text->failed = true;
        return;
    }
    memcpy(text->bytes + text->used, bytes, size);
    text->used += size;
    text->bytes[text->used] = 0;
}

/* A name may hold anything but what separates lines. */
static void put_name(struct text *text, const char *name)
{
    size_t begin = text->used;
    put(text, name, strlen(name));
    for (size_t i = begin; !text->failed && i < text->used; i++)
        if (text->bytes[i] == ';')
            text->bytes[i] = ':';
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* "function (file:line)", as far as it is known. */
static void put_line(struct text *text, const struct mt_line *line, uint64_t where, bool folders)
{
    char number[32];
    if (!line->function) {
        snprintf(number, sizeof number, line->module ? "+0x%" PRIx64 : "0x%" PRIx64, where);
        if (line->module)
            put_name(text, base_name(line->module));
        put(text, number, strlen(number));
    } else {
        put_name(text, line->function);
    }
    if (line->file && line->line) {
        snprintf(number, sizeof number, ":%" PRIu32 ")", line->line);
        put(text, " (", 2);
        put_name(text, folders ? line->file : base_name(line->file));
        put(text, number, strlen(number));
    } else if (line->function && line->module) {
        put(text, " (", 2);
        put_name(text, base_name(line->module));
        put(text, ")", 1);
    }
}

const char *mt_stacks_text(struct mt_stacks *stacks, uint64_t stack)
{
    struct mt_line_walk walk;
    struct mt_line line;
    stacks->text.used = 0;
    stacks->text.failed = false;
    mt_stacks_walk(stacks, stack, &walk);
    if (!walk.frame)
        put_name(&stacks->text, stack ? "(stack not in the trace)" : "(no stack)");
    while (mt_stacks_next(stacks, &walk, &line)) {
        if (stacks->text.used)
            put(&stacks->text, ";", 1);
        put_line(&stacks->text, &line, walk.frame->where, true);
    }
    return stacks->text.failed || walk.frame ? NULL : stacks->text.bytes;
}

/* ---- sites ---- */

/* Of strings, which may be missing, and a number. */
static uint64_t hash(const char *const *strings, size_t n, uint64_t number)
{
    uint64_t sum = MT_FNV_START ^ number;
    for (size_t i = 0; i < n; i++) {
        if (strings[i])
            sum = mt_fnv(sum, strings[i], strlen(strings[i]));
        sum = mt_fnv(sum, "\xff", 1);
    }
    return sum;
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : left == right;
}

static char *copy(const char *text, bool *failed)
{
    char *made = text ? strdup(text) : NULL;
    *failed |= text && !made;
    return made;
}

/* Sites of one module share its number. */
static bool number_module(struct mt_stacks *stacks, struct mt_site *site)
{
    const char *const name[] = {site->module};
    for (uint64_t key = hash(name, 1, 0);; key++) {
        uint64_t *place = mt_dict_add(&stacks->by_module, key);
        if (!place)
            return false;
        if (*place && !same_text(stacks->site[*place - 1].module, site->module))
            continue;
        site->module_number = *place ? stacks->site[*place - 1].module_number : stacks->modules++;
        if (!*place)
            *place = stacks->sites + UINT64_C(1);
        return true;
    }
}

/* Add *site, which is taken over, as the last one. */
static uint32_t append(struct mt_stacks *stacks, struct mt_site *site, bool failed)
{
    if (failed || !site->text || !MT_ROOM(stacks->site, stacks->sites, stacks->room, 64) ||
        !number_module(stacks, site)) {
        release_site(site);
        return MT_NO_SITE;
    }
    stacks->site[stacks->sites] = *site;
    return stacks->sites++;
}

/* The text of a site without folders, in the buffer. */
static const char *short_text(struct mt_stacks *stacks, const struct mt_line *line, uint64_t where)
{
    stacks->text.used = 0;
    stacks->text.failed = false;
    put_line(&stacks->text, line, where, false);
    return stacks->text.failed ? NULL : stacks->text.bytes;
}

static uint32_t intern(struct mt_stacks *stacks, const struct mt_line *line, const char *text)
{
    const char *module = line->python ? line->file : line->module;
    const char *const strings[] = {text, line->file, module};
    for (uint64_t key = hash(strings, 3, line->line);; key++) {
        uint64_t *place = mt_dict_add(&stacks->by_text, key);
        if (!place)
            return MT_NO_SITE;
        const struct mt_site *known = *place ? &stacks->site[*place - 1] : NULL;
        if (known && (!same_text(known->text, text) || !same_text(known->file, line->file) ||
                      !same_text(known->module, module) || known->line != line->line))
            continue;
        if (known)
            return (uint32_t)(*place - 1);
        bool failed = false;
        struct mt_site site = {.text = copy(text, &failed),
                               .function = copy(line->function, &failed),
                               .file = copy(line->file, &failed),
                               .module = copy(module, &failed),
                               .line = line->line};
        uint32_t made = append(stacks, &site, failed);
        if (made != MT_NO_SITE)
            *place = made + UINT64_C(1);
        return made;
    }
}

static enum mt_rank rank_of(const struct mt_line *line)
{
    return line->python ? mt_rank_of_file(line->file ? line->file : "")
                        : mt_rank_of_function(line->module, line->function);
}

/* The innermost of the lines that say most. Python says more than anything native, whose names need
 * files to be opened: these are asked only where there is no Python. */
static uint64_t find_best(struct mt_stacks *stacks, uint64_t stack, bool python,
                          struct mt_line *best)
{
    enum mt_rank least = MT_RANKS;
    struct mt_line_walk walk;
    struct mt_line line;
    uint64_t where = 0;
    mt_stacks_walk(stacks, stack, &walk);
    while (walk.frame && least != MT_RANK_PYTHON) {
        if (python && !walk.frame->code) {
            mt_stacks_walk(stacks, walk.frame->caller, &walk);
            continue;
        }
        if (!mt_stacks_next(stacks, &walk, &line))
            break;
        enum mt_rank rank = rank_of(&line);
        if (rank < least && line.python == python) {
            least = rank;
            *best = line;
            where = walk.frame->where;
        }
    }
    return where;
}

static uint32_t find_site(struct mt_stacks *stacks, uint64_t stack)
{
    struct mt_line best = {.function = NULL};
    uint64_t where = find_best(stacks, stack, true, &best);
    if (!best.python)
        where = find_best(stacks, stack, false, &best);
    const char *text = mt_trace_frame(stacks->trace, stack) ? short_text(stacks, &best, where)
                       : stack                              ? "(stack not in the trace)"
                                                            : "(no stack)";
    return text ? intern(stacks, &best, text) : MT_NO_SITE;
}

uint32_t mt_stacks_site(struct mt_stacks *stacks, uint64_t stack)
{
    const uint64_t *known = mt_dict_find(&stacks->site_of, stack);
    if (known)
        return (uint32_t)(*known - 1);
    uint32_t site = find_site(stacks, stack);
    uint64_t *place = site == MT_NO_SITE ? NULL : mt_dict_add(&stacks->site_of, stack);
    if (!place)
        return MT_NO_SITE;
    *place = site + UINT64_C(1);
    return site;
}

const struct mt_site *mt_stacks_site_at(const struct mt_stacks *stacks, uint32_t site)
{
    return &stacks->site[site];
}
