/* A trap behind each instruction, on x86-64: between the two calls SIGTRAP comes all the time. Both
 * tell how their frame is to be left, so that a walk from anywhere in them is as good as others. */
#ifndef MT_TEST_STEPPING_H
#define MT_TEST_STEPPING_H

#if defined(__x86_64__)
#ifdef __cplusplus
extern "C" {
#endif
void stepping_on(void);
void stepping_off(void);
#ifdef __cplusplus
}
#endif

/* Flag TF, by way of the stack. Once in a program. */
#define STEPPING_FUNCTION(name, change)                                                            \
    __asm__(".pushsection .text\n.type " name ", @function\n" name ":\n.cfi_startproc\n"           \
            "pushf\n.cfi_adjust_cfa_offset 8\n" change "\npopf\n.cfi_adjust_cfa_offset -8\n"       \
            "ret\n.cfi_endproc\n.size " name ", .-" name "\n.popsection")
STEPPING_FUNCTION("stepping_on", "orl $0x100, (%rsp)");
STEPPING_FUNCTION("stepping_off", "andl $~0x100, (%rsp)");
#endif

#endif
