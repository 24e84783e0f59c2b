/* Layouts of kernels out of images, for drivers that cannot tell them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "cubins.h"
#include "shim/image/cubin.h"
#include "shim/image/images.h"
#include "shim/image/lz4.h"
#include "shim/image/ptx.h"
#include "shim/image/unzstd.h"
#include "unit/unit.h"

static const struct cubin_param params[] = {{0, 8}, {8, 4}, {16, 4000}};

static void check_kernel(const struct mt_image_kernels *kernels, const char *name)
{
    const struct mt_image_kernel *kernel = mt_image_find(kernels, name);
    ck_assert_ptr_nonnull(kernel);
    ck_assert_uint_eq(kernel->params, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(kernel->layout[2 * i], params[i].offset);
        ck_assert_uint_eq(kernel->layout[2 * i + 1], params[i].size);
    }
}

static void check_image(const void *image, const char *name)
{
    struct mt_image_kernels kernels = {{0}, 0};
    mt_image_read(&kernels, image, UINT64_MAX);
    check_kernel(&kernels, name);
    ck_assert_ptr_null(mt_image_find(&kernels, "other"));
    mt_pile_release(&kernels.pile);
}

START_TEST(cubins_and_fat_binaries)
{
    size_t size;
    void *cubin = cubin_new("k_one", params, 3, &size);
    check_image(cubin, "k_one");
    for (int packed = 0; packed < 2; packed++) {
        void *fatbin = fatbin_new(cubin, size, packed);
        struct {
            uint32_t magic, version;
            const void *data, *unused;
        } wrapper = {0x466243b1, 1, fatbin, NULL};
        check_image(fatbin, "k_one");
        check_image(&wrapper, "k_one");
        free(fatbin);
    }
    free(cubin);
}
END_TEST

START_TEST(what_holds_no_layouts)
{
    struct mt_image_kernels kernels = {{0}, 0};
    size_t size;
    uint8_t *cubin = cubin_new("k_one", params, 3, &size);
    uint8_t *fatbin = fatbin_new(cubin, size, 1);
    mt_image_read(&kernels, ".version 6.4\n.target sm_60\n", UINT64_MAX);
    fatbin[88] ^= 0xff; /* the first byte of the packed cubin */
    mt_image_read(&kernels, fatbin, UINT64_MAX);
    cubin[4] = 1; /* of 32 bits */
    mt_image_read(&kernels, cubin, UINT64_MAX);
    ck_assert_uint_eq(kernels.bytes, 0);
    mt_pile_release(&kernels.pile);
    free(cubin);
    free(fatbin);
}
END_TEST

START_TEST(lz4_blocks)
{
    static const uint8_t packed[] = {0x41, 'a', 'b', 'c', 'd', 2, 0, 0x10, '.'};
    uint8_t out[16];
    ck_assert_uint_eq(mt_lz4_unpack(packed, sizeof packed, out, sizeof out), 10);
    ck_assert_mem_eq(out, "abcdcdcdc.", 10);
    for (size_t size = 1; size < sizeof packed; size++)
        ck_assert_uint_le(mt_lz4_unpack(packed, size, out, sizeof out), 10);
    for (size_t room = 0; room < 10; room++) /* never beyond */
        ck_assert_uint_eq(mt_lz4_unpack(packed, sizeof packed, out, room), 0);
    static const uint8_t before[] = {0x11, 'a', 2, 0, 0x10, '.'};
    ck_assert_uint_eq(mt_lz4_unpack(before, sizeof before, out, sizeof out), 0);
}
END_TEST

/* ---- zstd ---- */

static void *packed_fatbin(int kind, const void *part, size_t size)
{
    size_t room = ZSTD_compressBound(size);
    void *packed = malloc(room);
    size_t bytes = ZSTD_compress(packed, room, part, size, 19);
    void *fatbin = fatbin_of(kind, packed, bytes, size, FATBIN_ZSTD);
    free(packed);
    return fatbin;
}

