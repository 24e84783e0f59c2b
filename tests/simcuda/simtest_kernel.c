/* Modules, libraries, and launches. */
#include "simtest.h"

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char two_kernels[] =
    "// a comment with .entry fake()\n.version 8.8\n.target sm_90\n.address_size 64\n"
    "/* .entry another() */ .global .align 4 .b8 table[40];\n"
    ".visible .global .align 8 .u64 counter = 5;\n"
    ".visible .entry first(\n .param .u64 .ptr .global .align 16 first_param_0,\n"
    " .param .u8 first_param_1,\n .param .align 8 .b8 first_param_2[20],\n"
    " .param .f16x2 first_param_3\n)\n.maxntid 256\n{\n .reg .b32 %r<2>; { ret; }\n}\n"
    ".visible .entry second()\n{\n ret;\n}\n.func (.param .b32 r) helper(.param .b32 a) { ret; }\n";
static const char other_kernels[] =
    ".version 8.8\n.target sm_90\n.entry third(.param .u32 a) { ret; }\n"
    ".entry fourth(.param .u8 a, .param .u64 .ptr .global .align 32 b) { ret; }\n";

static CUmodule load(const char *ptx)
{
    CUmodule m;
    OK(cuModuleLoadData(&m, ptx));
    return m;
}

START_TEST(layouts_come_from_the_text)
{
    static const size_t offsets[] = {0, 8, 16, 36}, sizes[] = {8, 1, 20, 4};
    CUfunction f;
    const char *name;
    unsigned count;
    CUdeviceptr table;
    size_t offset, size;
    simtest_context();
    CUmodule m = load(two_kernels);
    OK(cuModuleGetFunctionCount(&count, m));
    ck_assert_uint_eq(count, 2);
    OK(cuModuleGetFunction(&f, m, "first"));
    for (size_t i = 0; i < 4; i++) {
        OK(cuFuncGetParamInfo(f, i, &offset, &size));
        ck_assert_uint_eq(offset, offsets[i]);
        ck_assert_uint_eq(size, sizes[i]);
    }
    FAILS(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(f, 4, &offset, &size));
    OK(cuFuncGetName(&name, f));
    ck_assert_str_eq(name, "first");
    OK(cuModuleGetFunction(&f, m, "second"));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(f, 0, &offset, &size));
    FAILS(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&f, m, "fake"));
    FAILS(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&f, m, "helper"));
    OK(cuModuleGetGlobal(&table, &size, m, "table"));
    ck_assert_uint_eq(size, 40);
    OK(cuMemsetD8(table, 1, 40));
    FAILS(CUDA_ERROR_INVALID_VALUE, cuMemFree(table));
    OK(cuModuleGetGlobal(NULL, &size, m, "counter"));
    ck_assert_uint_eq(size, 8);
    FAILS(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&m, "this is no program"));
    FAILS(CUDA_ERROR_FILE_NOT_FOUND, cuModuleLoad(&m, "/nonexistent"));
}
END_TEST

static CUresult launch(const void *f, void **params, void **extra)
{
    return cuLaunchKernel((CUfunction)(uintptr_t)f, 1, 2, 3, 32, 1, 1, 0, NULL, params, extra);
}

START_TEST(launches_are_checked)
{
    CUfunction f, g;
    char values[64] = {0};
    void *params[] = {values, values, values, values};
    simtest_context();
    CUmodule m = load(two_kernels);
    OK(cuModuleGetFunction(&f, m, "first"));
    OK(cuModuleGetFunction(&g, m, "second"));
    OK(launch(f, params, NULL));
    OK(launch(g, NULL, NULL));
    FAILS(CUDA_ERROR_INVALID_VALUE, launch(f, NULL, NULL));
    FAILS(CUDA_ERROR_INVALID_VALUE, launch(f, params, params));
    FAILS(CUDA_ERROR_INVALID_HANDLE, launch(NULL, params, NULL));
    FAILS(CUDA_ERROR_INVALID_HANDLE, launch(m, params, NULL));
    CUlaunchConfig config = {1, 1, 1, 64, 1, 1, 0, NULL, NULL, 0};
    OK(cuLaunchKernelEx(&config, f, params, NULL));
    config.blockDimX = 2048;
    FAILS(CUDA_ERROR_INVALID_VALUE, cuLaunchKernelEx(&config, f, params, NULL));
    OK(cuLaunchCooperativeKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, params));
    ck_assert_uint_eq(simcuda_calls("cuLaunchKernel"), 6);
    OK(cuModuleUnload(m));
    FAILS(CUDA_ERROR_INVALID_HANDLE, launch(f, params, NULL));
}
END_TEST

