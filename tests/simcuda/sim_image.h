/* What the simulated driver takes from a program for the device: names of kernels, where their
 * parameters lie, and the sizes of global variables. PTX text, cubins and fat binaries of them are
 * read; code is not. Compressed fat binaries are not read (nvcc --no-compress makes others). */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_param {
    uint32_t offset, size; /* bytes */
};

struct sim_entry {
    char *name;
    unsigned n_params;
    struct sim_param *params;
};

struct sim_variable {
    char *name;
    uint64_t bytes;
    uint64_t address; /* once loaded */
};

struct sim_image {
    unsigned n_entries, n_variables;
    struct sim_entry *entries;
    struct sim_variable *variables;
};

enum sim_image_result {
    SIM_IMAGE_OK,
    SIM_IMAGE_INVALID,
    SIM_IMAGE_COMPRESSED,
    SIM_IMAGE_NO_MEMORY
};

/* `data` is what cuModuleLoadData takes: self-describing, or text that ends with NUL. */
enum sim_image_result sim_image_read(struct sim_image *image, const void *data);
void sim_image_release(struct sim_image *image);
const struct sim_entry *sim_image_entry(const struct sim_image *image, const char *name);

/* For the readers. NULL: no memory. */
struct sim_entry *sim_image_add_entry(struct sim_image *image, const char *name, size_t length);
struct sim_variable *sim_image_add_variable(struct sim_image *image, const char *name,
                                            size_t length, uint64_t bytes);
bool sim_entry_set_param(struct sim_entry *entry, unsigned index, uint32_t offset, uint32_t size);

enum sim_image_result sim_ptx_read(struct sim_image *image, const char *text);
enum sim_image_result sim_cubin_read(struct sim_image *image, const unsigned char *elf);

#endif
