/* How to leave a function: what its unwind table (.eh_frame, DWARF call frame information) says of
 * one address, boiled down to a word. x86-64 and aarch64. */
#ifndef MT_CFI_H
#define MT_CFI_H

#include <stdbool.h>
#include <stdint.h>

/* The frame's own address (CFA) is the caller's stack pointer. On x86-64 the return address lies
 * below it. */
enum mt_rule_kind {
    MT_RULE_END = 0,    /* there is no caller, or no way to it is known */
    MT_RULE_SP = 1,     /* CFA = stack pointer + cfa */
    MT_RULE_BP = 2,     /* CFA = frame pointer + cfa */
    MT_RULE_AT_SP = 3,  /* CFA = what lies at stack pointer + cfa */
    MT_RULE_AT_BP = 4,  /* CFA = what lies at frame pointer + cfa */
    MT_RULE_SIGNAL = 5, /* a signal was delivered: the kernel saved all registers */
};

enum mt_bp_kind {
    MT_BP_SAME = 0,   /* the caller's frame pointer is as it is */
    MT_BP_AT_CFA = 1, /* it lies at CFA + bp */
    MT_BP_AT_BP = 2,  /* it lies at frame pointer + bp */
    MT_BP_LOST = 3,
    /* aarch64, where bp is reckoned from the register that the CFA is reckoned from: */
    MT_BP_PAIR = 4,  /* it lies there, and the return address behind it */
    MT_BP_OTHER = 5, /* the return address lies there, the frame pointer is as it is */
    MT_BP_NONE = 6,  /* neither was saved: the return address is in its register */
};

struct mt_rule {
    int32_t cfa;
    int16_t bp;
    uint8_t kind;    /* enum mt_rule_kind */
    uint8_t bp_kind; /* enum mt_bp_kind */
};

/* The rule at `address`, by the .eh_frame_hdr at `unwind`. Reads only tables of the file. */
struct mt_rule mt_cfi_rule(uintptr_t unwind, uintptr_t address);

#endif
