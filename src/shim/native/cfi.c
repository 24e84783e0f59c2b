/* The header has a table, sorted by address, that leads to the description (FDE) of a function;
 * that leads to what several have in common (CIE). Both hold programs for a small machine, which is
 * run up to the address asked for. Only two columns of its table are of interest: where the frame
 * pointer was saved and where the return address is; and how the CFA is reckoned. What is not
 * understood ends the walk. */
#include "shim/native/cfi.h"

#include <stddef.h>
#include <string.h>

#if defined(__aarch64__)
enum { BP = 29, SP = 31, RA = 30 }; /* register numbers of aarch64 */
#else
enum { BP = 6, SP = 7, RA = 16 }; /* register numbers of x86-64; RA is where the program is */
#endif

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t take(struct reader *from, size_t size)
{
    uint64_t value = 0;
    if ((size_t)(from->end - from->at) < size) {
        from->bad = true;
        return 0;
    }
    memcpy(&value, from->at, size);
    from->at += size;
    return value;
}

/* LEB128. *sign: what its sign puts above it, where it has one. */
static uint64_t take_leb128(struct reader *from, uint64_t *sign)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)take(from, 1);
        value |= shift < 64 ? (uint64_t)(byte & 127) << shift : 0;
        shift += 7;
    } while (byte >= 128);
    *sign = byte & 64 && shift < 64 ? ~UINT64_C(0) << shift : 0;
    return value;
}

static uint64_t take_unsigned(struct reader *from)
{
    uint64_t sign;
    return take_leb128(from, &sign);
}

static int64_t take_signed(struct reader *from)
{
    uint64_t sign, value = take_leb128(from, &sign);
    return (int64_t)(value | sign);
}

static void skip(struct reader *from, uint64_t size)
{
    if (size > (uint64_t)(from->end - from->at))
        from->bad = true;
    else
        from->at += size;
}

static struct reader take_block(struct reader *code)
{
    uint64_t size = take_unsigned(code);
    const uint8_t *begin = code->at;
    skip(code, size);
    return (struct reader){begin, code->at, code->bad};
}

/* DW_EH_PE_*: low four bits the form, then what it is relative to. */
static uint64_t take_pointer(struct reader *from, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)from->at;
    uint64_t value = 0;
    switch (encoding & 15) {
    case 0:
    case 4:
    case 12:
        value = take(from, 8);
        break;
    case 1:
        value = take_unsigned(from);
        break;
    case 2:
        value = take(from, 2);
        break;
    case 3:
        value = take(from, 4);
        break;
    case 9:
        value = (uint64_t)take_signed(from);
        break;
    case 10:
        value = (uint64_t)(int16_t)take(from, 2);
        break;
    case 11:
        value = (uint64_t)(int32_t)take(from, 4);
        break;
    default:
        from->bad = true;
    }
    return (encoding & 0x70) == 0x10 ? value + here : value;
}

/* ---- the description of a function ---- */

struct function {
    uint64_t begin, size;
    uint64_t code_unit;
    int64_t data_unit;
    uint8_t encoding;
    bool augmented, signal;
    struct reader common, own; /* programs */
};

/* What follows the length of an entry; false where there is none. */
static bool entry(const uint8_t *at, struct reader *body)
{
    uint32_t size;
    memcpy(&size, at, 4);
    *body = (struct reader){at + 4, at + 4 + size, false};
    return size != 0 && size != UINT32_MAX;
}

static void read_augmentation(struct function *f, struct reader *body, const char *text)
{
    struct reader data = take_block(body);
    for (; *text && !data.bad; text++) {
        if (*text == 'R')
            f->encoding = (uint8_t)take(&data, 1);
        else if (*text == 'L')
            take(&data, 1);
        else if (*text == 'P')
            take_pointer(&data, (uint8_t)take(&data, 1) & 0x7f);
        else if (*text == 'S')
            f->signal = true;
        else
            break;
    }
}

static bool read_common(struct function *f, const uint8_t *at)
{
    struct reader body;
    if (!entry(at, &body) || take(&body, 4) != 0)
        return false;
    uint8_t version = (uint8_t)take(&body, 1);
    const char *text = (const char *)body.at;
    skip(&body, strnlen(text, (size_t)(body.end - body.at)) + 1);
    f->code_unit = take_unsigned(&body);
    f->data_unit = take_signed(&body);
    if ((version == 1 ? take(&body, 1) : take_unsigned(&body)) != RA || body.bad)
        return false;
    f->augmented = *text == 'z';
    if (f->augmented)
        read_augmentation(f, &body, text + 1);
    else if (*text)
        return false;
    f->common = body;
    return !body.bad;
}

