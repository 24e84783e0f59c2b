/* What libvictim-nvtx.so offers: NVTX's functions, under names of our own. */
#ifndef VICTIM_NVTX_H
#define VICTIM_NVTX_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

struct nvtx_attributes {
    uint16_t version, size;
    uint32_t category;
    int32_t color_type;
    uint32_t color;
    int32_t payload_type, reserved;
    uint64_t payload;
    int32_t message_type; /* 1 char, 2 wchar_t, 3 registered */
    const void *message;
};

bool nvtx_attached(void);
void nvtx_mark_ex(const struct nvtx_attributes *attributes);
void nvtx_mark_a(const char *text);
void nvtx_mark_w(const wchar_t *text);
uint64_t nvtx_start_a(const char *text);
void nvtx_end(uint64_t id);
int nvtx_push_a(const char *text);
int nvtx_push_w(const wchar_t *text);
int nvtx_pop(void);
void nvtx_domain_mark_ex(void *domain, const struct nvtx_attributes *attributes);
uint64_t nvtx_domain_start_ex(void *domain, const struct nvtx_attributes *attributes);
void nvtx_domain_end(void *domain, uint64_t id);
int nvtx_domain_push_ex(void *domain, const struct nvtx_attributes *attributes);
int nvtx_domain_pop(void *domain);
void *nvtx_register_a(void *domain, const char *text);
void *nvtx_create_a(const char *text);
void *nvtx_create_w(const wchar_t *text);

#endif
