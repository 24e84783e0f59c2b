#include "walkcompare.h"

#if defined(WALK_LIBUNWIND)
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#define PREPARE() unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_PER_THREAD)
#define BACKTRACE unw_backtrace
#else /* the C library's, which asks the compiler's unwinder */
#include <execinfo.h>
#define PREPARE() ((void)0)
#define BACKTRACE backtrace
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shim/native/native.h"
#include "shim/native/objects.h"
#include "shim/probe/stackhash.h"

#define MOST 100
#define OWN 8 /* frames of this library at most */
#define SHOWN 5

#define EXPORT __attribute__((visibility("default")))

EXPORT struct walk_counts walk_counts;
static struct mt_object own;

__attribute__((constructor)) static void load(void)
{
    mt_native_init();
    mt_object_find((uintptr_t)load, &own);
    PREPARE();
}

static void show(const char *what, const uintptr_t *ours, size_t mine, const uintptr_t *theirs,
                 size_t others)
{
    if (walk_counts.wrong + walk_counts.shorter > SHOWN)
        return;
    printf("  %s:\n", what);
    for (size_t i = 0; i < (mine > others ? mine : others); i++) {
        struct mt_object object = {.name = "?"};
        uintptr_t at = i < others ? theirs[i] : ours[i];
        mt_object_find(at - 1, &object);
        const char *slash = strrchr(object.name, '/');
        printf("    %2zu %#14zx %#14zx  %s+%#zx\n", i, i < mine ? ours[i] : 0,
               i < others ? theirs[i] : 0, slash ? slash + 1 : object.name, at - object.base);
    }
}

/* They tell where a signal came, the recorder one more. */
static bool same(uintptr_t mine, uintptr_t theirs, bool interrupted)
{
    return mine == theirs + interrupted;
}

/* While the linker binds a call its frame is found by a register that nobody follows; no code of
 * the job runs there. */
static bool is_linkers(uintptr_t address)
{
    struct mt_object object;
    return mt_object_find(address - 1, &object) && strstr(object.name, "/ld-linux") != NULL;
}

/* Of the compiler's unwinder. The padding behind some functions of the C library, into which they
 * seem to run where they end the process, has no table; there others guess. */
extern const void *_Unwind_Find_FDE(void *at, void *bases);

static bool has_table(uintptr_t address)
{
    void *bases[3];
    return _Unwind_Find_FDE((void *)(address - 1), bases) != NULL;
}

/* The compiler's unwinder itself, on its way into the frame that catches: for these instructions
 * its own tables are not always true (gcc 14). */
static bool is_unwinders(const uintptr_t *ours, size_t mine)
{
    struct mt_object object;
    for (size_t i = 0; i < mine && i < 2; i++)
        if (mt_object_find(ours[i] - 1, &object) && strstr(object.name, "/libgcc_s"))
            return true;
    return false;
}

/* A walk that follows the one before finds the same: its hash is that of these addresses. The third
 * time it is remembered as a whole. */
static bool is_followed(const struct mt_registers *from, const uintptr_t *ours, size_t mine)
{
    static struct mt_walked last[MOST]; /* one thread walks at a time */
    for (uint32_t most = MOST; most > 0; most /= 4) {
        uint64_t reckoned = 0;
        for (size_t i = 0; i < mine && i < most; i++)
            reckoned = mt_stackhash_add(reckoned, ours[i]);
        for (int time = 0; time < 3; time++) {
            uint64_t followed = 0;
            uint32_t n = mt_native_hash(from, &followed, most, NULL, &last[most - 1]);
            if (n != (mine < most ? mine : most) || followed != reckoned)
                return false;
        }
    }
    return true;
}

static void compare(const uintptr_t *ours, size_t mine, const uintptr_t *theirs, size_t others,
                    const void *trampoline)
{
    size_t both = mine < others ? mine : others;
    walk_counts.walks++;
    walk_counts.frames += (long)both;
    for (size_t i = 0; i < both; i++)
        if (!same(ours[i], theirs[i], i > 0 && theirs[i - 1] == (uintptr_t)trampoline)) {
            walk_counts.wrong++;
            show("other frames", ours, mine, theirs, others);
            return;
        }
    if (mine < others && mine > 0 && is_linkers(ours[mine - 1])) {
        walk_counts.linker++;
    } else if (mine < others && mine > 0 && !has_table(ours[mine - 1])) {
        walk_counts.tableless++;
    } else if (mine < others) {
        walk_counts.shorter++;
        show("ours ends earlier", ours, mine, theirs, others);
    }
}

EXPORT __attribute__((noinline)) void walk_compare(const void *trampoline)
{
    uintptr_t ours[MOST], theirs[MOST + OWN];
    MT_REGISTERS(here);
    size_t mine = mt_native_frames(&here, ours, MOST, NULL), skipped = 0;
    int seen = BACKTRACE((void **)theirs, MOST + OWN);
    size_t others = seen > 0 ? (size_t)seen : 0;
    while (skipped < others && theirs[skipped] - own.begin < own.end - own.begin)
        skipped++;
    others -= skipped;
    compare(ours, mine, theirs + skipped, others < MOST ? others : MOST, trampoline);
    walk_counts.unlike += !is_followed(&here, ours, mine);
    __asm__ volatile("" : : : "memory");
}

EXPORT __attribute__((noinline)) void walk_alone(void)
{
    static uintptr_t outermost;
    uintptr_t ours[MOST];
    MT_REGISTERS(here);
    size_t mine = mt_native_frames(&here, ours, MOST, NULL);
    walk_counts.walks++;
    walk_counts.frames += (long)mine;
    walk_counts.unlike += !is_followed(&here, ours, mine);
    outermost = outermost ? outermost : ours[mine - 1];
    if (mine == 0 || ours[mine - 1] != outermost) {
        bool linker = mine > 0 && is_linkers(ours[mine - 1]);
        bool unwinder = !linker && is_unwinders(ours, mine);
        walk_counts.linker += linker;
        walk_counts.unwinder += unwinder;
        walk_counts.wrong += !linker && !unwinder;
    }
    __asm__ volatile("" : : : "memory");
}

EXPORT long walk_report(const char *name)
{
    long wrong = walk_counts.wrong + walk_counts.shorter + walk_counts.unlike;
    if (walk_counts.tableless * 100 > walk_counts.walks)
        wrong += walk_counts.tableless;
    printf("%s: %ld walks, %ld frames, %ld wrong, %ld end earlier, %ld in the linker, %ld in the "
           "unwinder, %ld without tables, %ld not followed\n",
           name, walk_counts.walks, walk_counts.frames, walk_counts.wrong, walk_counts.shorter,
           walk_counts.linker, walk_counts.unwinder, walk_counts.tableless, walk_counts.unlike);
    memset(&walk_counts, 0, sizeof walk_counts);
    return wrong;
}
