/* Runs the search for rhythms over loops with known answers and says how well it did.
 *
 *     rhythm-judge loop SEED DIFFICULTIES ITERATIONS LAUNCHES   difficulties joined by +, or -
 *     rhythm-judge serve SEED KIND ITERATIONS LAYERS            inference
 *     rhythm-judge tiny SEED ITERATIONS EVENTS BEFORE           of so many events, behind others
 *     rhythm-judge none SEED KIND EVENTS                        nothing to be found
 *     rhythm-judge speed EVENTS                                 the plain loop: time and memory
 *     rhythm-judge list                                         difficulties and kinds
 *
 * One line: name=value pairs; known_exact and known_kind are the shares by the loop's own places.
 * An iteration that is found is right if it begins at the same place of the loop as most others do,
 * and no other one that was found begins in the same iteration. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "rhythm/search/detector.h"
#include "truth.h"

struct judge {
    struct mt_detector *detector;
    struct mt_symbol batch[1024];
    size_t held;
    struct truth truth;
    bool keeps; /* the truth */
    uint64_t events, last_ns;
    double seconds;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "rhythm-judge: out of memory\n");
        exit(99);
    }
    return memory;
}

static void flush(struct judge *judge)
{
    double begin = now_s();
    if (mt_detector_feed(judge->detector, judge->batch, judge->held) < 0)
        need(NULL);
    judge->seconds += now_s() - begin;
    judge->held = 0;
}

static void take(void *context, const struct mt_symbol *symbol, uint32_t iteration, uint32_t place)
{
    struct judge *judge = context;
    if (judge->keeps)
        truth_add(&judge->truth, symbol, iteration, place);
    judge->events++;
    judge->last_ns = symbol->time_ns;
    judge->batch[judge->held++] = *symbol;
    if (judge->held == sizeof judge->batch / sizeof judge->batch[0])
        flush(judge);
}

static int compare_u32(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static uint32_t usual_place(const struct judge *judge, const struct mt_rhythm *rhythm)
{
    uint32_t *place = need(malloc((rhythm->iterations + 1) * sizeof *place));
    uint32_t best = 0, most = 0, run = 0;
    for (size_t i = 0; i < rhythm->iterations; i++)
        place[i] = judge->truth.place[rhythm->iteration[i].first_event].place;
    qsort(place, rhythm->iterations, sizeof *place, compare_u32);
    for (size_t i = 0; i < rhythm->iterations; i++) {
        run = i && place[i] == place[i - 1] ? run + 1 : 1;
        if (run > most) {
            most = run;
            best = place[i];
        }
    }
    free(place);
    return best;
}

static void print_speed(const struct judge *judge)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(" events=%" PRIu64 " ns_per_event=%.1f peak_mib=%.1f\n", judge->events,
           judge->events ? judge->seconds * 1e9 / (double)judge->events : 0,
           (double)usage.ru_maxrss / 1024);
}

/* Of iterations, also of those that are too many to be listed. */
static uint64_t repetitions(const struct mt_rhythm *rhythm)
{
    for (size_t i = 0; i < rhythm->levels; i++)
        if (rhythm->level[i].is_iteration)
            return rhythm->level[i].repetitions;
    return 0;
}

static void compare(const struct judge *judge, const struct mt_rhythm *rhythm, uint32_t truth)
{
    uint32_t place = judge->keeps && rhythm->iterations ? usual_place(judge, rhythm) : 0;
    uint32_t last = NO_ITERATION, right = 0, exact = 0, steady = 0, warmup = 0;
    double share = 0, kind = 0;
    for (size_t i = 0; i < rhythm->iterations; i++) {
        const struct mt_iteration *iteration = &rhythm->iteration[i];
        steady += iteration->steady;
        warmup += warmup == i && !iteration->steady;
        share += iteration->exact_share / (double)rhythm->iterations;
        kind += iteration->kind_share / (double)rhythm->iterations;
        if (!judge->keeps)
            continue;
        struct truth_place known = judge->truth.place[iteration->first_event];
        bool good =
            known.iteration != NO_ITERATION && known.iteration != last && known.place == place;
        right += good;
        exact += good && place == 0;
        last = known.iteration;
    }
    printf("truth=%u found=%zu right=%u exact=%u place=%#x levels=%zu steady=%u warmup=%u "
           "exact_share=%.4f kind_share=%.4f",
           truth, rhythm->iterations, right, exact, place, rhythm->levels, steady, warmup, share,
           kind);
    printf(" repetitions=%" PRIu64, repetitions(rhythm));
    if (judge->keeps)
        printf(" known_exact=%.4f known_kind=%.4f period=%d",
               truth_share(&judge->truth, rhythm, true), truth_share(&judge->truth, rhythm, false),
               truth_has_period(&judge->truth, rhythm, truth));
}

