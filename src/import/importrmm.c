/* The log of RMM's logging_resource_adaptor.
 *
 * It has the time of day, to the microsecond, and no date: of the days that a time may be on, the
 * one is meant that lies nearest to the row before. Threads write one after the other, so the
 * order of the rows is the order in which things happened, whatever the clock says: a row that
 * seems earlier than the one before happened at its time. A row of another thread gets a time of
 * its own, or the reader of the trace could not know the order; a nanosecond is enough. */
#include <string.h>

#include "import/importer.h"

enum column { THREAD, TIME, ACTION, POINTER, SIZE, STREAM, COLUMNS };

static const char *const names[COLUMNS] = {"Thread", "Time", "Action", "Pointer", "Size", "Stream"};

#define SECOND_NS UINT64_C(1000000000)
#define DAY_NS (86400 * SECOND_NS)

#define SHOW(cell) (int)((cell).size < 80 ? (cell).size : 80), (cell).text

/* Two digits below `limit`, then the character `then`, which is passed over as well. */
static bool two_digits(const char **at, const char *end, unsigned limit, char then, uint64_t *value)
{
    const char *text = *at;
    if (end - text < 3 || text[2] != then)
        return false;
    unsigned tens = (unsigned)(text[0] - '0'), ones = (unsigned)(text[1] - '0');
    *value = 10 * tens + ones;
    *at += 3;
    return tens <= 9 && ones <= 9 && *value < limit;
}

/* HH:MM:SS.ffffff, or with a colon before the fraction as older versions have it. */
static bool time_of_day(struct mt_csv_cell cell, uint64_t *ns)
{
    const char *at = cell.text, *end = at + cell.size;
    uint64_t hours, minutes, seconds, unit = SECOND_NS / 10, fraction = 0;
    if (!two_digits(&at, end, 24, ':', &hours) || !two_digits(&at, end, 60, ':', &minutes) ||
        end - at < 3 || !two_digits(&at, end, 61, at[2] == '.' ? '.' : ':', &seconds))
        return false;
    if (at == end || end - at > 9)
        return false;
    for (; at < end; at++, unit /= 10) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9)
            return false;
        fraction += digit * unit;
    }
    *ns = ((hours * 60 + minutes) * 60 + seconds) * SECOND_NS + fraction;
    return true;
}

/* Time since midnight of the first row's day; never before the last row's. */
static uint64_t unwrap(struct mt_importer *importer, uint64_t of_day)
{
    uint64_t time_ns = importer->day_ns + of_day, last = importer->last_ns;
    if (!importer->started) {
        importer->started = true;
        importer->first_ns = importer->last_ns = time_ns;
        return time_ns;
    }
    if (last > time_ns && last - time_ns > DAY_NS / 2) {
        importer->day_ns += DAY_NS;
        time_ns += DAY_NS;
    } else if (time_ns > last && time_ns - last > DAY_NS / 2 && importer->day_ns) {
        time_ns -= DAY_NS; /* a row of before midnight that another overtook */
    }
    if (time_ns < last) {
        importer->result->backward++;
        if (last - time_ns > importer->result->backward_ns)
            importer->result->backward_ns = last - time_ns;
        time_ns = last;
    }
    return time_ns;
}

/* The number of a thread in the trace, from 0; -1 if memory is out. */
static int64_t thread_of(struct mt_importer *importer, uint64_t id, uint64_t time_ns)
{
    uint64_t *number = mt_dict_add(&importer->threads, id);
    if (!number)
        return mt_fail(importer->error, MT_ERR_MEMORY, "out of memory for the log's threads");
    if (*number == 0) {
        *number = importer->threads.size;
        RETURN_IF_ERROR(
            MT_TRACEFILE_ADD(importer->file, (uint32_t)*number - 1, time_ns, thread, .os_tid = id));
    }
    return (int64_t)*number - 1;
}

/* The row is taken: its time and its thread. */
static int64_t take(struct mt_importer *importer, uint64_t of_day, uint64_t id, uint64_t *time_ns)
{
    bool first = !importer->started;
    *time_ns = unwrap(importer, of_day);
    uint64_t *known = mt_dict_find(&importer->threads, id);
    bool other = !first && (!known || *known - 1 != importer->last_thread);
    *time_ns += other && *time_ns == importer->last_ns;
    importer->last_ns = *time_ns;
    *time_ns -= importer->first_ns;
    int64_t thread = thread_of(importer, id, *time_ns);
    if (thread >= 0)
        importer->last_thread = (uint32_t)thread;
    return thread;
}

enum action { ALLOCATE, FREE, FAILURE, NO_ACTION };

static enum action action_of(struct mt_csv_cell cell)
{
    return mt_cell_is(cell, "allocate")           ? ALLOCATE
           : mt_cell_is(cell, "free")             ? FREE
           : mt_cell_is(cell, "allocate failure") ? FAILURE
                                                  : NO_ACTION;
}

static bool number(struct mt_importer *importer, enum column column, uint64_t *value)
{
    struct mt_csv_cell cell = mt_importer_cell(importer, column);
    *value = 0;
    if (mt_cell_number(cell, value) || mt_cell_is(cell, "(nil)"))
        return true;
    mt_importer_bad(importer, "%s: '%.*s' is no whole number", names[column], SHOW(cell));
    return false;
}

static int rmm_row(struct mt_importer *importer)
{
    struct mt_csv_cell time_cell = mt_importer_cell(importer, TIME);
    struct mt_csv_cell action_cell = mt_importer_cell(importer, ACTION);
    enum action action = action_of(action_cell);
    uint64_t of_day, id, address, size, time_ns;
    if (action == NO_ACTION)
        return mt_importer_bad(importer,
                               "Action: '%.*s' is none of allocate, free, allocate failure",
                               SHOW(action_cell));
    if (!time_of_day(time_cell, &of_day))
        return mt_importer_bad(importer, "Time: '%.*s' is no time like 12:34:56.123456",
                               SHOW(time_cell));
    if (!number(importer, THREAD, &id) || !number(importer, POINTER, &address) ||
        !number(importer, SIZE, &size))
        return 0;
    if (action == ALLOCATE && size && !address)
        return mt_importer_bad(importer, "Pointer: %llu bytes at 0", (unsigned long long)size);
    if (address + size < address)
        return mt_importer_bad(importer, "Size: it reaches beyond the last address");
    int64_t thread = take(importer, of_day, id, &time_ns);
    if (thread < 0)
        return (int)thread;
    if (action == FAILURE)
        return mt_importer_oom(importer, (uint32_t)thread, time_ns, size);
    if (size == 0 || address == 0) /* RMM hands out nothing for 0 bytes */
        return 0;
    return action == ALLOCATE
               ? mt_importer_alloc(importer, (uint32_t)thread, time_ns, address, size)
               : mt_importer_free(importer, (uint32_t)thread, time_ns, address);
}

const struct mt_import_reader mt_import_reader_rmm = {names, COLUMNS, COLUMNS, rmm_row};
