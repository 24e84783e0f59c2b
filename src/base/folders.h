/* Folders that are missing are made, as by mkdir -p: with the rights that the umask leaves. */
#ifndef MT_FOLDERS_H
#define MT_FOLDERS_H

/* Make the folder that `path` names and those above it, as far as they are missing; what has a name
 * already is left alone, also if it is no folder. `path` is changed meanwhile. 0 or -errno. Safe
 * beside others that do the same. */
int mt_folders_make(char *path);

/* The same of the folder that a file called `path` lies in. */
int mt_folders_make_for(char *path);

#endif
