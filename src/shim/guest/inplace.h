/* Whether a file can be written anew without more room on the disk. */
#ifndef MT_INPLACE_H
#define MT_INPLACE_H

#include <stdbool.h>

/* Of the file system on which the empty file `fd` lies. The file is empty behind it, too. */
bool mt_stays_in_place(int fd);

#endif
