#include "shim/image/images.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/guest/glibc.h"
#include "shim/guest/guard.h"
#include "shim/image/cubin.h"

#define NAMES_FEW ((size_t)64 << 10) /* bytes of names that may be of what is gone */

struct owner {
    const void *handle;
    uint32_t kernels; /* place in `kernels`: a module of a library shares the library's */
};

struct function {
    const void *handle, *owner;
    uint32_t name; /* place in `names` */
    uint32_t kernels;
};

static struct {
    pthread_mutex_t lock;
    struct mt_pile owners, functions, kernels, names;
    uint32_t n_owners, n_functions, n_kernels;
    size_t name_bytes, names_most; /* where names are looked through for those that are gone */
} images = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void child_of_fork(void)
{
    pthread_mutex_init(&images.lock, NULL);
}

__attribute__((constructor)) static void load(void)
{
    mt_in_forked_child(child_of_fork);
}

/* ---- with the lock held ---- */

static struct owner *find_owner(const void *handle)
{
    struct owner *at = images.owners.at;
    for (uint32_t i = images.n_owners; i-- > 0;)
        if (at[i].handle == handle)
            return &at[i];
    return NULL;
}

static struct function *find_function(const void *handle)
{
    struct function *at = images.functions.at;
    for (uint32_t i = images.n_functions; i-- > 0;)
        if (at[i].handle == handle)
            return &at[i];
    return NULL;
}

static struct mt_image_kernels *kernels_at(uint32_t place)
{
    return (struct mt_image_kernels *)images.kernels.at + place;
}

#define PLACE_FREE SIZE_MAX /* bytes of what is not there */

/* The kernels of what is gone go when nobody shares them. */
static void release_kernels(uint32_t place)
{
    const struct owner *at = images.owners.at;
    for (uint32_t i = 0; i < images.n_owners; i++)
        if (at[i].kernels == place)
            return;
    mt_pile_release(&kernels_at(place)->pile);
    kernels_at(place)->bytes = PLACE_FREE;
}

/* UINT32_MAX: no memory. */
static uint32_t place_for_kernels(void)
{
    uint32_t n = images.n_kernels;
    for (uint32_t i = 0; i < n; i++)
        if (kernels_at(i)->bytes == PLACE_FREE)
            return i;
    if (!mt_pile_room(&images.kernels, (n + 1) * sizeof(struct mt_image_kernels)))
        return UINT32_MAX;
    kernels_at(n)->bytes = PLACE_FREE;
    images.n_kernels = n + 1;
    return n;
}

/* Names that are not used any more make room. */
static void renew_names(void)
{
    struct mt_pile fresh = {0};
    struct function *function = images.functions.at;
    size_t bytes = 0;
    for (uint32_t i = 0; i < images.n_functions; i++) {
        const char *name = (const char *)images.names.at + function[i].name;
        size_t length = strlen(name) + 1;
        char *at = mt_pile_room(&fresh, bytes + length);
        if (!at) {
            mt_pile_release(&fresh);
            return;
        }
        memcpy(at + bytes, name, length);
        bytes += length;
    }
    for (uint32_t i = 0, at = 0; i < images.n_functions; i++) {
        function[i].name = at;
        at += (uint32_t)strlen((const char *)fresh.at + at) + 1;
    }
    mt_pile_release(&images.names);
    images.names = fresh;
    images.name_bytes = bytes;
}

static void forget(const void *handle)
{
    struct owner *owner = find_owner(handle);
    struct function *function = images.functions.at;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < images.n_functions; i++)
        if (function[i].owner != handle)
            function[kept++] = function[i];
    images.n_functions = kept;
    if (images.name_bytes > images.names_most) {
        renew_names();
        images.names_most = NAMES_FEW + 2 * images.name_bytes;
    }
    if (!owner)
        return;
    uint32_t place = owner->kernels;
    *owner = ((struct owner *)images.owners.at)[--images.n_owners];
    release_kernels(place);
}

