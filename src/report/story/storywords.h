/* Numbers in words, good until the end of the block around them. */
#ifndef MT_STORYWORDS_H
#define MT_STORYWORDS_H

#include "report/number.h"
#include "report/story/page.h"

#define BYTES(n) mt_human_bytes((char[MT_HUMAN_MAX]){0}, n)
#define NUMBER(n) mt_human_count((char[MT_HUMAN_MAX]){0}, n)
#define NS(n) mt_human_ns((char[MT_HUMAN_MAX]){0}, n)
#define SHARE(x) mt_human_share((char[MT_HUMAN_MAX]){0}, x)
#define PLACE(x) mt_human_place((char[MT_HUMAN_MAX]){0}, x)
#define COUNTED(n, one, many) NUMBER(n), mt_human_noun(n, one, many) /* two arguments */
#define NAME(text, columns) mt_page_name((char[MT_PAGE_LINE_BYTES]){0}, text, columns)

#endif