START_TEST(a_kernel_is_launched_but_no_function)
{
    CUlibrary l;
    CUkernel k;
    CUfunction f;
    CUmodule m, of;
    size_t offset, size;
    const char *name;
    char values[64] = {0};
    void *params[] = {values, values, values, values};
    simtest_context();
    OK(cuLibraryLoadData(&l, two_kernels, NULL, NULL, 0, NULL, NULL, 0));
    OK(cuLibraryGetKernel(&k, l, "first"));
    OK(launch(k, params, NULL));
    FAILS(CUDA_ERROR_INVALID_HANDLE, cuFuncGetParamInfo((CUfunction)(void *)k, 0, &offset, &size));
    FAILS(CUDA_ERROR_INVALID_HANDLE, cuFuncGetName(&name, (CUfunction)(void *)k));
    OK(cuKernelGetParamInfo(k, 2, &offset, &size));
    ck_assert_uint_eq(offset, 16);
    OK(cuKernelGetName(&name, k));
    ck_assert_str_eq(name, "first");
    OK(cuKernelGetFunction(&f, k));
    ck_assert_ptr_ne((void *)f, (void *)k);
    OK(cuLibraryGetModule(&m, l));
    OK(cuFuncGetModule(&of, f));
    ck_assert_ptr_eq(of, m);
    FAILS(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(m)); /* the library's */
    OK(launch(f, params, NULL));
    OK(cuLibraryUnload(l));
    FAILS(CUDA_ERROR_INVALID_HANDLE, launch(k, params, NULL));
    FAILS(CUDA_ERROR_INVALID_HANDLE, launch(f, params, NULL));
}
END_TEST

START_TEST(handles_come_back_for_other_kernels)
{
    CUfunction f, g, f2, g2;
    const char *name;
    simtest_context();
    CUmodule m = load(two_kernels);
    OK(cuModuleGetFunction(&f, m, "first"));
    OK(cuModuleGetFunction(&g, m, "second"));
    OK(cuModuleUnload(m));
    CUmodule m2 = load(other_kernels);
    ck_assert_ptr_eq(m, m2);
    OK(cuModuleGetFunction(&f2, m2, "third"));
    OK(cuModuleGetFunction(&g2, m2, "fourth"));
    ck_assert_ptr_eq(f, f2);
    ck_assert_ptr_eq(g, g2);
    OK(cuFuncGetName(&name, f2));
    ck_assert_str_eq(name, "third");
    size_t offset, size;
    OK(cuFuncGetParamInfo(g2, 1, &offset, &size));
    ck_assert_uint_eq(offset, 8); /* 32 is the alignment of what b points to */
    simcuda_handle_reuse(0);
    OK(cuModuleUnload(m2));
    m = load(two_kernels);
    ck_assert_ptr_ne(m, m2);
    OK(cuModuleGetFunction(&f, m, "first"));
    ck_assert_ptr_ne(f, f2);
}
END_TEST

