/* Modules and what was found in them. An answer is kept for each distinct address; files are opened
 * when they are first asked, and closed again when OPEN_MAX others were asked since: sorted symbols
 * and line tables of a large library take tens of megabytes. */
#include "symbols/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "symbols/object.h"

#define OPEN_MAX 8u

struct module {
    char *path, *build_id;
    struct mt_object *object;
    uint64_t used; /* when it was last asked */
    bool sought;   /* looked for, at least once */
    bool found;
};

struct entry {
    uint64_t address;
    uint32_t module;
    struct mt_places *places; /* NULL: the entry is free */
};

struct mt_symbols {
    struct mt_symbols_options options;
    struct module *module;
    uint32_t modules, module_room;
    struct entry *entry; /* open addressing */
    size_t entries, room;
    uint64_t clock;
};

struct mt_symbols *mt_symbols_new(const struct mt_symbols_options *options)
{
    struct mt_symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols && options)
        symbols->options = *options;
    return symbols;
}

static void free_places(struct mt_places *places)
{
    for (uint32_t i = 0; places && i < places->n; i++) {
        free((char *)(uintptr_t)places->place[i].function);
        free((char *)(uintptr_t)places->place[i].file);
    }
    free(places);
}

void mt_symbols_free(struct mt_symbols *symbols)
{
    if (!symbols)
        return;
    for (uint32_t i = 0; i < symbols->modules; i++) {
        mt_object_close(symbols->module[i].object);
        free(symbols->module[i].path);
        free(symbols->module[i].build_id);
    }
    for (size_t i = 0; i < symbols->room; i++)
        free_places(symbols->entry[i].places);
    free(symbols->module);
    free(symbols->entry);
    free(symbols);
}

/* ---- modules ---- */

uint32_t mt_symbols_module(struct mt_symbols *symbols, const char *path, const char *build_id)
{
    for (uint32_t i = 0; i < symbols->modules; i++)
        if (strcmp(symbols->module[i].path, path) == 0 &&
            strcmp(symbols->module[i].build_id, build_id) == 0)
            return i;
    if (!MT_ROOM(symbols->module, symbols->modules, symbols->module_room, 64))
        return MT_NO_MODULE;
    struct module *module = &symbols->module[symbols->modules];
    *module = (struct module){.path = strdup(path), .build_id = strdup(build_id)};
    if (!module->path || !module->build_id) {
        free(module->path);
        free(module->build_id);
        return MT_NO_MODULE;
    }
    return symbols->modules++;
}

/* The one that was not asked for the longest time makes room. */
static void close_oldest(struct mt_symbols *symbols)
{
    struct module *oldest = NULL;
    uint32_t open = 0;
    for (uint32_t i = 0; i < symbols->modules; i++) {
        struct module *module = &symbols->module[i];
        if (!module->object)
            continue;
        open++;
        if (!oldest || module->used < oldest->used)
            oldest = module;
    }
    if (open >= OPEN_MAX) {
        mt_object_close(oldest->object);
        oldest->object = NULL;
    }
}

static struct mt_object *object_of(struct mt_symbols *symbols, uint32_t number)
{
    struct module *module = &symbols->module[number];
    if (!module->object && (!module->sought || module->found)) {
        close_oldest(symbols);
        module->object = mt_object_open(&symbols->options, module->path, module->build_id);
        module->sought = true;
        module->found = module->object != NULL;
    }
    module->used = ++symbols->clock;
    return module->object;
}

/* ---- answers ---- */

static struct entry *locate(struct entry *entry, size_t room, uint32_t module, uint64_t address)
{
    uint64_t hash = (address ^ (uint64_t)module << 48) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32) & (room - 1);
    while (entry[i].places && (entry[i].address != address || entry[i].module != module))
        i = (i + 1) & (room - 1);
    return &entry[i];
}

static bool make_room(struct mt_symbols *symbols)
{
    if (symbols->entries * 2 < symbols->room)
        return true;
    size_t room = symbols->room ? symbols->room * 2 : 1024;
    struct entry *entry = calloc(room, sizeof *entry);
    if (!entry)
        return false;
    for (size_t i = 0; i < symbols->room; i++)
        if (symbols->entry[i].places)
            *locate(entry, room, symbols->entry[i].module, symbols->entry[i].address) =
                symbols->entry[i];
    free(symbols->entry);
    symbols->entry = entry;
    symbols->room = room;
    return true;
}

static struct mt_places *keep(const struct mt_found *found)
{
    struct mt_places *places = malloc(sizeof *places + found->n * sizeof places->place[0]);
    if (!places)
        return NULL;
    places->signal_return = found->signal_return;
    places->n = found->n;
    for (uint32_t i = 0; i < found->n; i++)
        places->place[i] =
            (struct mt_place){found->place[i].function, found->place[i].file, found->place[i].line};
    return places;
}

const struct mt_places *mt_symbols_at(struct mt_symbols *symbols, uint32_t module, uint64_t address)
{
    static const struct mt_places nothing = {.n = 0};
    if (module >= symbols->modules)
        return &nothing;
    if (!make_room(symbols))
        return NULL;
    struct entry *entry = locate(symbols->entry, symbols->room, module, address);
    if (entry->places)
        return entry->places;
    struct mt_found found = {.n = 0};
    struct mt_object *object = object_of(symbols, module);
    if (object)
        mt_object_at(object, address, &found);
    struct mt_places *places = keep(&found);
    if (!places) {
        for (uint32_t i = 0; i < found.n; i++) {
            free(found.place[i].function);
            free(found.place[i].file);
        }
        return NULL;
    }
    *entry = (struct entry){address, module, places};
    symbols->entries++;
    return places;
}
