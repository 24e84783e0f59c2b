#include "base/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

/* In an own folder, as a path from the root or from there; `code` is to come, the path to be as
 * before. */
static void make(const char *path, int code)
{
    char changed[8192];
    strcpy(changed, path);
    ck_assert_int_eq(mt_folders_make(changed), code);
    ck_assert_str_eq(changed, path);
}

static bool is_folder(const char *path, mode_t rights)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_mode == (S_IFDIR | rights);
}

static void enter(char folder[32])
{
    strcpy(folder, "/tmp/folders-XXXXXX");
    ck_assert(mkdtemp(folder) && chdir(folder) == 0);
    umask(027);
}

static void leave(const char *folder, const char *const *made)
{
    for (; *made; made++)
        ck_assert_msg(remove(*made) == 0, "%s: %s", *made, strerror(errno));
    ck_assert(chdir("/") == 0 && rmdir(folder) == 0);
}

START_TEST(what_is_missing)
{
    char folder[32], path[64];
    enter(folder);
    make("a", 0);
    make("a", 0);
    make("a/b//c/d/", 0);
    ck_assert(is_folder("a", 0750) && is_folder("a/b", 0750) && is_folder("a/b/c/d", 0750));
    snprintf(path, sizeof path, "%s/e/f", folder);
    make(path, 0);
    strcpy(path, "g/h/i");
    ck_assert_int_eq(mt_folders_make_for(path), 0);
    ck_assert_str_eq(path, "g/h/i");
    ck_assert(is_folder("e/f", 0750) && is_folder("g/h", 0750) && !is_folder("g/h/i", 0750));
    strcpy(path, "i");
    ck_assert_int_eq(mt_folders_make_for(path), 0);
    static const char *const made[] = {"a/b/c/d", "a/b/c", "a/b", "a", "e/f",
                                       "e",       "g/h",   "g",   NULL};
    leave(folder, made);
}
END_TEST

START_TEST(what_cannot_be_made)
{
    char folder[32];
    enter(folder);
    close(creat("file", 0600));
    ck_assert(symlink("none", "link") == 0);
    make("", -ENOENT);
    make("file", 0);
    make("file/a/b", -ENOTDIR);
    make("link/a", -ENOENT);
    make("/proc/no/where", -ENOENT);
    static const char *const made[] = {"file", "link", NULL};
    leave(folder, made);
}
END_TEST

/* Many at once. */
START_TEST(deep)
{
    char folder[32], path[4096] = "d";
    enter(folder);
    while (strlen(path) < 2000)
        strcat(path, "/d");
    make(path, 0);
    ck_assert(is_folder(path, 0750));
    for (char *slash; (slash = strrchr(path, '/')); *slash = 0)
        ck_assert(rmdir(path) == 0);
    static const char *const made[] = {"d", NULL};
    leave(folder, made);
}
END_TEST

UNIT_MAIN("folders", what_is_missing, what_cannot_be_made, deep)
