/* What is known of loaded modules and libraries, and of the functions got from them, where the
 * driver cannot tell parameters. Any thread; not in a signal handler. */
#ifndef MT_IMAGES_H
#define MT_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A module or library was loaded from an image in memory, or from a file. */
void mt_image_loaded(const void *owner, const void *image);
void mt_image_loaded_file(const void *owner, const char *path);
/* `module` holds what `library` does; `function` does what `kernel` does. */
void mt_image_same_owner(const void *library, const void *module);
void mt_image_same_function(const void *kernel, const void *function);
/* A function or kernel was got by its name. */
void mt_image_got(const void *owner, const void *function, const char *name);
/* A module or library is about to go, and its functions with it. */
void mt_image_gone(const void *owner);

/* Name and layout (offset and size of each parameter, at most `most`) of a function; UINT32_MAX in
 * *params where only the name is known, false where nothing is. */
bool mt_image_tell(const void *function, char *name, size_t room, uint16_t *layout, uint32_t most,
                   uint32_t *params);

#endif
