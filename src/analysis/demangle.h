/* Names of kernels as their source has them. */
#ifndef MT_DEMANGLE_H
#define MT_DEMANGLE_H

/* A C++ name from its mangled form, any other name as it is; to be freed. NULL: out of memory. */
char *mt_demangle(const char *name);

#endif
