/* Errors of the libraries: a code that is negative, and what was wrong, where and what to do.
 * Libraries return the code and print nothing; tools print the message once. */
#ifndef MT_ERROR_H
#define MT_ERROR_H

#include <stdint.h>

/* X(name, what it means in general) */
#define MT_ERRORS(X)                                                                               \
    X(MT_ERR_SYSTEM, "a system call failed")                                                       \
    X(MT_ERR_MEMORY, "out of memory")                                                              \
    X(MT_ERR_NOT_TRACE, "not a memtrace file")                                                     \
    X(MT_ERR_VERSION, "written by a newer version")                                                \
    X(MT_ERR_DAMAGED, "damaged")                                                                   \
    X(MT_ERR_LIMIT, "beyond what this version reads")                                              \
    X(MT_ERR_USAGE, "wrong arguments")

enum mt_err {
    MT_OK = 0,
    MT_ERR_BEFORE_FIRST = -100,
#define MT_ERROR_ENUM(name, text) name,
    MT_ERRORS(MT_ERROR_ENUM)
#undef MT_ERROR_ENUM
};

/* Room for one error; the message names place and remedy and ends without a full stop or newline.
 */
struct mt_error {
    int code; /* enum mt_err */
    char message[500];
};

/* Fill *error (may be NULL) and return `code`, so that a caller can `return mt_fail(...)`. */
int mt_fail(struct mt_error *error, enum mt_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The general meaning of a code. */
const char *mt_err_text(int code);

#define RETURN_IF_ERROR(expression)                                                                \
    do {                                                                                           \
        int mt_code_ = (expression);                                                               \
        if (mt_code_ < 0)                                                                          \
            return mt_code_;                                                                       \
    } while (0)

#endif
