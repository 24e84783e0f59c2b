#include "import/importer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/grow.h"

#define NAME_MAX_BYTES 60000u /* a name must fit into a record */

int mt_importer_bad(struct mt_importer *importer, const char *format, ...)
{
    char reason[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    importer->result->bad++;
    importer->request->bad(importer->request->context, importer->rows.line, reason);
    return 0;
}

/* ---- cells ---- */

static struct mt_csv_cell trim(struct mt_csv_cell cell)
{
    while (cell.size && (*cell.text == ' ' || *cell.text == '\t')) {
        cell.text++;
        cell.size--;
    }
    while (cell.size && (cell.text[cell.size - 1] == ' ' || cell.text[cell.size - 1] == '\t'))
        cell.size--;
    return cell;
}

struct mt_csv_cell mt_importer_cell(const struct mt_importer *importer, size_t column)
{
    int i = importer->column[column];
    return i < 0 ? (struct mt_csv_cell){"", 0} : trim(importer->rows.cell[i]);
}

bool mt_cell_is(struct mt_csv_cell cell, const char *word)
{
    return strlen(word) == cell.size && memcmp(cell.text, word, cell.size) == 0;
}

static bool hex_number(const char *at, const char *end, uint64_t *number)
{
    uint64_t value = 0;
    if (at == end || end - at > 16)
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0'), letter = (unsigned)((*at | 0x20) - 'a');
        if (digit > 9 && letter > 5)
            return false;
        value = value << 4 | (digit <= 9 ? digit : letter + 10);
    }
    *number = value;
    return true;
}

bool mt_cell_number(struct mt_csv_cell cell, uint64_t *number)
{
    const char *at = cell.text, *end = at + cell.size;
    uint64_t value = 0;
    if (cell.size > 2 && at[0] == '0' && (at[1] | 0x20) == 'x')
        return hex_number(at + 2, end, number);
    if (at == end)
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *number = value;
    return true;
}

/* ---- events ---- */

static int out_of_memory(struct mt_importer *importer)
{
    return mt_fail(importer->error, MT_ERR_MEMORY, "out of memory for importing %s",
                   importer->request->name);
}

/* An address that is given out again without a free ends what lived there, as in the replay. */
int mt_importer_alloc(struct mt_importer *importer, uint32_t thread, uint64_t time_ns,
                      uint64_t address, uint64_t size)
{
    uint64_t *live = mt_dict_add(&importer->live, address);
    if (!live)
        return out_of_memory(importer);
    importer->allocated += size - *live;
    *live = size;
    importer->result->blocks++;
    return MT_TRACEFILE_ADD(importer->file, thread, time_ns, block_alloc, .address = address,
                            .size = size, .allocated = importer->allocated,
                            .device = importer->request->device);
}

/* The size is that of the allocation: it is what the sum goes down by. */
int mt_importer_free(struct mt_importer *importer, uint32_t thread, uint64_t time_ns,
                     uint64_t address)
{
    uint64_t *live = mt_dict_find(&importer->live, address), size = live ? *live : 0;
    importer->result->unknown_frees += !live;
    importer->allocated -= size;
    if (live)
        mt_dict_remove(&importer->live, address);
    return MT_TRACEFILE_ADD(importer->file, thread, time_ns, block_free, .address = address,
                            .size = size, .allocated = importer->allocated,
                            .device = importer->request->device);
}

int mt_importer_oom(struct mt_importer *importer, uint32_t thread, uint64_t time_ns, uint64_t size)
{
    return MT_TRACEFILE_ADD(importer->file, thread, time_ns, block_oom, .size = size,
                            .allocated = importer->allocated, .device = importer->request->device);
}

int mt_importer_access(struct mt_importer *importer, uint64_t time_ns,
                       const struct mt_ev_access *access)
{
    importer->result->accesses++;
    return mt_tracefile_words(importer->file, 0, time_ns, MT_access, (const uint64_t *)access,
                              sizeof *access / sizeof(uint64_t));
}

/* ---- names of kernels ---- */

static uint64_t hash_of(struct mt_csv_cell name)
{
    uint64_t hash = mt_fnv(MT_FNV_START, name.text, name.size);
    return hash ^ hash >> 29;
}

static bool is_named(const struct names *names, uint32_t number, struct mt_csv_cell name)
{
    const char *text = names->text + names->at[number];
    return strncmp(text, name.text, name.size) == 0 && text[name.size] == 0;
}

static bool keep_name(struct names *names, struct mt_csv_cell name)
{
    if (!MT_ROOM(names->at, names->count, names->at_room, 64) ||
        !MT_ROOM_FOR(names->text, names->size + name.size + 1, names->room, 256))
        return false;
    names->at[names->count++] = names->size;
    memcpy(names->text + names->size, name.text, name.size);
    names->text[names->size + name.size] = 0;
    names->size += name.size + 1;
    return true;
}

int64_t mt_importer_kernel(struct mt_importer *importer, uint64_t time_ns, struct mt_csv_cell name)
{
    struct names *names = &importer->names;
    uint64_t hash, *number;
    if (name.size == 0)
        name = (struct mt_csv_cell){"(unnamed)", 9};
    name.size = strnlen(name.text, name.size < NAME_MAX_BYTES ? name.size : NAME_MAX_BYTES);
    /* Another name of the same hash stands in the way: look one further. */
    for (hash = hash_of(name); (number = mt_dict_find(&importer->kernels, hash)); hash++)
        if (is_named(names, (uint32_t)*number - 1, name))
            return (int64_t)*number;
    if (names->count + 1 >= MT_KERNELS_MAX)
        return 0;
    number = mt_dict_add(&importer->kernels, hash);
    if (!number || !keep_name(names, name))
        return out_of_memory(importer);
    *number = names->count;
    RETURN_IF_ERROR(mt_tracefile_kernel(importer->file, 0, time_ns, names->count,
                                        names->text + names->at[names->count - 1],
                                        MT_PARAMS_UNKNOWN, NULL));
    return names->count;
}
