#include "analysis/engine/pass.h"

#include <stddef.h>

#define PASS(name, doc) extern const struct mt_pass mt_pass_##name;
#include "analysis/engine/passes.def"

const struct mt_pass *const mt_passes[] = {
#define PASS(name, doc) &mt_pass_##name,
#include "analysis/engine/passes.def"
    NULL,
};
