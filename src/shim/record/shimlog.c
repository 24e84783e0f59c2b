#include "shim/record/shimlog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void mt_shim_say(const char *format, ...)
{
    char line[1024] = "memtrace: ";
    const size_t start = sizeof "memtrace: " - 1;
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - start - 1, format, arguments);
    va_end(arguments);
    size_t size = start + (length < 0 ? 0 : (size_t)length);
    if (size > sizeof line - 2)
        size = sizeof line - 2;
    line[size] = '\n';
    if (write(STDERR_FILENO, line, size + 1) < 0)
        errno = saved; /* nobody listens */
    errno = saved;
}