static const char text_of_one[] =
    ".version 8.0 .target sm_90 .address_size 64\n"
    ".entry k_one(.param .b64 a, .param .f32 b, .param .align 8 .b8 c[4000]) { ret; }\n";

START_TEST(zstd_frames)
{
    size_t size;
    void *cubin = cubin_new("k_one", params, 3, &size);
    void *fatbin = packed_fatbin(FATBIN_CUBIN, cubin, size);
    check_image(fatbin, "k_one");
    for (size_t damaged = 0; damaged < 40; damaged++) { /* read or not, but never beyond */
        struct mt_image_kernels kernels = {{0}, 0};
        ((uint8_t *)fatbin)[80 + damaged] ^= 0x5a;
        mt_image_read(&kernels, fatbin, UINT64_MAX);
        mt_pile_release(&kernels.pile);
        ((uint8_t *)fatbin)[80 + damaged] ^= 0x5a;
    }
    free(fatbin);
    free(cubin);
}
END_TEST

START_TEST(zstd_fits_or_not)
{
    static const char text[] = "what is packed, what is packed";
    uint8_t packed[100], out[100];
    size_t bytes = ZSTD_compress(packed, sizeof packed, text, sizeof text, 1);
    ck_assert_uint_eq(mt_zstd_unpack(packed, bytes, out, sizeof out), sizeof text);
    ck_assert_mem_eq(out, text, sizeof text);
    for (size_t room = 0; room < sizeof text; room++)
        ck_assert_uint_eq(mt_zstd_unpack(packed, bytes, out, room), 0);
    for (size_t size = 1; size < bytes; size++)
        ck_assert_uint_eq(mt_zstd_unpack(packed, size, out, sizeof out), 0);
}
END_TEST

/* ---- PTX ---- */

/* "name offset:size ..." of each kernel, one behind the other. */
static const char *layouts_of(const char *text, size_t bytes)
{
    static char told[1000];
    struct mt_ptx ptx = {text, text + bytes};
    struct mt_ptx_kernel kernel;
    uint16_t layout[2 * 8];
    char *to = told;
    *to = 0;
    while (mt_ptx_next(&ptx, &kernel, layout, 8)) {
        to += sprintf(to, "%.*s", (int)kernel.name_bytes, kernel.name);
        if (kernel.params == MT_PTX_ODD)
            to += sprintf(to, " odd");
        for (uint32_t i = 0; kernel.params != MT_PTX_ODD && i < kernel.params; i++)
            to += sprintf(to, " %u:%u", layout[2 * i], layout[2 * i + 1]);
        to += sprintf(to, ";");
    }
    return told;
}

static void check_ptx(const char *text, const char *expected)
{
    ck_assert_str_eq(layouts_of(text, strlen(text)), expected);
}

START_TEST(ptx_parameters)
{
    check_ptx(".entry none { ret; } .visible .entry brackets() { ret; }", "none;brackets;");
    check_ptx(".entry a(.param .u8 x, .param .u16 y,\n\t.param .f64 z, .param .pred q)", "a odd;");
    check_ptx(".visible .entry a ( .param .u8 x , .param .s16 y, .param.f64 z, .param .b128 w )",
              "a 0:1 2:2 8:8 16:16;");
    check_ptx(".entry a(.param .align 16 .b8 s[20], .param .u8 t[3], .param .u32 m[2][3])",
              "a 0:20 20:3 24:24;");
    check_ptx(".entry a(.param .u32 n, .param .u64 .ptr .global .align 16 p, .param .f16x2 h,"
              " .param .bf16 b, .param .bf16x2 c)", "a 0:4 8:8 16:4 20:2 24:4;");
    check_ptx(".weak .entry a(.param .u8 x, .param .texref t) .maxntid 128 { }", "a 0:1 8:8;");
    check_image(text_of_one, "k_one");
}
END_TEST

