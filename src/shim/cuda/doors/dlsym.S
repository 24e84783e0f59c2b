/* dlsym of the whole process: asks a filter whether library and name mean the driver, else jumps
 * to the real dlsym with stack and registers as they came. A jump, not a call: glibc takes the
 * return address for the caller, which decides what RTLD_NEXT and RTLD_DEFAULT mean; a wrapper in C
 * would answer for itself. */

        .text
        .globl  dlsym
        .type   dlsym, %function

#if defined(__x86_64__)

dlsym:
        .cfi_startproc
        endbr64
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        subq    $8, %rsp                /* the call below wants 16-byte alignment */
        .cfi_adjust_cfa_offset 8
        call    mt_dlsym_is_ours
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %rsi
        .cfi_adjust_cfa_offset -8
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        testl   %eax, %eax
        jne     1f
        movq    mt_real_dlsym(%rip), %rax
        jmp     *%rax
1:      jmp     mt_dlsym_driver
        .cfi_endproc

#elif defined(__aarch64__)

dlsym:
        .cfi_startproc
        hint    #34                     /* bti c */
        stp     x29, x30, [sp, #-32]!
        .cfi_adjust_cfa_offset 32
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x0, x1, [sp, #16]
        bl      mt_dlsym_is_ours
        mov     w9, w0
        ldp     x0, x1, [sp, #16]
        ldp     x29, x30, [sp], #32
        .cfi_adjust_cfa_offset -32
        .cfi_restore x29
        .cfi_restore x30
        cbnz    w9, 1f
        adrp    x9, mt_real_dlsym
        ldr     x9, [x9, #:lo12:mt_real_dlsym]
        br      x9
1:      b       mt_dlsym_driver
        .cfi_endproc

#else
#error "dlsym.S: neither x86-64 nor aarch64"
#endif

        .size   dlsym, . - dlsym
        .section .note.GNU-stack, "", %progbits
