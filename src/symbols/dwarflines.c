/* Address -> compilation unit -> function -> the functions inlined there, innermost last.
 *
 * The units' ranges are collected once, since not every compiler writes .debug_aranges. The
 * functions of a unit are collected when the unit is first asked. Both are sorted, so that a lookup
 * does not walk the tree of a large unit; only the tree of one function is walked, by hand and with
 * bounds: libdw's own walk is as deep as the file says.
 *
 * What libdw keeps of each unit (line tables, abbreviations) goes with the handle: after UNITS_MAX
 * units it is opened afresh. */
#include "symbols/dwarflines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/grow.h"

#define UNITS_MAX 64u
#define RANGES_MAX (UINT32_C(1) << 23)
#define DIES_MAX (UINT32_C(1) << 22) /* entries looked at in one walk */
#define DEPTH_MAX 64u

struct range {
    uint64_t begin, end;
    Dwarf_Off die;
};

struct ranges {
    struct range *range;
    size_t n, room;
};

struct unit {
    Dwarf_Off die;
    struct ranges functions;
};

struct mt_dwarflines {
    struct Elf *elf;
    Dwarf *dwarf;
    struct ranges units;
    struct unit unit[UNITS_MAX];
    uint32_t asked;
};

/* ---- sorted ranges ---- */

static bool add_range(struct ranges *ranges, uint64_t begin, uint64_t end, Dwarf_Off die)
{
    if (begin >= end || ranges->n >= RANGES_MAX)
        return true;
    if (!MT_ROOM(ranges->range, ranges->n, ranges->room, 256))
        return false;
    ranges->range[ranges->n++] = (struct range){begin, end, die};
    return true;
}

static void add_die(struct ranges *ranges, Dwarf_Die *die)
{
    Dwarf_Addr base, begin, end;
    ptrdiff_t offset = 0;
    for (uint32_t i = 0; i < RANGES_MAX; i++) {
        offset = dwarf_ranges(die, offset, &base, &begin, &end);
        if (offset <= 0 || !add_range(ranges, begin, end, dwarf_dieoffset(die)))
            return;
    }
}

static int compare(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return left->end > right->end ? -1 : left->end < right->end; /* the inner one last */
}

static void sort(struct ranges *ranges)
{
    if (ranges->n)
        qsort(ranges->range, ranges->n, sizeof *ranges->range, compare);
}

static const struct range *find(const struct ranges *ranges, uint64_t address)
{
    size_t after = MT_FIRST_ABOVE(ranges->range, ranges->n, begin, address);
    for (size_t back = 1; back <= DEPTH_MAX && back <= after; back++)
        if (address < ranges->range[after - back].end)
            return &ranges->range[after - back];
    return NULL;
}

/* ---- units ---- */

static void collect_units(struct mt_dwarflines *lines)
{
    Dwarf_CU *unit = NULL, *next;
    Dwarf_Die die, sub;
    Dwarf_Half version;
    uint8_t type;
    for (uint32_t i = 0; i < RANGES_MAX; i++) {
        if (dwarf_get_units(lines->dwarf, unit, &next, &version, &type, &die, &sub) != 0)
            break;
        if (type != DW_UT_type && type != DW_UT_split_type)
            add_die(&lines->units, &die);
        unit = next;
    }
    sort(&lines->units);
}

struct mt_dwarflines *mt_dwarflines_new(struct Elf *elf)
{
    struct mt_dwarflines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return NULL;
    lines->elf = elf;
    lines->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    if (lines->dwarf)
        collect_units(lines);
    if (lines->units.n == 0) {
        mt_dwarflines_free(lines);
        return NULL;
    }
    return lines;
}

static void forget_units(struct mt_dwarflines *lines)
{
    for (uint32_t i = 0; i < lines->asked; i++)
        free(lines->unit[i].functions.range);
    lines->asked = 0;
    if (lines->dwarf)
        dwarf_end(lines->dwarf);
    lines->dwarf = NULL;
}

void mt_dwarflines_free(struct mt_dwarflines *lines)
{
    if (!lines)
        return;
    forget_units(lines);
    free(lines->units.range);
    free(lines);
}

/* A unit whose bulk lies in another file (split DWARF) is read from there, if it is found. */
static bool unit_die(Dwarf *dwarf, Dwarf_Off offset, Dwarf_Die *die)
{
    Dwarf_Die skeleton, sub;
    uint8_t type;
    if (!dwarf_offdie(dwarf, offset, &skeleton))
        return false;
    bool split = dwarf_cu_info(skeleton.cu, NULL, &type, NULL, &sub, NULL, NULL, NULL) == 0 &&
                 type == DW_UT_skeleton && sub.cu;
    *die = split ? sub : skeleton;
    return true;
}

/* ---- walks ---- */

/* Functions may stand in namespaces, classes and other functions. */
static bool may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
        return true;
    default:
        return false;
    }
}

