#include "shim/guest/shimlog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/guest/glibc.h"

static struct stat at_load;

void mt_shim_remember_stderr(void)
{
    if (fstat(STDERR_FILENO, &at_load) < 0)
        at_load = (struct stat){0};
}

/* Where the stream was closed, the program may have a file or connection of its own under the
 * number. A log that it put there itself is appended to. */
static bool may_write(void)
{
    struct stat now;
    if (fstat(STDERR_FILENO, &now) < 0)
        return false;
    if (now.st_dev == at_load.st_dev && now.st_ino == at_load.st_ino)
        return true;
    if (S_ISREG(now.st_mode))
        return fcntl(STDERR_FILENO, F_GETFL) & O_APPEND;
    return S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode);
}

/* A reader that is gone, or a file at its limit, must not end the job by SIGPIPE or SIGXFSZ. */
static void write_quietly(const char *line, size_t size)
{
    sigset_t both, before, pending;
    sigemptyset(&both);
    sigaddset(&both, SIGPIPE);
    sigaddset(&both, SIGXFSZ);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &both, &before);
    ssize_t written = write(STDERR_FILENO, line, size);
    int signal = written >= 0 ? 0 : errno == EPIPE ? SIGPIPE : errno == EFBIG ? SIGXFSZ : 0;
    sigemptyset(&both);
    if (signal && !sigismember(&pending, signal)) {
        sigaddset(&both, signal);
        sigtimedwait(&both, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Paths stand in it as they came: their control characters, also those of two bytes, would steer a
 * terminal. */
static void make_plain(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        bool second = i > 0 && (unsigned char)line[i - 1] == 0xc2 && byte >= 0x80 && byte < 0xa0;
        if (byte < ' ' || byte == 0x7f || second)
            line[i] = '?';
    }
}

void mt_shim_say(const char *format, ...)
{
    char line[1024] = "memtrace: ";
    const size_t start = sizeof "memtrace: " - 1;
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - start - 1, format, arguments);
    va_end(arguments);
    size_t size = start + (length < 0 ? 0 : (size_t)length);
    if (size > sizeof line - 2)
        size = sizeof line - 2;
    make_plain(line, size);
    line[size] = '\n';
    if (may_write())
        write_quietly(line, size + 1);
    errno = saved;
}
