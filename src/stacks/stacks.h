/* Stacks of a trace in words: their frames, and the one that is to blame, the site.
 *
 * The site of a stack is its innermost frame of Python that belongs to no framework and not to
 * Python's own library; where there is none, its innermost frame of Python; where there is none
 * either, its innermost native function with a name that belongs to no framework, driver, allocator
 * or C library, and so on down the ranks of siterules.h. Where inlined functions share a frame, the
 * innermost one counts. Stacks with one site have one number for it.
 *
 * Native frames are named by src/symbols when they are asked for. Strings are good until
 * mt_stacks_free unless it says otherwise. Used by one thread, after the events that define the
 * frames were read. */
#ifndef MT_STACKS_H
#define MT_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "memtrace/trace.h"
#include "symbols/symbols.h"

struct mt_stacks;

/* Both must outlive it. NULL where memory is out. */
struct mt_stacks *mt_stacks_new(const struct mt_trace *trace, struct mt_symbols *symbols);
void mt_stacks_free(struct mt_stacks *stacks); /* NULL is allowed */

/* A function at work: a Python frame has one, a native frame one for each that was inlined. */
struct mt_line {
    const char *function; /* NULL if not known */
    const char *file;     /* NULL if not known */
    const char *module;   /* path of the library; of Python NULL */
    uint32_t line;        /* 0 if not known */
    bool python;
};

/* Goes through the lines of a stack, innermost first. */
struct mt_line_walk {
    const struct mt_trace_frame *frame; /* of the line that came last; NULL at the end */
    const struct mt_places *places;     /* of a native frame */
    uint32_t place;                     /* number of the line in its frame */
};

/* Begin with the innermost frame of a stack, or with any other one; mt_stacks_next goes to its
 * first line. */
void mt_stacks_walk(const struct mt_stacks *stacks, uint64_t stack, struct mt_line_walk *walk);

/* The next line; false at the end, and where memory is out. */
bool mt_stacks_next(struct mt_stacks *stacks, struct mt_line_walk *walk, struct mt_line *line);

/* All lines, "function (file:line)", innermost first, with ";" between them; without file "function
 * (library)", without function "library+0xaddress". Good until the next call; NULL where memory is
 * out. Stack 0 is "(no stack)". */
const char *mt_stacks_text(struct mt_stacks *stacks, uint64_t stack);

/* Frames of a stack as recorded. */
uint32_t mt_stacks_depth(const struct mt_stacks *stacks, uint64_t stack);

struct mt_site {
    char *text;                     /* short: "function (file:line)", without folders */
    char *function, *file, *module; /* NULL if not known; module: of Python its file */
    uint32_t line;
    uint32_t module_number; /* the same for sites of one module */
};

#define MT_NO_SITE UINT32_MAX

/* The number of a stack's site, dense from 0; MT_NO_SITE where memory is out. */
uint32_t mt_stacks_site(struct mt_stacks *stacks, uint64_t stack);
const struct mt_site *mt_stacks_site_at(const struct mt_stacks *stacks, uint32_t site);

#endif