/* The least that a cubin has: names of sections, one kernel's attributes, and one variable. */
static const struct cubin {
    Elf64_Ehdr header;
    Elf64_Shdr sections[5];
    char names[48];
    unsigned char info[40];
    Elf64_Sym symbols[2];
} cubin = {
    .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
               .e_shoff = offsetof(struct cubin, sections),
               .e_shentsize = sizeof(Elf64_Shdr),
               .e_shnum = 5,
               .e_shstrndx = 1},
    .sections = {[1] = {.sh_type = SHT_STRTAB,
                        .sh_offset = offsetof(struct cubin, names),
                        .sh_size = 48},
                 [2] = {.sh_name = 1, .sh_offset = offsetof(struct cubin, info), .sh_size = 40},
                 [3] = {.sh_type = SHT_SYMTAB,
                        .sh_link = 1,
                        .sh_offset = offsetof(struct cubin, symbols),
                        .sh_size = 2 * sizeof(Elf64_Sym)},
                 [4] = {.sh_name = 20}},
    .names = "\0.nv.info.kernel\0\0\0\0.nv.global\0variable",
    /* another attribute; parameter 1 at 8 with 4 bytes; parameter 0, long form, at 0 with 5000 */
    .info = {3, 0x1b, 0xff, 0, 4, 0x17, 12, 0, 0, 0, 0, 0, 1,    0,    8, 0, 0, 0xf0, 0x11, 0,
             4, 0x45, 12,   0, 0, 0,    0,  0, 0, 0, 0, 0, 0x88, 0x13, 0, 0, 3, 0x1b, 0xff, 0},
    .symbols = {[1] = {.st_name = 31,
                       .st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT),
                       .st_shndx = 4,
                       .st_size = 24}}};

static void check_cubin(const void *image)
{
    CUmodule m;
    CUfunction f;
    size_t offset, size;
    OK(cuModuleLoadData(&m, image));
    OK(cuModuleGetFunction(&f, m, "kernel"));
    OK(cuFuncGetParamInfo(f, 0, &offset, &size));
    ck_assert_uint_eq(offset, 0);
    ck_assert_uint_eq(size, 5000);
    OK(cuFuncGetParamInfo(f, 1, &offset, &size));
    ck_assert_uint_eq(offset, 8);
    ck_assert_uint_eq(size, 4);
    FAILS(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(f, 2, &offset, &size));
    OK(cuModuleGetGlobal(NULL, &size, m, "variable"));
    ck_assert_uint_eq(size, 24);
    OK(cuModuleUnload(m));
}

START_TEST(a_cubin_is_read)
{
    simtest_context();
    check_cubin(&cubin);
}
END_TEST

START_TEST(a_fat_binary_is_opened)
{
    /* header and one part's header, then the part */
    static struct {
        unsigned magic;
        unsigned short version, header_bytes;
        unsigned long long bytes;
        unsigned short kind, part_version;
        unsigned part_header_bytes;
        unsigned long long part_bytes;
        unsigned rest[6];
        unsigned long long flags, reserved, uncompressed;
        struct cubin part;
    } fat = {.magic = 0xba55ed50,
             .version = 1,
             .header_bytes = 16,
             .bytes = 64 + sizeof(struct cubin),
             .kind = 2,
             .part_header_bytes = 64,
             .part_bytes = sizeof(struct cubin)};
    struct {
        unsigned magic, version;
        const void *data;
        void *unused;
    } wrapper = {0x466243b1, 1, &fat, NULL};
    CUmodule m;
    simtest_context();
    memcpy(&fat.part, &cubin, sizeof(cubin));
    check_cubin(&fat);
    check_cubin(&wrapper);
    OK(cuModuleLoadFatBinary(&m, &wrapper));
    fat.flags = 0x8000; /* compressed */
    FAILS(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&m, &wrapper));
}
END_TEST

START_TEST(a_file_is_loaded)
{
    char path[] = "/tmp/simtest-XXXXXX";
    CUmodule m;
    CUfunction f;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *out = fdopen(fd, "w");
    fputs(other_kernels, out);
    fclose(out);
    simtest_context();
    OK(cuModuleLoad(&m, path));
    remove(path);
    OK(cuModuleGetFunction(&f, m, "fourth"));
}
END_TEST

UNIT_MAIN("kernel", layouts_come_from_the_text, launches_are_checked,
             a_kernel_is_launched_but_no_function, handles_come_back_for_other_kernels,
             a_cubin_is_read, a_fat_binary_is_opened, a_file_is_loaded)
