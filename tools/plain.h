/* Names of unknown making (files, commands, what a trace says) on their way to a terminal. */
#ifndef MT_PLAIN_H
#define MT_PLAIN_H

#include <stdio.h>

/* Control characters and what is not UTF-8 become \xNN. */
void mt_put_plain(FILE *out, const char *text);

/* A word as a shell needs it to have the same text; printed, it is plain. */
void mt_put_quoted(FILE *out, const char *word);

#endif
