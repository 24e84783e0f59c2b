/* A file of ours in somebody else's process: the job may close all descriptors, change directory or
 * rights, and reuse our number for a file of its own. So the descriptor is kept high, checked
 * before each use, and the file reopened by its absolute path where it is not ours any more. */
#ifndef MT_MFILE_H
#define MT_MFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mt_mfile {
    int fd; /* -1: not open */
    dev_t device;
    ino_t inode;
    char path[4096]; /* absolute */
};

/* Create `path` (absolute), 0600, O_EXCL, no link followed; force removes a regular file there
 * first. 0 or -errno. */
int mt_mfile_create(struct mt_mfile *file, const char *path, bool force);

/* A descriptor that is this file, reopened if need be; -errno where that is impossible. */
int mt_mfile_check(struct mt_mfile *file);

/* Write all of it at `offset`; 0 or -errno, after which the file may be longer than before. */
int mt_mfile_write(struct mt_mfile *file, const void *bytes, size_t size, uint64_t offset);

void mt_mfile_close(struct mt_mfile *file);

/* Remove the path if it still names this file. */
void mt_mfile_remove(struct mt_mfile *file);

#endif
