/* Which chunks a file has: from its index, or by going through it, damaged parts passed over. */
#ifndef MT_CHUNKS_H
#define MT_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/layout.h"
#include "reader/source.h"

struct mt_chunks {
    struct mt_index_entry *entry; /* META and EVENTS, in file order */
    uint32_t count, room;
    struct mt_chunk_header cut; /* events that the end of the file cuts; magic 0 if none */
    uint64_t chunks_broken, events_broken; /* not kept, although their header is intact */
    uint64_t bytes_skipped;
    uint64_t tail_skipped; /* of those: at the end of the file */
    uint64_t first_damage; /* meaningful if bytes_skipped > 0 */
    bool complete;         /* the trailer is there */
};

/* Find the chunks of `source` behind its file header. 0 or MT_ERR_MEMORY. */
int mt_chunks_find(struct mt_chunks *chunks, const struct mt_source_file *source);

void mt_chunks_release(struct mt_chunks *chunks);

/* Read the frame of a chunk into *buffer (malloc'ed, grows, kept by the caller). Whether the file
 * has all of it; *intact tells whether its header in the file says the same as the entry. */
bool mt_chunk_read(const struct mt_source_file *source, const struct mt_index_entry *entry,
                   void **buffer, size_t *room, bool *intact);

#endif
