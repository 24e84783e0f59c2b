/* Programs without CUDA do not notice: same output, same end, no file, no thread. */
#include "harness.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/unit.h"

static bool is_installed(const char *name)
{
    struct run run = run_order(&(struct order){
        .preload = "", .arguments = LIST("sh", "-c", "command -v \"$0\" >/dev/null", name)});
    bool is = run_exited(&run, 0);
    run_free(&run);
    return is;
}

static void check(const char *const *arguments)
{
    if (!is_installed(arguments[0]))
        return;
    struct run without = run_order(&(struct order){.preload = "", .arguments = arguments});
    struct run with = run_order(&(struct order){.arguments = arguments});
    ck_assert_msg(with.status == without.status, "%s: wait status %#x, without %#x", arguments[0],
                  with.status, without.status);
    ck_assert_str_eq(with.out, without.out);
    ck_assert_str_eq(with.err, without.err);
    ck_assert_msg(*with.out || *with.err, "%s said nothing: nothing was compared", arguments[0]);
    ck_assert_uint_eq(run_files(&with, "mtrace"), 0);
    ck_assert_uint_eq(run_files(&with, ".ring"), 0);
    ck_assert_uint_eq(run_files(&with, ""), run_files(&without, ""));
    run_free(&with);
    run_free(&without);
}

START_TEST(coreutils)
{
    check(LIST("ls", "-l", "/usr/include"));
    check(LIST("cat", "/etc/passwd", "/no/such/file"));
    check(LIST("sha256sum", "/bin/sh"));
    check(LIST("sort", "-r", "--parallel=4", "/etc/passwd"));
    check(LIST("date", "-u", "-d", "@0"));
    check(LIST("factor", "123456789012345"));
    check(LIST("false", "--help"));
    check(LIST("timeout", "1", "sh", "-c", "echo yes; kill -9 $$; echo no"));
    check(LIST("find", "/usr/include", "-maxdepth", "1"));
    check(LIST("awk", "BEGIN { for (i = 0; i < 9; i++) print i * i | \"sort -n\" }"));
}
END_TEST

START_TEST(shells_and_tools)
{
    check(LIST("bash", "-c", "seq 50 | xargs -n 7 echo | while read a; do (echo $a); done;"
                             " exec echo end"));
    check(LIST("git", "--version"));
    check(LIST("sh", "-c", "git init -q r && cd r && git -c user.name=a -c user.email=b commit -q"
                           " --allow-empty -m x && git log --format=%s && rm -rf ../r"));
    check(LIST("gcc", "-x", "c", "-S", "-o", "-", "/dev/null"));
    check(LIST("perl", "-e", "fork or exit 3; wait; print $? >> 8, qq(\\n); exec 'echo', 'x'"));
    check(LIST("gdb", "-nx", "-batch", "-ex", "print 6 * 7"));
}
END_TEST

START_TEST(interpreters)
{
    static const char script[] =
        "import os, threading, subprocess, json, ctypes, multiprocessing as m\n"
        "print(len(os.listdir('/proc/self/task')), subprocess.check_output(['echo', 'a']))\n"
        "t = threading.Thread(target=lambda: print(len(os.listdir('/proc/self/task'))))\n"
        "t.start(); t.join()\n"
        "print(ctypes.CDLL(None).cuInit if hasattr(ctypes.CDLL(None), 'cuda') else 'no cuda')\n"
        "p = m.get_context('fork').Process(target=print, args=('child',)); p.start(); p.join()\n"
        "print(p.exitcode, sorted(os.listdir('/proc/self/fd')))\n";
    check(LIST("python3", "-c", script));
    check(LIST("node", "-e", "const t = require('fs').readdirSync('/proc/self/task').length;"
                             "console.log(t); process.exitCode = 5"));
    check(LIST("java", "-version"));
}
END_TEST

/* What asks for the driver and finds none gets the answer it would have got. */
START_TEST(no_driver)
{
    static const char script[] = "import ctypes\n"
                                 "try:\n    ctypes.CDLL('libcuda-none.so.1')\n"
                                 "except OSError as e:\n    print(e)\n"
                                 "print(hasattr(ctypes.CDLL(None), 'cuMemAlloc_v2'))\n";
    check(LIST("python3", "-c", script));
}
END_TEST

/* Built only where there is one. */
START_TEST(another_c_library)
{
    char program[4096];
    snprintf(program, sizeof program, "%s/victim-musl", getenv("MT_VICTIMS"));
    if (access(program, X_OK) == 0)
        check(LIST(program));
}
END_TEST

UNIT_MAIN("clean", coreutils, shells_and_tools, interpreters, no_driver, another_c_library)
