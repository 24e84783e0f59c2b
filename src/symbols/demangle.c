#include "symbols/demangle.h"

#include <string.h>

#if MT_HAVE_IBERTY
#include <libiberty/demangle.h>

#define MANGLED_MAX 16384u /* longer names are no compiler's, and may grow without bound */

static char *demangle(const char *name, int options)
{
    char *plain = strnlen(name, MANGLED_MAX) < MANGLED_MAX ? cplus_demangle(name, options) : NULL;
    return plain ? plain : strdup(name);
}

char *mt_demangle(const char *name)
{
    return demangle(name, DMGL_PARAMS | DMGL_ANSI);
}

char *mt_demangle_short(const char *name)
{
    return demangle(name, DMGL_ANSI);
}
#else
char *mt_demangle(const char *name)
{
    return strdup(name);
}

char *mt_demangle_short(const char *name)
{
    return strdup(name);
}
#endif
