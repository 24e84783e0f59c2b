/* Which loaded file an address lies in, and what the file says of itself. */
#ifndef MT_OBJECTS_H
#define MT_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct mt_object {
    uintptr_t begin, end; /* in memory */
    uintptr_t base;       /* added to the file's own addresses */
    uintptr_t unwind;     /* .eh_frame_hdr, 0: there is none */
    const char *name;     /* as the linker knows it, "" for the program itself */
    const ElfW(Phdr) * part;
    unsigned parts;
};

/* Find out how to ask. Once, not from a hook. */
void mt_objects_init(void);

/* The object of `address`; false where it lies in none. Takes no lock from glibc 2.35 on; before,
 * one of the dynamic linker's under which no code of the job runs. */
bool mt_object_find(uintptr_t address, struct mt_object *object);

#define MT_BUILD_ID_TEXT 65

/* Its build-id in hexadecimal, "" if it has none. */
void mt_object_build_id(const struct mt_object *object, char text[MT_BUILD_ID_TEXT]);

/* How often a file was unloaded so far; takes the linker's lock. */
unsigned long long mt_objects_unloads(void);

#endif