START_TEST(ptx_text_around)
{
    check_ptx("// .entry no(.param .u8 x)\n.entry a(.param /* , .param .u8 */ .u32 x) { ret; }"
              "/* .entry no() **/ .entry b()", "a 0:4;b;");
    check_ptx(".file 1 \".entry no(.param .u8 x)\"\n.func f(.param .u64 x) { .reg .u32 a;"
              " ld.param.u64 %rd1, [x]; call.uni f, (a); }\n.entry a(.param .u64 x)", "a 0:8;");
    check_ptx(".entry a(.param .u32 x", "a odd;");
    check_ptx(".entry a(.param .u32 x, .reg .u32 y) .entry b(.param .u32 x)", "a odd;b 0:4;");
    check_ptx(".entry a(.param .b8 x[99999]) .entry b(.param .align 3 .u32 x)", "a odd;b odd;");
    check_ptx(".entry a(.param .b8 x[0]) .entry b(.param .b8 x[18446744073709551617])",
              "a odd;b odd;");
    check_ptx(".entry", "");
}
END_TEST

/* Cut anywhere, in memory of just that size: nothing behind the end is read. */
START_TEST(ptx_cut)
{
    static const char text[] =
        "/* a */ .entry a(.param .align 8 .b8 s[16]) { \"s\" } // e\n.entry b";
    for (size_t size = 0; size < sizeof text; size++) {
        char *cut = malloc(size ? size : 1);
        memcpy(cut, text, size);
        layouts_of(cut, size);
        free(cut);
    }
}
END_TEST

START_TEST(ptx_in_fat_binaries)
{
    void *fatbin = fatbin_new(text_of_one, sizeof text_of_one, 0);
    check_image(fatbin, "k_one");
    free(fatbin);
    fatbin = packed_fatbin(FATBIN_PTX, text_of_one, sizeof text_of_one - 1);
    check_image(fatbin, "k_one");
    free(fatbin);
}
END_TEST

/* ---- handles ---- */

static bool tell(const void *function, const char *name, uint32_t params_expected)
{
    static char text[100];
    static uint16_t layout[8];
    uint32_t n;
    if (!mt_image_tell(function, text, sizeof text, layout, 4, &n))
        return false;
    ck_assert_str_eq(text, name);
    ck_assert_uint_eq(n, params_expected);
    return true;
}

START_TEST(handles_used_again)
{
    size_t size;
    void *one = cubin_new("k_one", params, 3, &size), *two = cubin_new("k_two", params, 2, &size);
    const void *module = one, *function = two; /* any addresses */
    for (int i = 0; i < 10; i++) {
        mt_image_loaded(module, i % 2 ? one : two);
        mt_image_got(module, function, i % 2 ? "k_one" : "k_two");
        ck_assert(tell(function, i % 2 ? "k_one" : "k_two", i % 2 ? 3 : 2));
        if (i % 3)
            mt_image_gone(module);
        ck_assert(tell(function, i % 2 ? "k_one" : "k_two", i % 2 ? 3 : 2) == (i % 3 == 0));
    }
    free(one);
    free(two);
}
END_TEST

START_TEST(libraries_and_their_modules)
{
    static const char handle[5];
    size_t size;
    void *one = cubin_new("k_one", params, 3, &size);
    mt_image_loaded(&handle[0], one);
    free(one);
    mt_image_got(&handle[0], &handle[1], "k_one");
    mt_image_same_function(&handle[1], &handle[2]);
    mt_image_same_owner(&handle[0], &handle[3]);
    mt_image_got(&handle[3], &handle[4], "k_one");
    for (int i = 1; i < 5; i += i == 2 ? 2 : 1)
        ck_assert(tell(&handle[i], "k_one", 3));
    mt_image_got(&handle[3], &handle[4], "k_none"); /* of which nothing but the name is known */
    ck_assert(tell(&handle[4], "k_none", UINT32_MAX));
    mt_image_gone(&handle[0]);
    ck_assert(!tell(&handle[1], "k_one", 3) && !tell(&handle[2], "k_one", 3));
}
END_TEST

UNIT_MAIN("image", cubins_and_fat_binaries, what_holds_no_layouts, lz4_blocks, zstd_frames,
          zstd_fits_or_not, ptx_parameters, ptx_text_around, ptx_cut, ptx_in_fat_binaries,
          handles_used_again, libraries_and_their_modules)
