/* libvictim-faults.so, preloaded before the recorder: FAULT=NAME:N lets the N-th call of a function
 * by the recorder fail, FAULT=NAME:0 every one. Calls by others are left alone. FAULT=secure:0
 * tells the recorder that the program has more rights than its caller. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#pragma GCC visibility push(default)

static int is_recorder(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libmemtrace.so");
}

static int due(const char *name, const void *caller)
{
    static _Atomic int calls;
    const char *fault = getenv("FAULT");
    size_t length = strlen(name);
    if (!fault || strncmp(fault, name, length) != 0 || fault[length] != ':' || !is_recorder(caller))
        return 0;
    int nth = atoi(fault + length + 1);
    return nth == 0 || ++calls == nth;
}

static int due_from(const char *name, const void *caller)
{
    static _Atomic int calls;
    const char *fault = getenv("FAULT");
    size_t length = strlen(name);
    if (!fault || strncmp(fault, name, length) != 0 || fault[length] != ':' || !is_recorder(caller))
        return 0;
    return ++calls >= atoi(fault + length + 1);
}

static int is_full(const void *caller)
{
    const char *fault = getenv("FAULT");
    return fault && strncmp(fault, "full:", 5) == 0 && is_recorder(caller);
}

#define FAILS(name) due(name, __builtin_return_address(0))

void *mmap(void *address, size_t size, int rights, int flags, int fd, off_t offset)
{
    if (!FAILS("mmap"))
        return (void *)syscall(SYS_mmap, address, size, rights, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    if (!FAILS("open"))
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* A disk that is full to the last byte of this file. */
static ssize_t write_what_fits(int fd, const void *bytes, size_t size, off_t offset)
{
    struct stat status;
    off_t room = fstat(fd, &status) == 0 ? status.st_size - offset : 0;
    if (room > 0)
        return syscall(SYS_pwrite64, fd, bytes, (off_t)size < room ? size : (size_t)room, offset);
    errno = ENOSPC;
    return -1;
}

/* full: from the N-th write on; rings have no room from the start. */
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (due_from("full", __builtin_return_address(0)))
        return write_what_fits(fd, bytes, size, offset);
    if (!FAILS("pwrite"))
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
    errno = EIO;
    return -1;
}

int ftruncate(int fd, off_t size)
{
    if (!FAILS("ftruncate"))
        return (int)syscall(SYS_ftruncate, fd, size);
    errno = EIO;
    return -1;
}

/* nofallocate: as of a file system that does not know it; nosync: and that has no room;
 * interrupted: by signals that come faster than it is done. */
int fallocate(int fd, int mode, off_t offset, off_t size)
{
    bool unknown = FAILS("nofallocate") || FAILS("nosync"), interrupted = FAILS("interrupted");
    if (!unknown && !interrupted && !FAILS("fallocate") && !is_full(__builtin_return_address(0)))
        return (int)syscall(SYS_fallocate, fd, mode, offset, size);
    errno = unknown ? EOPNOTSUPP : interrupted ? EINTR : ENOSPC;
    return -1;
}

/* As of a file system that copies on write. */
int fstatfs(int fd, struct statfs *status)
{
    int result = (int)syscall(SYS_fstatfs, fd, status);
    if (FAILS("btrfs"))
        status->f_type = BTRFS_SUPER_MAGIC;
    if (FAILS("nilfs"))
        status->f_type = NILFS_SUPER_MAGIC;
    return result;
}

ssize_t readlink(const char *path, char *to, size_t size)
{
    if (!FAILS("readlink"))
        return syscall(SYS_readlinkat, AT_FDCWD, path, to, size);
    errno = EACCES;
    return -1;
}

int fdatasync(int fd)
{
    if (!FAILS("nosync"))
        return (int)syscall(SYS_fdatasync, fd);
    errno = ENOSPC;
    return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *data)
{
    __typeof__(&pthread_create) real =
        (__typeof__(&pthread_create))dlsym(RTLD_NEXT, "pthread_create");
    return FAILS("thread") ? EAGAIN : real(thread, attributes, run, data);
}

unsigned long getauxval(unsigned long type)
{
    __typeof__(&getauxval) real = (__typeof__(&getauxval))dlsym(RTLD_NEXT, "getauxval");
    return type == AT_SECURE && FAILS("secure") ? 1 : real(type);
}
