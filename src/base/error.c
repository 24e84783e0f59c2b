#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int mt_fail(struct mt_error *error, enum mt_err code, const char *format, ...)
{
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    error->code = code;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return code;
}

const char *mt_err_text(int code)
{
    switch (code) {
#define MT_ERROR_CASE(name, text)                                                                  \
    case name:                                                                                     \
        return text;
        MT_ERRORS(MT_ERROR_CASE)
#undef MT_ERROR_CASE
    default:
        return code < 0 ? "unknown error" : "no error";
    }
}
