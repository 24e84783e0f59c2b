/* memtrace: run a command with the recorder preloaded, and say what it left behind.
 *
 * The recorder's settings come from config.def; this file adds the few options of its own. */
#include <errno.h>
#include <inttypes.h>
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

enum { FIRST_SETTING = 1000 };

#define die(...) mt_options_stop("memtrace", MT_EXIT_USAGE, __VA_ARGS__)

struct request {
    bool quiet;
    char **command;
    struct mt_pattern pattern;
    char folder[MT_PATTERN_MAX]; /* where the launcher was started */
    char session[40];
};

/* Every setting that has an option, then what is no setting. */
static size_t all_options(struct mt_option option[MT_OPTIONS_MAX])
{
    static const struct mt_option own[] = {
        {'q', 'q', "quiet", NULL, "say nothing at the end", false}, MT_OPTIONS_COMMON};
    size_t n = mt_settings_options(option, FIRST_SETTING);
    memcpy(&option[n], own, sizeof own);
    return n + sizeof own / sizeof *own;
}

static void help(void)
{
    struct mt_option option[MT_OPTIONS_MAX];
    puts("usage: memtrace [OPTION...] [--] COMMAND [ARGUMENT...]\n\n"
         "Run COMMAND and record its GPU memory, one trace for each process that uses CUDA.\n"
         "The exit code is that of COMMAND.\n");
    mt_options_help(option, all_options(option));
    puts("\nWhat has a default can be given as an environment variable too: MEMTRACE_RING_KIB\n"
         "is --ring-kib. The option wins.");
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
    if (!*value)
        die("%s: the value is empty", origin); /* an empty variable is one that is not set */
    if (mt_setting_check(row, origin, value, &error) < 0)
        die("%s", error.message);
    set_variable(row->variable, value);
}

static void take(void *state, int id, const char *value)
{
    struct request *request = state;
    if (id == 'q')
        request->quiet = true;
    else
        set_option(&mt_settings()[id - FIRST_SETTING], value ? value : "1");
}

static void parse(struct request *request, int argc, char **argv)
{
    struct mt_option option[MT_OPTIONS_MAX];
    struct mt_options options = {.tool = "memtrace",
                                 .row = option,
                                 .rows = all_options(option),
                                 .help = help,
                                 .take = take,
                                 .state = request,
                                 .leading = true};
    request->command = argv + mt_options_parse(&options, argc, argv);
    if (!*request->command)
        mt_options_die("memtrace", "no command to run");
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

/* A process that used CUDA and could not be recorded has said so itself, wherever that went. */
static const char *why_no_trace(void)
{
    if (!is_on(value_of("MEMTRACE_ENABLE")))
        return "recording is turned off";
    return "no CUDA call of the command found a device, or its processes said why they are not "
           "recorded";
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
    if (ran && !request.quiet &&
        !mt_traces_report(&request.pattern, request.session, request.folder,
                          mt_preload_analyzer(argv[0])))
        fprintf(stderr, "memtrace: no trace was written: %s\n", why_no_trace());
    return code;
}
