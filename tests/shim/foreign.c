#include "foreign.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

#define WORDS 64

static const char *emulator(void)
{
    const char *command = getenv("MESON_EXE_WRAPPER");
    return command && *command ? command : NULL;
}

bool foreign_is(void)
{
    return emulator() != NULL;
}

/* qemu-user's option -E: a variable of the program that is not the emulator's own. */
static unsigned move_variable(const char *name, char **word)
{
    const char *value = getenv(name);
    if (!value)
        return 0;
    word[0] = (char *)(uintptr_t)"-E";
    if (asprintf(&word[1], "%s=%s", name, value) < 0)
        abort();
    unsetenv(name);
    return 2;
}

void foreign_exec(const char *path, const char *const *arguments)
{
    char *word[WORDS] = {NULL};
    unsigned n = 0;
    wordexp_t command;
    if (!emulator() || wordexp(emulator(), &command, WRDE_NOCMD) != 0)
        return;
    for (size_t i = 0; i < command.we_wordc && n < WORDS / 2; i++)
        word[n++] = command.we_wordv[i];
    n += move_variable("LD_PRELOAD", word + n);
    n += move_variable("LD_LIBRARY_PATH", word + n);
    word[n++] = (char *)(uintptr_t)"-0"; /* what the program finds as its own name */
    word[n++] = (char *)(uintptr_t)arguments[0];
    word[n++] = (char *)(uintptr_t)path;
    for (unsigned i = 1; arguments[i] && n < WORDS - 1; i++)
        word[n++] = (char *)(uintptr_t)arguments[i];
    execvp(word[0], word);
}

void foreign_quiet(char *said)
{
    char *to = said;
    if (!emulator())
        return;
    for (char *line = said, *end; *line; line = end) {
        end = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line);
        if (strncmp(line, "qemu: ", 6) != 0)
            to = (char *)memmove(to, line, (size_t)(end - line)) + (end - line);
    }
    *to = 0;
}

bool foreign_skip(const char *why)
{
    if (!emulator())
        return false;
    printf("# skipped under an emulator: %s\n", why);
    fflush(stdout);
    return true;
}
