/* Layouts of kernels out of images, for drivers that cannot tell them. */
#include <stdlib.h>
#include <string.h>

#include "cubins.h"
#include "shim/image/cubin.h"
#include "shim/image/images.h"
#include "shim/image/lz4.h"
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
    mt_image_read(&kernels, image);
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
    mt_image_read(&kernels, ".version 6.4\n.target sm_60\n");
    fatbin[88] ^= 0xff; /* the first byte of the packed cubin */
    mt_image_read(&kernels, fatbin);
    cubin[4] = 1; /* of 32 bits */
    mt_image_read(&kernels, cubin);
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

UNIT_MAIN("image", cubins_and_fat_binaries, what_holds_no_layouts, lz4_blocks, handles_used_again,
          libraries_and_their_modules)
