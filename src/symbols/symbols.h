/* What lies at an address of a program or library: functions, source lines, what was inlined.
 *
 * Files are looked for where the traced process had them, and where the options say. A file counts
 * only if its build-id is the one that was recorded: names out of another version would be wrong.
 * Addresses are those of the file (load bias taken off). Everything is done when it is first asked
 * for and then remembered; only a few files are open at a time. Used by one thread.
 *
 * Built without elfutils nothing is ever found. */
#ifndef MT_SYMBOLS_H
#define MT_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct mt_symbols;

/* Strings must outlive the symbols; both may be NULL. */
struct mt_symbols_options {
    const char *sysroot;    /* a copy of the traced machine's /, searched first */
    const char *debug_path; /* folders with debug files, separated by colons */
};

struct mt_place {
    const char *function; /* demangled, without parameters; NULL if not known */
    const char *file;     /* NULL if not known */
    uint32_t line;        /* 0 if not known */
};

/* Innermost first: each function but the last was inlined into the one after it. */
struct mt_places {
    bool signal_return; /* where a signal handler returns to: its caller was interrupted */
    uint32_t n;         /* 0: nothing is known */
    struct mt_place place[];
};

/* NULL where memory is out; options may be NULL. */
struct mt_symbols *mt_symbols_new(const struct mt_symbols_options *options);
void mt_symbols_free(struct mt_symbols *symbols); /* NULL is allowed */

#define MT_NO_MODULE UINT32_MAX

/* A number for the file that was mapped from `path`; `build_id` in hex, "" if it has none. The
 * same file has the same number. MT_NO_MODULE where memory is out. */
uint32_t mt_symbols_module(struct mt_symbols *symbols, const char *path, const char *build_id);

/* What lies at `address` of a module. A return address is looked up less one: the call lies before
 * it, and may be the last instruction of its function. Good until the symbols are freed; NULL where
 * memory is out. */
const struct mt_places *mt_symbols_at(struct mt_symbols *symbols, uint32_t module,
                                      uint64_t address);

#endif
