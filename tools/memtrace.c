/* memtrace: run a command with the recorder preloaded, and say what it left behind.
 *
 * The recorder's settings come from config.def; this file adds the few options of its own. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "child.h"
#include "pattern.h"
#include "preload.h"
#include "settings.h"
#include "traces.h"

enum { EXIT_USAGE = 2, OPTIONS_MAX = 64, FIRST_SETTING = 1000 };

/* Options that are no settings. X(letter, character, long name, text) */
#define OWN_OPTIONS(X)                                                                             \
    X("q", 'q', "quiet", "say nothing at the end")                                                 \
    X("h", 'h', "help", "show this help and exit")                                                 \
    X("V", 'V', "version", "show the version and exit")

struct request {
    bool quiet;
    char **command;
    struct mt_pattern pattern;
    char folder[MT_PATTERN_MAX]; /* where the launcher was started */
    char session[40];
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("memtrace: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_USAGE);
}

/* The settings that have a letter as well. */
static char letter_of(const char *option)
{
    return strcmp(option, "output") == 0 ? 'o' : strcmp(option, "force") == 0 ? 'f' : '\0';
}

static void help(void)
{
    puts("usage: memtrace [OPTION...] [--] COMMAND [ARGUMENT...]\n\n"
         "Run COMMAND and record its GPU memory, one trace for each process that uses CUDA.\n"
         "The exit code is that of COMMAND.\n");
    mt_settings_help(stdout, letter_of);
#define ROW(letter, character, name, text)                                                         \
    mt_help_option(stdout, "-" letter ", --" name, text);
    OWN_OPTIONS(ROW)
#undef ROW
    puts("\nWhat has a default can be given as an environment variable too: MEMTRACE_RING_KIB\n"
         "is --ring-kib. The option wins.");
}

/* The table for getopt: ours, then every setting that has an option, numbered by its row. */
static void fill_options(struct option *table)
{
#define ROW(letter, character, name, text)                                                         \
    *table++ = (struct option){name, no_argument, NULL, character};
    OWN_OPTIONS(ROW)
#undef ROW
    for (const struct mt_setting *row = mt_settings(); row->variable; row++) {
        int argument = row->type == MT_SETTING_SWITCH ? optional_argument : required_argument;
        int value = FIRST_SETTING + (int)(row - mt_settings());
        if (*row->option)
            *table++ = (struct option){row->option, argument, NULL, value};
    }
    *table = (struct option){NULL, 0, NULL, 0};
}

static const struct mt_setting *setting_called(const char *variable)
{
    const struct mt_setting *row = mt_settings();
    while (strcmp(row->variable, variable) != 0)
        row++;
    return row;
}

/* What the job will see of a setting. */
static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : setting_called(variable)->standard;
}

static void set_variable(const char *variable, const char *value)
{
    if (setenv(variable, value, 1) != 0)
        die("%s: %s", variable, strerror(errno));
}

/* An option beats the variable: the recorder sees only the variable. */
static void set_option(const struct mt_setting *row, const char *value)
{
    char origin[64];
    struct mt_error error;
    snprintf(origin, sizeof origin, "--%s", row->option);
    if (mt_setting_check(row, origin, value, &error) < 0)
        die("%s", error.message);
    set_variable(row->variable, value);
}

static void parse(struct request *request, int argc, char **argv)
{
    struct option table[OPTIONS_MAX];
    fill_options(table);
    int option;
    opterr = 0;
    /* "+": what follows the command's name belongs to the command. ":": tells the errors apart. */
    while ((option = getopt_long(argc, argv, "+:o:fqhV", table, NULL)) != -1) {
        if (option == 'q')
            request->quiet = true;
        else if (option == 'h')
            help(), exit(0);
        else if (option == 'V')
            puts("memtrace " MT_VERSION), exit(0);
        else if (option == ':')
            die("%s: a value is missing; try 'memtrace --help'", argv[optind - 1]);
        else if (option == '?')
            die("%s: unknown option; try 'memtrace --help'", argv[optind - 1]);
        else if (option == 'o')
            set_option(setting_called("MEMTRACE_OUTPUT"), optarg);
        else if (option == 'f')
            set_option(setting_called("MEMTRACE_FORCE"), "1");
        else
            set_option(&mt_settings()[option - FIRST_SETTING], optarg ? optarg : "1");
    }
    request->command = argv + optind;
    if (!*request->command)
        die("no command to run; try 'memtrace --help'");
}

static bool is_on(const char *value)
{
    return strchr("1yt", value[0]) || strcmp(value, "on") == 0;
}

/* Everything that can be known to be wrong before the job runs. */
static void check(struct request *request)
{
    struct mt_error error;
    bool force = is_on(value_of("MEMTRACE_FORCE"));
    if (mt_settings_check_environment(&error) < 0 ||
        mt_pattern_init(&request->pattern, value_of("MEMTRACE_OUTPUT"), &error) < 0 ||
        mt_pattern_check(&request->pattern, force, &error) < 0 || mt_preload_set(&error) < 0)
        die("%s", error.message);
    if (!getcwd(request->folder, sizeof request->folder))
        die("the current folder: %s", strerror(errno));
}

/* Two processes of one job must never overwrite each other's trace: what is there goes now, and
 * from here on a name that is taken is numbered. */
static void clear_fixed_name(const struct request *request)
{
    struct mt_error error;
    if (!request->pattern.fixed || !is_on(value_of("MEMTRACE_FORCE")))
        return;
    if (mt_pattern_clear(&request->pattern, &error) < 0)
        die("%s", error.message);
    set_variable("MEMTRACE_FORCE", "0");
}

/* A name for this run that no other run has. */
static void name_session(struct request *request)
{
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        die("no random numbers: %s", strerror(errno));
    snprintf(request->session, sizeof request->session, "%016" PRIx64 "%016" PRIx64, random[0],
             random[1]);
}

int main(int argc, char **argv)
{
    static struct request request;
    parse(&request, argc, argv);
    check(&request);
    name_session(&request);
    clear_fixed_name(&request);
    set_variable("MEMTRACE_OUTPUT", request.pattern.text);
    set_variable("MEMTRACE_SESSION", request.session);
    bool ran;
    int code = mt_child_run(request.command, &ran);
    if (ran && !request.quiet)
        mt_traces_report(&request.pattern, request.session, request.folder,
                         mt_preload_analyzer(argv[0]));
    return code;
}
