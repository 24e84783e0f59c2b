/* What a fuzzer calls: libFuzzer (clang), or the driver in smoke.c, which every build runs. */
#ifndef MT_FUZZ_H
#define MT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Look at these bytes; aborts where something is wrong that the sanitizers do not see. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
