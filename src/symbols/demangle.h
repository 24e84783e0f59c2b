/* Names of kernels and functions as their source has them. */
#ifndef MT_DEMANGLE_H
#define MT_DEMANGLE_H

/* A C++ name from its mangled form, any other name as it is; to be freed. NULL: out of memory. */
char *mt_demangle(const char *name);

/* The same without parameters and return type, as functions are called in a stack. */
char *mt_demangle_short(const char *name);

#endif
