#include "rhythm/detector.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rhythm/plain.h"

#define SYMBOLS_MAX (1u << 22) /* that are looked at; what follows is not */

struct mt_detector {
    struct mt_symbol *symbol;
    size_t symbols, room;
};

struct mt_detector *mt_detector_new(void)
{
    return calloc(1, sizeof(struct mt_detector));
}

void mt_detector_free(struct mt_detector *detector)
{
    if (detector)
        free(detector->symbol);
    free(detector);
}

void mt_rhythm_release(struct mt_rhythm *rhythm)
{
    free(rhythm->level);
    free(rhythm->iteration);
    free(rhythm->instability);
    memset(rhythm, 0, sizeof *rhythm);
}

int mt_detector_feed(struct mt_detector *detector, const struct mt_symbol *symbol, size_t n)
{
    size_t left = SYMBOLS_MAX - detector->symbols;
    n = n < left ? n : left;
    if (detector->symbols + n > detector->room) {
        size_t room = detector->room ? 2 * detector->room : 4096;
        void *more = realloc(detector->symbol, room * sizeof *detector->symbol);
        if (!more)
            return MT_ERR_MEMORY;
        detector->symbol = more;
        detector->room = room;
    }
    if (n)
        memcpy(detector->symbol + detector->symbols, symbol, n * sizeof *symbol);
    detector->symbols += n;
    return 0;
}

int mt_detector_finish(struct mt_detector *detector, uint64_t end_ns, uint64_t events,
                       struct mt_rhythm *rhythm)
{
    const struct mt_symbols symbols = {detector->symbol, detector->symbols, end_ns, events};
    memset(rhythm, 0, sizeof *rhythm);
    return mt_plain_find(&symbols, rhythm);
}
