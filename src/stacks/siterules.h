/* How much a frame says about who asked for memory; the lowest rank says most. */
#ifndef MT_SITERULES_H
#define MT_SITERULES_H

#include <stdint.h>

enum mt_rank {
    MT_RANK_PYTHON,           /* the job's own Python, and packages that are no framework */
    MT_RANK_PYTHON_FRAMEWORK, /* siterules.def, and Python's own library */
    MT_RANK_NATIVE,           /* a function with a name */
    MT_RANK_TELLING,          /* of a framework, but it says what for */
    MT_RANK_NAMELESS,
    MT_RANK_FRAMEWORK,
    MT_RANK_ALLOCATOR, /* and the driver, the C library */
    MT_RANKS,
};

/* Of a Python frame, by its file. */
enum mt_rank mt_rank_of_file(const char *file);

/* Of a native frame by the path of its library (NULL: none) and its function (NULL: not known). */
enum mt_rank mt_rank_of_function(const char *path, const char *function);

#endif
