/* Names come from DWARF where there is some, else from a symbol table: that of the debug file, or
 * the file's own. */
#include "symbols/object.h"

#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/demangle.h"
#include "symbols/dwarflines.h"
#include "symbols/elffile.h"
#include "symbols/elfsyms.h"
#include "symbols/findfile.h"

struct mt_object {
    struct mt_elffile main, debug;
    struct mt_dwarflines *lines;
    struct mt_elfsyms symbols;
    bool symbols_tried, frames_tried;
    Dwarf_CFI *frames; /* of main; libdw's, released with the file */
};

static void find_files(struct mt_object *object, const struct mt_symbols_options *options,
                       const char *path, const char *build_id)
{
    bool main = mt_find_main(options, path, build_id, &object->main);
    if (main && mt_elffile_has(&object->main, ".debug_info"))
        return;
    if (!mt_find_debug(options, path, build_id, &object->main, &object->debug))
        mt_find_remote(build_id, true, &object->debug);
    if (!main && !object->debug.elf)
        mt_find_remote(build_id, false, &object->main);
}

struct mt_object *mt_object_open(const struct mt_symbols_options *options, const char *path,
                                 const char *build_id)
{
    struct mt_object *object = calloc(1, sizeof *object);
    if (!object)
        return NULL;
    object->main.fd = object->debug.fd = -1;
    find_files(object, options, path, build_id);
    if (!object->main.elf && !object->debug.elf) {
        free(object);
        return NULL;
    }
    object->lines = mt_dwarflines_new(object->debug.elf ? object->debug.elf : object->main.elf);
    return object;
}

void mt_object_close(struct mt_object *object)
{
    if (!object)
        return;
    mt_dwarflines_free(object->lines);
    mt_elfsyms_release(&object->symbols);
    if (object->frames)
        dwarf_cfi_end(object->frames);
    mt_elffile_close(&object->debug);
    mt_elffile_close(&object->main);
    free(object);
}

static const char *symbol_at(struct mt_object *object, uint64_t address)
{
    if (!object->symbols_tried) {
        object->symbols_tried = true;
        if (!object->debug.elf || !mt_elfsyms_load(&object->symbols, object->debug.elf))
            if (object->main.elf)
                mt_elfsyms_load(&object->symbols, object->main.elf);
    }
    return mt_elfsyms_at(&object->symbols, address);
}

/* Unwind tables mark the code that a signal handler returns to, which has no name in a stripped C
 * library. */
static bool is_signal_return(struct mt_object *object, uint64_t address)
{
    Dwarf_Frame *frame = NULL;
    bool marked = false;
    if (!object->frames_tried && object->main.elf)
        object->frames = dwarf_getcfi_elf(object->main.elf);
    object->frames_tried = true;
    if (!object->frames || dwarf_cfi_addrframe(object->frames, address, &frame) != 0)
        return false;
    dwarf_frame_info(frame, NULL, NULL, &marked);
    free(frame);
    return marked;
}

static char *demangled(char *mangled)
{
    char *plain = mangled ? mt_demangle_short(mangled) : NULL;
    free(mangled);
    return plain;
}

/* A name without its C++ scope: the symbol has it. */
static void ask_symbols(struct mt_object *object, uint64_t address, struct mt_found *found)
{
    const char *symbol = symbol_at(object, address);
    uint32_t last = found->n ? found->n - 1 : 0;
    if (!symbol)
        return;
    free(found->place[last].function);
    /* Behind "@" stands which version of an interface it is. */
    found->place[last].function = strndup(symbol, strcspn(symbol, "@"));
    found->n = last + 1;
}

void mt_object_at(struct mt_object *object, uint64_t address, struct mt_found *found)
{
    bool plain = true;
    if (object->lines)
        mt_dwarflines_at(object->lines, address, found, &plain);
    if (plain)
        ask_symbols(object, address, found);
    if (found->n == 0 || !found->place[found->n - 1].function)
        found->signal_return = is_signal_return(object, address);
    for (uint32_t i = 0; i < found->n; i++)
        found->place[i].function = demangled(found->place[i].function);
}
