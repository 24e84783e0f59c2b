#include "plain.h"

#include <string.h>

#include "report/utf8.h"

void mt_put_plain(FILE *out, const char *text)
{
    for (;;) {
        size_t length = mt_utf8_clean(text, "");
        fwrite(text, 1, length, out);
        text += length;
        if (!*text)
            return;
        fprintf(out, "\\x%02x", (unsigned char)*text++);
    }
}

/* $'...' of bash, zsh and ksh: POSIX's quotes have no other way to write a control character. */
static void put_dollar_quoted(FILE *out, const char *word)
{
    fputs("$'", out);
    for (; *word; word++) {
        size_t clean = mt_utf8_clean(word, "'\\");
        fwrite(word, 1, clean, out);
        word += clean;
        if (!*word)
            break;
        if (*word == '\'' || *word == '\\')
            fprintf(out, "\\%c", *word);
        else
            fprintf(out, "\\%03o", (unsigned char)*word);
    }
    fputc('\'', out);
}

void mt_put_quoted(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    if (word[mt_utf8_clean(word, "")]) {
        put_dollar_quoted(out, word);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        *word == '\'' ? fputs("'\\''", out) : fputc(*word, out);
    fputc('\'', out);
}