static bool add_owner(const void *handle, uint32_t kernels)
{
    struct owner *at = mt_pile_room(&images.owners, (images.n_owners + 1) * sizeof *at);
    if (!at)
        return false;
    at[images.n_owners++] = (struct owner){handle, kernels};
    return true;
}

static void loaded(const void *handle, struct mt_image_kernels *kernels)
{
    forget(handle); /* a handle that is used again */
    uint32_t place = place_for_kernels();
    if (place == UINT32_MAX || !add_owner(handle, place)) {
        mt_pile_release(&kernels->pile);
        return;
    }
    *kernels_at(place) = *kernels;
}

static uint32_t keep_name(const char *name)
{
    size_t length = strlen(name) + 1;
    char *at = mt_pile_room(&images.names, images.name_bytes + length);
    if (!at)
        return UINT32_MAX;
    memcpy(at + images.name_bytes, name, length);
    images.name_bytes += length;
    return (uint32_t)(images.name_bytes - length);
}

static void put_function(const struct function *what)
{
    struct function *known = find_function(what->handle);
    struct function *at = mt_pile_room(&images.functions, (images.n_functions + 1) * sizeof *at);
    if (known)
        *known = *what;
    else if (at)
        at[images.n_functions++] = *what;
}

/* ---- from outside ---- */

static void read_and_keep(const void *owner, const void *image, uint64_t bytes)
{
    struct mt_image_kernels kernels = {{0}, 0};
    mt_image_read(&kernels, image, bytes);
    struct mt_guard guard = mt_lock(&images.lock);
    loaded(owner, &kernels);
    mt_unlock(&images.lock, &guard);
}

void mt_image_loaded(const void *owner, const void *image)
{
    read_and_keep(owner, image, UINT64_MAX);
}

void mt_image_loaded_file(const void *owner, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *image = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 64)
        image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (image == MAP_FAILED)
        return;
    read_and_keep(owner, image, (uint64_t)status.st_size);
    munmap(image, (size_t)status.st_size);
}

void mt_image_same_owner(const void *library, const void *module)
{
    struct mt_guard guard = mt_lock(&images.lock);
    const struct owner *owner = find_owner(library);
    if (owner && !find_owner(module))
        add_owner(module, owner->kernels);
    mt_unlock(&images.lock, &guard);
}

void mt_image_got(const void *owner, const void *function, const char *name)
{
    struct mt_guard guard = mt_lock(&images.lock);
    const struct owner *from = find_owner(owner);
    const struct function *known = find_function(function);
    const char *names = images.names.at;
    bool same = known && known->owner == owner && strcmp(names + known->name, name) == 0;
    uint32_t kept = same ? 0 : keep_name(name);
    if (!same && kept != UINT32_MAX)
        put_function(&(struct function){function, owner, kept, from ? from->kernels : UINT32_MAX});
    mt_unlock(&images.lock, &guard);
}

void mt_image_same_function(const void *kernel, const void *function)
{
    struct mt_guard guard = mt_lock(&images.lock);
    const struct function *known = find_function(kernel);
    if (known) {
        struct function alias = *known;
        alias.handle = function;
        put_function(&alias);
    }
    mt_unlock(&images.lock, &guard);
}

void mt_image_gone(const void *owner)
{
    struct mt_guard guard = mt_lock(&images.lock);
    forget(owner);
    mt_unlock(&images.lock, &guard);
}

bool mt_image_tell(const void *function, char *name, size_t room, uint16_t *layout, uint32_t most,
                   uint32_t *params)
{
    struct mt_guard guard = mt_lock(&images.lock);
    const struct function *known = find_function(function);
    const char *text = known ? (const char *)images.names.at + known->name : NULL;
    const struct mt_image_kernel *kernel = known && known->kernels != UINT32_MAX
                                               ? mt_image_find(kernels_at(known->kernels), text)
                                               : NULL;
    if (text)
        snprintf(name, room, "%s", text);
    *params = UINT32_MAX;
    if (kernel && kernel->params <= most) {
        *params = kernel->params;
        memcpy(layout, kernel->layout, 4 * (size_t)kernel->params);
    }
    mt_unlock(&images.lock, &guard);
    return text != NULL;
}
