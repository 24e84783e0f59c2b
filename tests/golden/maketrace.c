/* Traces for the second reader, too large to keep. usage: maketrace training|random FILE */
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "training.h"

int main(int argc, char **argv)
{
    struct mt_tracefile_options options = {.chunk_events = 3000, .time_shift = 5};
    if (argc != 3)
        return 2;
    struct mt_tracewriter *writer = mt_tracewriter_new(argv[2], &options);
    if (strcmp(argv[1], "training") == 0) {
        struct mt_training_options job = {.iterations = 4, .launches = 800, .noise = 9, .seed = 5};
        static struct mt_training_facts facts;
        mt_training_write(writer, &job, &facts);
    } else {
        struct sample *sample = calloc(1, sizeof *sample);
        for (int i = 0; i < 4000; i++) {
            const struct mt_record *record = sample_next(sample, 30);
            mt_tracewriter_add(writer, i % 3, record);
        }
        free(sample);
    }
    mt_tracewriter_free(writer);
    return 0;
}