static void collect_functions(struct ranges *functions, Dwarf_Die *unit)
{
    Dwarf_Die level[DEPTH_MAX];
    uint32_t depth = 0;
    if (dwarf_child(unit, &level[0]) != 0)
        return;
    for (uint32_t i = 0; i < DIES_MAX; i++) {
        int tag = dwarf_tag(&level[depth]);
        if (tag == DW_TAG_subprogram)
            add_die(functions, &level[depth]);
        if (may_hold_functions(tag) && depth + 1 < DEPTH_MAX &&
            dwarf_child(&level[depth], &level[depth + 1]) == 0) {
            depth++;
            continue;
        }
        while (dwarf_siblingof(&level[depth], &level[depth]) != 0)
            if (depth-- == 0)
                return;
    }
}

static struct unit *unit_at(struct mt_dwarflines *lines, uint64_t address)
{
    const struct range *range = find(&lines->units, address);
    Dwarf_Die die;
    if (!range)
        return NULL;
    for (uint32_t i = 0; i < lines->asked; i++)
        if (lines->unit[i].die == range->die)
            return &lines->unit[i];
    if (lines->asked == UNITS_MAX)
        forget_units(lines);
    if (!lines->dwarf)
        lines->dwarf = dwarf_begin_elf(lines->elf, DWARF_C_READ, NULL);
    if (!lines->dwarf || !unit_die(lines->dwarf, range->die, &die))
        return NULL;
    struct unit *unit = &lines->unit[lines->asked++];
    *unit = (struct unit){.die = range->die};
    collect_functions(&unit->functions, &die);
    sort(&unit->functions);
    return unit;
}

static bool child_with(Dwarf_Die *die, uint64_t address, Dwarf_Die *child)
{
    if (dwarf_child(die, child) != 0)
        return false;
    for (uint32_t i = 0; i < DIES_MAX; i++) {
        int tag = dwarf_tag(child);
        if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
            dwarf_haspc(child, address) == 1)
            return true;
        if (dwarf_siblingof(child, child) != 0)
            return false;
    }
    return false;
}

/* The function and what was inlined there, outermost first. */
static uint32_t chain_of(Dwarf_Die *function, uint64_t address, Dwarf_Die chain[MT_PLACES_MAX])
{
    Dwarf_Die die = *function, child;
    uint32_t n = 1;
    chain[0] = die;
    for (uint32_t i = 0; i < 4 * DEPTH_MAX && n < MT_PLACES_MAX; i++) {
        if (!child_with(&die, address, &child))
            break;
        if (dwarf_tag(&child) == DW_TAG_inlined_subroutine)
            chain[n++] = child;
        die = child;
    }
    return n;
}

/* ---- names and files ---- */

static const char *text_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static char *name_of(Dwarf_Die *die, bool *plain)
{
    const char *name = text_of(die, DW_AT_linkage_name);
    if (!name)
        name = text_of(die, DW_AT_MIPS_linkage_name);
    *plain = !name;
    if (!name)
        name = text_of(die, DW_AT_name);
    return name ? strdup(name) : NULL;
}

static char *whole_path(Dwarf_Die *unit, const char *file)
{
    char *path = NULL;
    const char *folder = text_of(unit, DW_AT_comp_dir);
    if (!file)
        return NULL;
    if (*file == '/' || !folder)
        return strdup(file);
    return asprintf(&path, "%s/%s", folder, file) < 0 ? NULL : path;
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 && value < UINT32_MAX
               ? (uint32_t)value
               : 0;
}

/* Where an inlined function was called. */
static void call_place(Dwarf_Die *unit, Dwarf_Die *inlined, struct mt_found *found, uint32_t i)
{
    Dwarf_Files *files;
    size_t n;
    uint32_t file = number_of(inlined, DW_AT_call_file);
    found->place[i].line = number_of(inlined, DW_AT_call_line);
    if (dwarf_getsrcfiles(unit, &files, &n) == 0 && file < n)
        found->place[i].file = whole_path(unit, dwarf_filesrc(files, file, NULL, NULL));
}

static void line_place(Dwarf_Die *unit, uint64_t address, struct mt_found *found)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number = 0;
    if (!line)
        return;
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        found->place[0].line = (uint32_t)number;
    found->place[0].file = whole_path(unit, dwarf_linesrc(line, NULL, NULL));
    found->n = 1;
}

void mt_dwarflines_at(struct mt_dwarflines *lines, uint64_t address, struct mt_found *found,
                      bool *plain)
{
    Dwarf_Die chain[MT_PLACES_MAX], unit, split, function;
    struct unit *known = unit_at(lines, address);
    *plain = true;
    if (!known || !dwarf_offdie(lines->dwarf, known->die, &unit) ||
        !unit_die(lines->dwarf, known->die, &split))
        return;
    line_place(&unit, address, found);
    const struct range *range = find(&known->functions, address);
    if (!range || !dwarf_offdie(dwarf_cu_getdwarf(split.cu), range->die, &function))
        return;
    uint32_t n = chain_of(&function, address, chain);
    for (uint32_t i = 0; i < n; i++) {
        found->place[i].function = name_of(&chain[n - 1 - i], plain);
        if (i > 0)
            call_place(&unit, &chain[n - i], found, i);
    }
    found->n = n;
}
