#include "stacks/siterules.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What stands behind the last "/site-packages/" or its Debian kin, NULL where there is none. */
static const char *package_in(const char *file)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/"};
    const char *package = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (const char *at = file; (at = strstr(at, folders[i])) != NULL;) {
            at += strlen(folders[i]);
            if (!package || at > package)
                package = at;
        }
    return package;
}

static bool is_framework(const char *package)
{
    static const char *const names[] = {
#define PACKAGE(name) name,
#define REPORTER(prefix)
#define LIBRARY(prefix, rank)
#define FUNCTION(prefix, rank)
#include "stacks/siterules.def"
    };
    size_t length = strcspn(package, "/.");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && strncmp(names[i], package, length) == 0)
            return true;
    return false;
}

/* .../lib/python3.12/threading.py, zipped or not. */
static bool is_standard_library(const char *file)
{
    const char *at = strstr(file, "/lib/python3");
    return at && at[strlen("/lib/python3")] != '/';
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_reporter(const char *name)
{
    return false
#define PACKAGE(name)
#define REPORTER(prefix) || begins(name, prefix)
#define LIBRARY(prefix, rank)
#define FUNCTION(prefix, rank)
#include "stacks/siterules.def"
        ;
}

enum mt_rank mt_rank_of_file(const char *file)
{
    const char *package = package_in(file);
    if (is_reporter(name_of(file)))
        return MT_RANK_PYTHON_FRAMEWORK;
    if (package)
        return is_framework(package) ? MT_RANK_PYTHON_FRAMEWORK : MT_RANK_PYTHON;
    return begins(file, "<frozen ") || is_standard_library(file) ? MT_RANK_PYTHON_FRAMEWORK
                                                                 : MT_RANK_PYTHON;
}

enum mt_rank mt_rank_of_function(const char *path, const char *function)
{
    const char *name = path ? name_of(path) : "";
#define PACKAGE(name)
#define REPORTER(prefix)
#define LIBRARY(prefix, rank)
#define FUNCTION(prefix, rank)                                                                     \
    if (function && begins(function, prefix))                                                      \
        return MT_RANK_##rank;
#include "stacks/siterules.def"
#define PACKAGE(name)
#define REPORTER(prefix)
#define LIBRARY(prefix, rank)                                                                      \
    if (begins(name, prefix))                                                                      \
        return MT_RANK_##rank;
#define FUNCTION(prefix, rank)
#include "stacks/siterules.def"
    return !path ? MT_RANK_ALLOCATOR : function ? MT_RANK_NATIVE : MT_RANK_NAMELESS;
}
