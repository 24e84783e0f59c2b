/* The command line of a tool: its options are rows, and what is done with them is the same for all.
 *
 *     static const struct mt_option rows[] = {{'o', 'o', "output", "TRACE", "the trace", false}};
 *     struct mt_options options = {"memtrace-import", rows, 1, help, take, &request, false};
 *     int first = mt_options_parse(&options, argc, argv);
 *
 * --help and --version are rows like others, with the ids 'h' and 'V'; they end the program with 0,
 * what is wrong with 2. */
#ifndef MT_OPTIONS_H
#define MT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { MT_EXIT_USAGE = 2, MT_OPTIONS_MAX = 64 };

struct mt_option {
    int id;               /* what `take` is told */
    char letter;          /* 0: it has none */
    const char *name;     /* long, without dashes */
    const char *argument; /* what its value is, NULL: it takes none */
    const char *text;     /* for --help */
    bool optional;        /* the value of the long form; the letter has none */
};

/* The rows that every tool has. */
#define MT_OPTIONS_COMMON                                                                          \
    {'h', 'h', "help", NULL, "show this help and exit", false},                                    \
    {                                                                                              \
        'V', 'V', "version", NULL, "show the version and exit", false                              \
    }

struct mt_options {
    const char *tool;
    const struct mt_option *row;
    size_t rows; /* at most MT_OPTIONS_MAX */
    void (*help)(void);
    void (*take)(void *state, int id, const char *value); /* NULL: none was given */
    void *state;
    bool leading; /* only what stands before the first operand is an option */
};

/* Of a tool whose rows are an array, and whose functions have these names. */
#define MT_OPTIONS(name, array, request)                                                           \
    {                                                                                              \
        .tool = name, .row = array, .rows = sizeof(array) / sizeof *(array), .help = help,         \
        .take = take, .state = request                                                             \
    }

/* Index in argv of the first operand. */
int mt_options_parse(const struct mt_options *options, int argc, char **argv);

/* Paragraphs of --help, one for each row. */
void mt_options_help(const struct mt_option *row, size_t rows);

/* "TOOL: ..." on standard error. */
__attribute__((format(printf, 2, 3))) void mt_options_say(const char *tool, const char *format,
                                                          ...);

/* The same, and exit `code`. */
__attribute__((format(printf, 3, 4), noreturn)) void mt_options_stop(const char *tool, int code,
                                                                     const char *format, ...);

/* "TOOL: ...; try 'TOOL --help'" on standard error, and exit 2. */
__attribute__((format(printf, 2, 3), noreturn)) void mt_options_die(const char *tool,
                                                                    const char *format, ...);

/* Whether one of some folders, separated by colons, is there. */
bool mt_options_has_folder(const char *folders);

/* Exit with `code`, or with 1 and a message if what was printed did not reach standard output. */
__attribute__((noreturn)) void mt_options_end(const char *tool, int code);

#endif
