/* Where a program or library and its debug file may lie. */
#ifndef MT_FINDFILE_H
#define MT_FINDFILE_H

#include <stdbool.h>

#include "symbols/elffile.h"
#include "symbols/symbols.h"

/* The file itself: at its path, under the sysroot, under the debug path. */
bool mt_find_main(const struct mt_symbols_options *options, const char *path, const char *build_id,
                  struct mt_elffile *file);

/* The file with its debug information, by build-id or by the name it has in `main` (which may be
 * not open). */
bool mt_find_debug(const struct mt_symbols_options *options, const char *path, const char *build_id,
                   const struct mt_elffile *main, struct mt_elffile *file);

/* The same from the servers of DEBUGINFOD_URLS, where that is set; debug: its debug file, or the
 * file itself. */
bool mt_find_remote(const char *build_id, bool debug, struct mt_elffile *file);

#endif
