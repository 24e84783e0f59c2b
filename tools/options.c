#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plain.h"

enum { TEXT_COLUMN = 26, LAST_COLUMN = 80, FIRST_ROW = 256 };

/* Names stand in it as they came, from whoever made them. */
static void say(const char *tool, const char *format, va_list arguments)
{
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    fprintf(stderr, "%s: ", tool);
    mt_put_plain(stderr, text);
    free(text);
}

/* In a function with `...`: what all of them begin with. */
#define SAY(tool, format)                                                                          \
    do {                                                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        say(tool, format, arguments);                                                              \
        va_end(arguments);                                                                         \
    } while (0)

void mt_options_say(const char *tool, const char *format, ...)
{
    SAY(tool, format);
    fputc('\n', stderr);
}

void mt_options_stop(const char *tool, int code, const char *format, ...)
{
    SAY(tool, format);
    fputc('\n', stderr);
    exit(code);
}

void mt_options_die(const char *tool, const char *format, ...)
{
    SAY(tool, format);
    fprintf(stderr, "; try '%s --help'\n", tool);
    exit(MT_EXIT_USAGE);
}

/* ---- --help ---- */

/* The option at the left, the text wrapped beside it. */
static void put_paragraph(const char *option, const char *text)
{
    int column = printf("  %s", option);
    if (column >= TEXT_COLUMN) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", TEXT_COLUMN - column, "");
    column = TEXT_COLUMN;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > TEXT_COLUMN && column + 1 + word > LAST_COLUMN) {
            printf("\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
        }
        column += printf("%s%.*s", column > TEXT_COLUMN ? " " : "", word, text);
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

void mt_options_help(const struct mt_option *row, size_t rows)
{
    for (const struct mt_option *end = row + rows; row < end; row++) {
        char flag[80], letter[] = {'-', row->letter, ',', ' ', 0};
        const char *argument = row->argument ? row->argument : "";
        snprintf(flag, sizeof flag, "%s--%s%s%s%s%s", row->letter ? letter : "    ", row->name,
                 row->optional ? "[" : "", *argument ? "=" : "", argument,
                 row->optional ? "]" : "");
        put_paragraph(flag, row->text);
    }
}

/* ---- the command line ---- */

struct tables {
    struct option table[MT_OPTIONS_MAX + 1];
    char letters[2 * MT_OPTIONS_MAX + 3];
};

/* "+": what follows the first operand belongs to it. ":": tells the errors apart. */
static void fill(struct tables *tables, const struct mt_options *options)
{
    char *letter = tables->letters;
    if (options->leading)
        *letter++ = '+';
    *letter++ = ':';
    for (size_t i = 0; i < options->rows; i++) {
        const struct mt_option *row = &options->row[i];
        int argument = !row->argument  ? no_argument
                       : row->optional ? optional_argument
                                       : required_argument;
        tables->table[i] = (struct option){row->name, argument, NULL, FIRST_ROW + (int)i};
        if (row->letter)
            *letter++ = row->letter;
        if (row->letter && argument == required_argument)
            *letter++ = ':';
    }
}

static const struct mt_option *row_of(const struct mt_options *options, int got)
{
    const struct mt_option *row = options->row;
    if (got >= FIRST_ROW)
        return &row[got - FIRST_ROW];
    while (row->letter != got)
        row++;
    return row;
}

/* `-o -f` is a value that was forgotten, and would make a file that is called -f. */
static bool is_forgotten(char **argv, const char *value)
{
    return value && value == argv[optind - 1] && value[0] == '-' && value[1] &&
           !strchr("0123456789.", value[1]);
}

void mt_options_end(const char *tool, int code)
{
    if (fflush(stdout) != 0)
        mt_options_stop(tool, 1, "cannot write standard output: %s", strerror(errno));
    exit(code);
}

int mt_options_parse(const struct mt_options *options, int argc, char **argv)
{
    struct tables tables = {.letters = ""};
    int got;
    fill(&tables, options);
    opterr = 0;
    while ((got = getopt_long(argc, argv, tables.letters, tables.table, NULL)) != -1) {
        if (got == ':' || got == '?')
            mt_options_die(options->tool, "%s: %s", argv[optind - 1],
                           got == ':' ? "a value is missing" : "unknown option");
        const struct mt_option *row = row_of(options, got);
        if (is_forgotten(argv, optarg))
            mt_options_die(options->tool,
                           "--%s: a value is missing before %s (if that is the value, write "
                           "--%s=%s)",
                           row->name, optarg, row->name, optarg);
        if (row->id == 'h')
            options->help(), mt_options_end(options->tool, 0);
        if (row->id == 'V')
            printf("%s %s\n", options->tool, MT_VERSION), mt_options_end(options->tool, 0);
        options->take(options->state, row->id, optarg);
    }
    return optind;
}

bool mt_options_has_folder(const char *folders)
{
    struct stat about;
    while (*folders) {
        size_t length = strcspn(folders, ":");
        char *folder = strndup(folders, length);
        bool there = folder && stat(folder, &about) == 0 && S_ISDIR(about.st_mode);
        free(folder);
        if (there)
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}
