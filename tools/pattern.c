/* Patterns of file names before the job runs: what can be known then is checked then. */
#include "pattern.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"

/* Appends to one of the texts of a pattern; remembers when it was too long. */
struct writer {
    char *text;
    size_t length;
    bool full;
};

static void put(struct writer *out, char c)
{
    if (out->length + 1 >= MT_PATTERN_MAX) {
        out->full = true;
        return;
    }
    out->text[out->length++] = c;
    out->text[out->length] = '\0';
}

static void put_text(struct writer *out, const char *text)
{
    while (*text)
        put(out, *text++);
}

static void put_quoted(struct writer *out, char c)
{
    if (strchr("*?[]\\{}~", c))
        put(out, '\\');
    put(out, c);
}

/* A relative pattern begins in the folder where the launcher was started; a % in that folder's
 * name is no placeholder. */
static int make_absolute(struct mt_pattern *pattern, const char *text, struct mt_error *error)
{
    struct writer out = {pattern->text, 0, false};
    if (text[0] != '/') {
        char folder[MT_PATTERN_MAX];
        if (!getcwd(folder, sizeof folder))
            return mt_fail(error, MT_ERR_SYSTEM, "the current folder: %s", strerror(errno));
        for (const char *c = folder; *c; c++)
            put_text(&out, *c == '%' ? "%%" : (char[]){*c, '\0'});
        put(&out, '/');
    }
    put_text(&out, text);
    if (out.full)
        return mt_fail(error, MT_ERR_USAGE, "output pattern: longer than %d bytes",
                       MT_PATTERN_MAX - 1);
    return MT_OK;
}

/* From `glob` to `numbered`. */
static void number(struct mt_pattern *pattern)
{
    static const char suffix[] = ".mtrace";
    struct writer out = {pattern->numbered, 0, false};
    size_t length = strlen(pattern->glob), tail = sizeof suffix - 1;
    bool has = length >= tail && strcmp(pattern->glob + length - tail, suffix) == 0;
    for (size_t i = 0; i < length - (has ? tail : 0); i++)
        put(&out, pattern->glob[i]);
    put_text(&out, "-*");
    put_text(&out, has ? suffix : "");
}

/* Walks the absolute pattern once, writing `glob` and `path`. */
static int expand(struct mt_pattern *pattern, struct mt_error *error)
{
    struct writer glob = {pattern->glob, 0, false}, path = {pattern->path, 0, false};
    pattern->fixed = true;
    for (const char *c = pattern->text; *c; c++) {
        bool placeholder = *c == '%' && *++c != '%';
        if (!placeholder) {
            put_quoted(&glob, *c);
            if (pattern->fixed)
                put(&path, *c);
        } else if (*c != '\0' && strchr("pher", *c)) {
            put(&glob, '*');
            pattern->fixed = false;
        } else {
            return mt_fail(error, MT_ERR_USAGE,
                           "output pattern: %%%.1s is no placeholder; there are %%p, %%h, %%e, %%r "
                           "and %%%% for a percent sign", c);
        }
    }
    number(pattern);
    if (glob.full || strlen(pattern->glob) + strlen("-*") >= MT_PATTERN_MAX)
        return mt_fail(error, MT_ERR_USAGE, "output pattern: too long");
    return MT_OK;
}

int mt_pattern_init(struct mt_pattern *pattern, const char *text, struct mt_error *error)
{
    *pattern = (struct mt_pattern){.fixed = false};
    size_t length = strlen(text);
    if (length == 0 || text[length - 1] == '/')
        return mt_fail(error, MT_ERR_USAGE, "output pattern: '%s' names no file", text);
    RETURN_IF_ERROR(make_absolute(pattern, text, error));
    return expand(pattern, error);
}

/* Only making a file tells: access(2) says yes to root, and nothing of a full disk. */
static int try_folder(const char *folder, struct mt_error *error)
{
    char path[MT_PATTERN_MAX + 32];
    snprintf(path, sizeof path, "%s/.memtrace-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0)
        return mt_fail(error, MT_ERR_USAGE,
                       "%.400s: no file can be made there: %s; give another folder with -o", folder,
                       strerror(errno));
    unlink(path);
    close(fd);
    return MT_OK;
}

static int check_folder(char *folder, struct mt_error *error)
{
    struct stat status;
    bool there = stat(folder, &status) == 0;
    int code = there ? 0 : mt_folders_make(folder);
    if (code < 0)
        return mt_fail(error, MT_ERR_USAGE,
                       "%s: the folder cannot be made: %s; give another with -o", folder,
                       strerror(-code));
    if (there && !S_ISDIR(status.st_mode))
        return mt_fail(error, MT_ERR_USAGE, "%s: not a folder; give another with -o", folder);
    return try_folder(folder, error);
}

int mt_pattern_check(const struct mt_pattern *pattern, bool force, struct mt_error *error)
{
    size_t length = strlen(strrchr(pattern->text, '/') + 1);
    if (length > NAME_MAX - strlen(".ring"))
        return mt_fail(error, MT_ERR_USAGE,
                       "output pattern: its name has %zu bytes, more than files may have; choose "
                       "another with -o", length);
    char folder[MT_PATTERN_MAX];
    strcpy(folder, pattern->path);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    RETURN_IF_ERROR(check_folder(folder, error));
    struct stat status;
    if (!pattern->fixed || lstat(pattern->path, &status) != 0)
        return MT_OK;
    if (!S_ISREG(status.st_mode))
        return mt_fail(error, MT_ERR_USAGE, "%s: exists and is no regular file; choose another "
                       "name with -o", pattern->path);
    if (!force)
        return mt_fail(error, MT_ERR_USAGE, "%s: exists; --force overwrites it, -o chooses another "
                       "name", pattern->path);
    return MT_OK;
}

int mt_pattern_clear(const struct mt_pattern *pattern, struct mt_error *error)
{
    char ring[MT_PATTERN_MAX + 8];
    if (!pattern->fixed)
        return MT_OK;
    snprintf(ring, sizeof ring, "%s.ring", pattern->path);
    const char *const files[] = {pattern->path, ring};
    for (int i = 0; i < 2; i++) {
        if (unlink(files[i]) != 0 && errno != ENOENT)
            return mt_fail(error, MT_ERR_SYSTEM, "%.400s: %s", files[i], strerror(errno));
    }
    return MT_OK;
}