static bool read_function(struct function *f, const uint8_t *at)
{
    struct reader body;
    memset(f, 0, sizeof *f);
    if (!entry(at, &body))
        return false;
    const uint8_t *here = body.at;
    uint32_t back = (uint32_t)take(&body, 4);
    if (back == 0 || !read_common(f, here - back))
        return false;
    f->begin = take_pointer(&body, f->encoding);
    f->size = take_pointer(&body, f->encoding & 15);
    if (f->augmented)
        skip(&body, take_unsigned(&body));
    f->own = body;
    return !body.bad;
}

/* The last entry of the table that begins at or before the address. */
static const uint8_t *search(uintptr_t unwind, uintptr_t address)
{
    enum { DATA_RELATIVE = 0x3b };
    struct reader header = {(const uint8_t *)unwind, (const uint8_t *)unwind + 32, false};
    uint32_t encodings = (uint32_t)take(&header, 4);
    if ((encodings & 0xff) != 1 || encodings >> 24 != DATA_RELATIVE)
        return NULL;
    take_pointer(&header, encodings >> 8 & 0xff);
    uint64_t count = take_pointer(&header, encodings >> 16 & 0xff);
    const int32_t *table = (const void *)header.at;
    int64_t offset = (int64_t)(address - unwind);
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (table[2 * middle] <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low && !header.bad ? (const uint8_t *)unwind + table[2 * low - 1] : NULL;
}

/* ---- the machine ---- */

struct row {
    uint64_t cfa_register;
    int64_t cfa_offset;
    bool cfa_at; /* it lies at register + offset */
    int64_t bp_offset, ra_offset;
    uint8_t bp_kind;
    bool ra_saved, ra_lost, unknown;
};

struct machine {
    const struct function *f;
    uint64_t address, wanted;
    uint64_t place; /* the address that is asked about */
    struct row row, first, kept[8];
    unsigned depth;
};

/* ---- expressions ---- */

/* A number, or a register and a number, or what lies there. */
struct value {
    uint64_t base; /* register */
    int64_t offset;
    bool at;
};

#define NO_BASE UINT64_MAX
#define IS_NUMBER(value) ((value).base == NO_BASE && !(value).at)

/* Adds the operands; only one of them may be more than a number. */
static bool add(struct value *left, struct value right)
{
    if (left->at || right.at || (left->base != NO_BASE && right.base != NO_BASE))
        return false;
    left->base = left->base == NO_BASE ? right.base : left->base;
    left->offset = (int64_t)((uint64_t)left->offset + (uint64_t)right.offset);
    return true;
}

/* DW_OP_* of two numbers, as the stubs of the linker use them. */
static bool combine(uint8_t code, struct value *left, struct value right)
{
    enum { AND = 0x1a, PLUS = 0x22, SHL = 0x24, GE = 0x2a };
    if (code == PLUS)
        return add(left, right);
    if (!IS_NUMBER(*left) || !IS_NUMBER(right) || (code == SHL && (uint64_t)right.offset > 63))
        return false;
    if (code == AND)
        left->offset &= right.offset;
    else if (code == SHL)
        left->offset = (int64_t)((uint64_t)left->offset << right.offset);
    else if (code == GE)
        left->offset = left->offset >= right.offset;
    else
        return false;
    return true;
}

/* Expressions as compilers and linkers write them. Where the program is, is known here. */
static bool evaluate(const struct machine *m, struct reader code, struct value *result)
{
    enum { DEREF = 0x06, PLUS_NUMBER = 0x23, NUMBER = 0x30, REGISTER = 0x70, MOST = 8 };
    struct value stack[MOST];
    unsigned n = 0;
    while (code.at < code.end && !code.bad) {
        uint8_t op = (uint8_t)take(&code, 1);
        bool good = true;
        if (op >= REGISTER && op < REGISTER + 32 && n < MOST) {
            stack[n] = (struct value){op - REGISTER, take_signed(&code), false};
            if (RA == 16 && op == REGISTER + RA)
                stack[n] =
                    (struct value){NO_BASE, (int64_t)((uint64_t)stack[n].offset + m->place), false};
            n++;
        } else if (op >= NUMBER && op < NUMBER + 32 && n < MOST) {
            stack[n++] = (struct value){NO_BASE, op - NUMBER, false};
        } else if (op == PLUS_NUMBER && n > 0) {
            good = add(&stack[n - 1], (struct value){NO_BASE, (int64_t)take_unsigned(&code), 0});
        } else if (op == DEREF && n > 0) {
            good = !stack[n - 1].at;
            stack[n - 1].at = true;
        } else if (n > 1) {
            n--;
            good = combine(op, &stack[n - 1], stack[n]);
        } else {
            return false;
        }
        if (!good)
            return false;
    }
    if (n != 1 || code.bad)
        return false;
    *result = stack[0];
    return true;
}

/* Nonsense may overflow. */
static int64_t times(uint64_t n, int64_t unit)
{
    return (int64_t)(n * (uint64_t)unit);
}

static void set_saved(struct machine *m, uint64_t reg, int64_t offset)
{
    if (reg == BP) {
        m->row.bp_kind = MT_BP_AT_CFA;
        m->row.bp_offset = offset;
    } else if (reg == RA) {
        m->row.ra_saved = true;
        m->row.ra_lost = false;
        m->row.ra_offset = offset;
    }
}

static void set_same(struct machine *m, uint64_t reg, bool as_first)
{
    if (reg == BP) {
        m->row.bp_kind = as_first ? m->first.bp_kind : MT_BP_SAME;
        m->row.bp_offset = m->first.bp_offset;
    } else if (reg == RA) {
        m->row.ra_saved = as_first && m->first.ra_saved;
        m->row.ra_lost = as_first && m->first.ra_lost;
        m->row.ra_offset = m->first.ra_offset;
    }
}

static void set_expression(struct machine *m, uint64_t reg, struct reader block)
{
    struct value value;
    if (reg == RA) {
        m->row.ra_lost = true;
    } else if (reg == BP) {
        bool fits = evaluate(m, block, &value) && value.base == BP && !value.at;
        m->row.bp_kind = fits ? MT_BP_AT_BP : MT_BP_LOST;
        m->row.bp_offset = fits ? value.offset : 0;
    }
}

static void set_cfa_expression(struct machine *m, struct reader block)
{
    struct value value = {0};
    m->row.unknown = !evaluate(m, block, &value);
    m->row.cfa_register = value.base;
    m->row.cfa_offset = value.offset;
    m->row.cfa_at = value.at;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
    m->row.cfa_register = reg;
    m->row.cfa_offset = offset;
    m->row.cfa_at = m->row.unknown = false;
}

static void keep(struct machine *m, bool back)
{
    enum { MOST = sizeof m->kept / sizeof m->kept[0] };
    if (!back && m->depth < MOST)
        m->kept[m->depth++] = m->row;
    else if (back && m->depth > 0)
        m->row = m->kept[--m->depth];
    else
        m->row.unknown = true;
}

/* DW_CFA_def_cfa*. False: not understood. */
static bool step_cfa(struct machine *m, uint8_t code, struct reader *from)
{
    int64_t unit = m->f->data_unit;
    uint64_t reg;
    switch (code) {
    case 0x0c: /* def_cfa */
        reg = take_unsigned(from);
        set_cfa(m, reg, (int64_t)take_unsigned(from));
        return true;
    case 0x0d: /* def_cfa_register */
        set_cfa(m, take_unsigned(from), m->row.cfa_offset);
        return true;
    case 0x0e: /* def_cfa_offset */
        m->row.cfa_offset = (int64_t)take_unsigned(from);
        return true;
    case 0x0f: /* def_cfa_expression */
        set_cfa_expression(m, take_block(from));
        return true;
    case 0x12: /* def_cfa_sf */
        reg = take_unsigned(from);
        set_cfa(m, reg, times((uint64_t)take_signed(from), unit));
        return true;
    case 0x13: /* def_cfa_offset_sf */
        m->row.cfa_offset = times((uint64_t)take_signed(from), unit);
        return true;
    default:
        return false;
    }
}

/* DW_CFA_* whose operand is not in the byte itself. False: not understood. */
static bool step_long(struct machine *m, uint8_t code, struct reader *from)
{
    int64_t unit = m->f->data_unit;
    uint64_t reg;
    switch (code) {
    case 0x00: /* nop */
        return true;
    case 0x01: /* set_loc */
        m->address = take_pointer(from, m->f->encoding);
        return true;
    case 0x02: /* advance_loc1 */
    case 0x03:
    case 0x04:
        m->address += take(from, (size_t)1 << (code - 2)) * m->f->code_unit;
        return true;
    case 0x05: /* offset_extended */
        reg = take_unsigned(from);
        set_saved(m, reg, times(take_unsigned(from), unit));
        return true;
    case 0x06: /* restore_extended */
        set_same(m, take_unsigned(from), true);
        return true;
    case 0x07: /* undefined: of the return address, there is no caller */
    case 0x08: /* same_value */
        reg = take_unsigned(from);
        set_same(m, reg, false);
        m->row.ra_lost |= code == 0x07 && reg == RA;
        return true;
    case 0x09: /* register */
        reg = take_unsigned(from);
        take_unsigned(from);
        if (reg == BP)
            m->row.bp_kind = MT_BP_LOST;
        else if (reg == RA)
            m->row.ra_lost = true;
        return true;
    case 0x0a: /* remember_state */
    case 0x0b: /* restore_state */
        keep(m, code == 0x0b);
        return true;
    case 0x10: /* expression */
        reg = take_unsigned(from);
        set_expression(m, reg, take_block(from));
        return true;
    case 0x11: /* offset_extended_sf */
        reg = take_unsigned(from);
        set_saved(m, reg, times((uint64_t)take_signed(from), unit));
        return true;
    case 0x16: /* val_expression */
        reg = take_unsigned(from);
        take_block(from);
        if (reg == BP || reg == RA || reg == SP)
            m->row.unknown = true;
        return true;
    case 0x2d: /* AARCH64_negate_ra_state: whether it is signed is seen by its bits */
        return RA == 30;
    case 0x2e: /* GNU_args_size */
        take_unsigned(from);
        return true;
    default:
        return step_cfa(m, code, from);
    }
}

/* Up to the address wanted. */
static bool run(struct machine *m, struct reader code)
{
    while (code.at < code.end && !code.bad) {
        uint8_t byte = (uint8_t)take(&code, 1);
        if (byte >> 6 == 1)
            m->address += (byte & 63u) * m->f->code_unit;
        else if (byte >> 6 == 2)
            set_saved(m, byte & 63, times(take_unsigned(&code), m->f->data_unit));
        else if (byte >> 6 == 3)
            set_same(m, byte & 63, true);
        else if (!step_long(m, byte, &code))
            return false;
        if (m->address > m->wanted)
            return true;
    }
    return !code.bad;
}

/* Where the caller's registers lie. */
#if defined(__aarch64__)
static bool place(const struct row *row, struct mt_rule *rule)
{
    int64_t at = row->cfa_offset + row->bp_offset, other = row->cfa_offset + row->ra_offset;
    bool pair = row->bp_kind == MT_BP_AT_CFA && row->ra_saved && other == at + 8;
    if (!pair && row->bp_kind != MT_BP_SAME)
        return false;
    rule->bp_kind = pair ? MT_BP_PAIR : row->ra_saved ? MT_BP_OTHER : MT_BP_NONE;
    at = pair ? at : row->ra_saved ? other : 0;
    rule->bp = (int16_t)at;
    return rule->bp == at && !row->cfa_at;
}
#else
static bool place(const struct row *row, struct mt_rule *rule)
{
    rule->bp = (int16_t)row->bp_offset;
    rule->bp_kind = row->bp_kind;
    return row->ra_saved && row->ra_offset == -8 && rule->bp == row->bp_offset;
}
#endif

/* A row in effect is overwritten by what comes behind the address, so the step that passes it must
 * not count: run() stops there before anything else is done. */
static struct mt_rule rule_of(const struct row *row)
{
    struct mt_rule rule = {.cfa = (int32_t)row->cfa_offset};
    bool by_sp = row->cfa_register == SP, fits = by_sp || row->cfa_register == BP;
    if (row->unknown || row->ra_lost || !fits || row->cfa_offset != rule.cfa || !place(row, &rule))
        return (struct mt_rule){.kind = MT_RULE_END};
    if (row->cfa_at)
        rule.kind = by_sp ? MT_RULE_AT_SP : MT_RULE_AT_BP;
    else
        rule.kind = by_sp ? MT_RULE_SP : MT_RULE_BP;
    return rule;
}

struct mt_rule mt_cfi_rule(uintptr_t unwind, uintptr_t address)
{
    const struct mt_rule end = {.kind = MT_RULE_END};
    struct function f;
    const uint8_t *at = search(unwind, address);
    if (!at || !read_function(&f, at) || address - f.begin >= f.size)
        return end;
    if (f.signal)
        return (struct mt_rule){.kind = MT_RULE_SIGNAL};
    struct machine m = {.f = &f, .address = f.begin, .wanted = UINT64_MAX, .place = address};
    if (!run(&m, f.common))
        return end;
    m.first = m.row;
    m.address = f.begin;
    m.wanted = address;
    return run(&m, f.own) ? rule_of(&m.row) : end;
}
