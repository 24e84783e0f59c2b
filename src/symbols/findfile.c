/* A file is taken only if its build-id is the recorded one; a debug file of a program without a
 * build-id only if its checksum is the one that the program names. */
#include "symbols/findfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 4096
#define SYSTEM_DEBUG "/usr/lib/debug"

/* What is looked for, while folder after folder is tried. */
struct search {
    const char *path, *build_id;
    const char *link; /* name of the debug file, NULL if it has none */
    uint32_t crc;
    bool debug;
    struct mt_elffile *file;
};

static bool matches(const struct search *search)
{
    if (!mt_elffile_is(search->file, search->build_id))
        return false;
    return *search->build_id || !search->debug || mt_elffile_has_crc(search->file, search->crc);
}

static bool attempt(const struct search *search, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool attempt(const struct search *search, const char *format, ...)
{
    char name[PATH_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= PATH_BYTES || !mt_elffile_open(search->file, name))
        return false;
    if (matches(search))
        return true;
    mt_elffile_close(search->file);
    return false;
}

static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The layout of /usr/lib/debug: by build-id, by the whole path, by the name alone. */
static bool in_folder(const struct search *search, const char *folder)
{
    const char *id = search->build_id, *name = search->debug ? search->link : NULL;
    if (strlen(id) > 2 && attempt(search, "%s/.build-id/%.2s/%s%s", folder, id, id + 2,
                                  search->debug ? ".debug" : ""))
        return true;
    if (!search->debug)
        return attempt(search, "%s%s", folder, search->path) ||
               attempt(search, "%s/%s", folder, base_name(search->path));
    if (name &&
        (attempt(search, "%s%.*s/%s", folder, folder_length(search->path), search->path, name) ||
         attempt(search, "%s/%s", folder, name)))
        return true;
    return *id && (attempt(search, "%s%s.debug", folder, search->path) ||
                   attempt(search, "%s/%s.debug", folder, base_name(search->path)));
}

static bool in_folders(const struct search *search, const char *folders)
{
    char folder[PATH_BYTES];
    while (folders && *folders) {
        size_t length = strcspn(folders, ":");
        if (length > 0 && length < sizeof folder) {
            memcpy(folder, folders, length);
            folder[length] = 0;
            if (in_folder(search, folder))
                return true;
        }
        folders += length + (folders[length] == ':');
    }
    return false;
}

bool mt_find_main(const struct mt_symbols_options *options, const char *path, const char *build_id,
                  struct mt_elffile *file)
{
    struct search search = {.path = path, .build_id = build_id, .file = file};
    if (*path != '/') /* the kernel's own, or memory without a file */
        return false;
    return (options->sysroot && attempt(&search, "%s%s", options->sysroot, path)) ||
           attempt(&search, "%s", path) || in_folders(&search, options->debug_path);
}

/* Beside the program, where the debugger looks as well. */
static bool beside(const struct search *search, const char *root)
{
    int folder = folder_length(search->path);
    return search->link &&
           (attempt(search, "%s%.*s/.debug/%s", root, folder, search->path, search->link) ||
            attempt(search, "%s%.*s/%s", root, folder, search->path, search->link));
}

static bool under_root(const struct search *search, const char *root)
{
    char folder[PATH_BYTES];
    if (beside(search, root))
        return true;
    return snprintf(folder, sizeof folder, "%s" SYSTEM_DEBUG, root) < PATH_BYTES &&
           in_folder(search, folder);
}

bool mt_find_debug(const struct mt_symbols_options *options, const char *path, const char *build_id,
                   const struct mt_elffile *main, struct mt_elffile *file)
{
    struct search search = {.path = path, .build_id = build_id, .debug = true, .file = file};
    if (*path != '/')
        return false;
    search.link = main->elf ? mt_elffile_debuglink(main, &search.crc) : NULL;
    return in_folders(&search, options->debug_path) ||
           (options->sysroot && under_root(&search, options->sysroot)) || under_root(&search, "");
}
