/* Prints what is read out of an image: image-layouts FILE. A line a kernel: its name, then offset
 * and size of each parameter. */
#include <stdio.h>
#include <stdlib.h>

#include "shim/image/cubin.h"

static void *contents(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    *size = (size_t)ftell(file);
    rewind(file);
    void *text = malloc(*size + 1);
    if (text && fread(text, 1, *size, file) != *size)
        *size = 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    struct mt_image_kernels kernels = {{0}, 0};
    size_t size;
    void *image = argc == 2 ? contents(argv[1], &size) : NULL;
    if (!image)
        return 2;
    mt_image_read(&kernels, image, size);
    for (size_t i = 0; i < kernels.bytes;) {
        const struct mt_image_kernel *kernel = (void *)((char *)kernels.pile.at + i);
        printf("%s", mt_image_name(kernel));
        for (uint32_t k = 0; k < kernel->params; k++)
            printf(" %u:%u", kernel->layout[2 * k], kernel->layout[2 * k + 1]);
        printf("\n");
        i += kernel->size;
    }
    mt_pile_release(&kernels.pile);
    free(image);
    return 0;
}
