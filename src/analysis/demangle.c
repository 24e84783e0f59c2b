#include "analysis/demangle.h"

#include <string.h>

#if MT_HAVE_IBERTY
#include <libiberty/demangle.h>

char *mt_demangle(const char *name)
{
    char *plain = cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI);
    return plain ? plain : strdup(name);
}
#else
char *mt_demangle(const char *name)
{
    return strdup(name);
}
#endif