static uint32_t parse_difficulties(const char *text)
{
    static const char *const name[] = {
#define X(name, doc) #name,
        DIFFICULTIES(X)
#undef X
    };
    uint32_t found = 0;
    char copy[400];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, "+"); word; word = strtok(NULL, "+")) {
        uint32_t i = 0;
        while (i < DIFFICULTIES_ALL && strcmp(name[i], word) != 0)
            i++;
        if (i < DIFFICULTIES_ALL)
            found |= 1u << i;
        else if (strcmp(word, "-") != 0)
            exit((fprintf(stderr, "rhythm-judge: no difficulty is called %s\n", word), 2));
    }
    return found;
}

static uint32_t parse_kind(const char *const *name, uint32_t names, const char *text)
{
    uint32_t i = 0;
    while (i < names && strcmp(name[i], text) != 0)
        i++;
    if (i == names)
        exit((fprintf(stderr, "rhythm-judge: nothing is called %s\n", text), 2));
    return i;
}

static enum negative parse_negative(const char *text)
{
    static const char *const name[] = {
#define X(name, doc) #name,
        NEGATIVES(X)
#undef X
    };
    return (enum negative)parse_kind(name, NEGATIVES_ALL, text);
}

static enum serving_kind parse_serving(const char *text)
{
    static const char *const name[] = {
#define X(name, doc) #name,
        SERVINGS(X)
#undef X
    };
    return (enum serving_kind)parse_kind(name, SERVINGS_ALL, text);
}

static void list(void)
{
#define X(name, doc) printf("difficulty\t%s\t%s\n", #name, doc);
    DIFFICULTIES(X)
#undef X
#define X(name, doc) printf("serving\t%s\t%s\n", #name, doc);
    SERVINGS(X)
#undef X
#define X(name, doc) printf("none\t%s\t%s\n", #name, doc);
    NEGATIVES(X)
#undef X
}

static uint32_t write_symbols(struct judge *judge, int argc, char **argv)
{
    struct loops_options options = {
        .seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, .sink = take, .context = judge};
    if (strcmp(argv[1], "loop") == 0 && argc == 6) {
        options.difficulties = parse_difficulties(argv[3]);
        options.iterations = (uint32_t)strtoul(argv[4], NULL, 10);
        options.launches = (uint32_t)strtoul(argv[5], NULL, 10);
        return loops_write(&options);
    }
    if (strcmp(argv[1], "serve") == 0 && argc == 6) {
        options.iterations = (uint32_t)strtoul(argv[4], NULL, 10);
        options.launches = (uint32_t)strtoul(argv[5], NULL, 10);
        return loops_write_serving(&options, parse_serving(argv[3]));
    }
    if (strcmp(argv[1], "tiny") == 0 && argc == 6) {
        options.iterations = (uint32_t)strtoul(argv[3], NULL, 10);
        options.launches = (uint32_t)strtoul(argv[4], NULL, 10);
        options.before = (uint32_t)strtoul(argv[5], NULL, 10);
        return loops_write_tiny(&options);
    }
    if (strcmp(argv[1], "none") == 0 && argc == 5) {
        options.iterations = (uint32_t)strtoul(argv[4], NULL, 10) / 100;
        options.launches = 100;
        loops_write_negative(&options, parse_negative(argv[3]));
        return 0;
    }
    if (strcmp(argv[1], "speed") == 0 && argc == 3) {
        options.seed = 1;
        uint64_t events = strtoull(argv[2], NULL, 10);
        options.launches = events < 20000 ? 60 : 500;
        options.iterations = (uint32_t)(events * 7 / (8 * options.launches));
        return loops_write(&options);
    }
    fprintf(stderr, "usage: see the head of tests/rhythm/judge.c\n");
    exit(2);
}

int main(int argc, char **argv)
{
    struct mt_rhythm rhythm;
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        list();
        return 0;
    }
    struct judge *judge = need(calloc(1, sizeof *judge));
    judge->detector = need(mt_detector_new());
    judge->keeps = argc > 1 && strcmp(argv[1], "speed") != 0;
    uint32_t truth = argc > 1 ? write_symbols(judge, argc, argv) : 0;
    flush(judge);
    double begin = now_s();
    if (mt_detector_finish(judge->detector, judge->last_ns, judge->events, &rhythm) < 0)
        need(NULL);
    judge->seconds += now_s() - begin;
    compare(judge, &rhythm, truth);
    print_speed(judge);
    mt_rhythm_release(&rhythm);
    mt_detector_free(judge->detector);
    truth_release(&judge->truth);
    free(judge);
    return 0;
}
