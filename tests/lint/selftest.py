#!/usr/bin/env python3
"""Every lint check finds a violation that is planted for it, and is quiet without.

usage: selftest.py CUDA_INCLUDE_DIR
"""
import os
import subprocess
import sys
import tempfile
import unittest

import lint_driver
import lint_headers
import lint_includes
import lint_options
import lint_settings
import lint_story
import lint_symbols
import lint_text

CUDA = sys.argv.pop(1) if len(sys.argv) > 1 else "/usr/local/cuda/include"


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)
        return full

    def tool(self, text):
        return self.write("tool.sh", "cat <<'EOF'\n" + text + "EOF\n")

    def assert_finds(self, problems, *words):
        """At least one problem, and one of them says all the words."""
        problems = list(problems)
        self.assertTrue(any(all(w in p for w in words) for p in problems), problems)

    def assert_clean(self, problems):
        self.assertEqual(list(problems), [])


class Story(Planted):
    def setUp(self):
        super().setUp()
        self.write("src/analysis/answers/summary.def", 'FACT(events, COUNT, "events")\n')
        self.write("src/model/counts.def", 'COUNT(pauses, COUNT, "pauses")\n')
        self.write("src/analysis/answers/summarykeys.c",
                   '    {"device.N.name", MT_U_NONE, "name"},\n')
        self.write("src/analysis/answers/tables.def", 'COLUMN(peak, phase, TEXT, NONE, "phase")\n')

    def say(self, key, column, listed="pauses"):
        self.write("src/report/story/brief.c", f'''
    {{"{listed}", "a note"}},
    f(number(story, "{key}"), mt_rows_text(story->summary, "pauses"));
    g(mt_rows_get(of(story), 0, "{column}").u, mt_story_device(story, device[0], "name"));
''')

    def test_clean(self):
        self.say("events", "phase")
        self.assert_clean(lint_story.check(self.root))

    def test_names_that_are_in_no_list(self):
        self.say("event", "phase")
        self.assert_finds(lint_story.check(self.root), "brief.c:3", "'event'", "summary")
        self.say("events", "phases")
        self.assert_finds(lint_story.check(self.root), "brief.c:4", "'phases'", "column")
        self.say("events", "phase", "pause")
        self.assert_finds(lint_story.check(self.root), "brief.c:2", "'pause'", "summary")

    def test_nothing_found_is_no_success(self):
        self.write("src/report/story/brief.c", "")
        self.assert_finds(lint_story.check(self.root), "reads no column")


class Includes(Planted):
    def setUp(self):
        super().setUp()
        self.write("src/base/error.h", "")
        self.write("src/event/event.h", '#include "base/error.h"\n')
        self.write("src/reader/merge.h", '#include "event/event.h"\n')

    def test_clean(self):
        self.write("tests/unit/anything.c", '#include "../../src/shim/x.h"\n')
        self.assert_clean(lint_includes.check(self.root))

    def test_against_the_flow(self):
        self.write("src/base/error.c", '#  include "event/event.h"\n')
        self.assert_finds(lint_includes.check(self.root), "src/base/error.c:1", "must not")

    def test_tools_and_shim(self):
        self.write("src/shim/process/config.def", "")
        self.write("src/shim/record/ring.h", "")
        self.write("tools/a.c", '#include "shim/process/config.def"\n')
        self.assert_clean(lint_includes.check(self.root))
        self.write("tools/b.c", '#include "shim/record/ring.h"\n')
        self.assert_finds(lint_includes.check(self.root), "tools/b.c:1", "must not")

    def test_installed_side_by_side(self):
        self.write("src/event/event.def", "")
        self.write("include/memtrace/trace.h", '#include "event.h"\n#include "event.def"\n')
        self.assert_clean(lint_includes.check(self.root))
        self.write("include/memtrace/trace.h", '#include "base/error.h"\n')
        self.assert_finds(lint_includes.check(self.root), "memtrace must not", "base/error.h")

    def test_not_from_src(self):
        self.write("src/base/clock.c", '#include "error.h"\n')
        self.assert_finds(lint_includes.check(self.root), "src/base/clock.c:1", "neither")

    def test_unknown_room(self):
        self.write("src/attic/old.c", '#include "base/error.h"\n')
        self.assert_finds(lint_includes.check(self.root), "src/attic", "no room")

    def test_a_room_that_no_page_names(self):
        self.write("CONTRIBUTING.md", "| `src/base` | | `src/event` | | `src/reader` |\n")
        self.assert_clean(lint_includes.check(self.root))
        self.write("src/reader/deep/x.h", "")
        self.assert_finds(lint_includes.check(self.root), "CONTRIBUTING.md", "src/reader/deep")

    def test_circle_inside_a_room(self):
        self.write("src/shim/a/one.h", '#include "shim/b/two.h"\n')
        self.assert_clean(p for p in lint_includes.check(self.root) if "circle" in p)
        self.write("src/shim/b/two.h", '#include "shim/a/one.h"\n')
        self.assert_finds(lint_includes.check(self.root), "circle", "src/shim/a", "src/shim/b")


class Text(Planted):
    def check(self):
        return lint_text.check(self.root)

    def test_clean(self):
        self.write("a.c", "int f(void)\n{\n    return 0;\n}\n")
        self.write("b/meson.build", "x = 1\n")
        self.write("c/meson.build", "x = 1\n")
        self.assert_clean(self.check())

    def test_white_space_tab_columns(self):
        self.write("a.c", "int a; \n\tint b;\n//" + "x" * 99 + "\n")
        self.assert_finds(self.check(), "a.c:1", "white space")
        self.assert_finds(self.check(), "a.c:2", "tab")
        self.assert_finds(self.check(), "a.c:3", "101 columns")

    def test_long_file(self):
        self.write("a.h", "\n" * 600)
        self.assert_clean(self.check())
        self.write("a.h", "\n" * 601)
        self.assert_finds(self.check(), "a.h", "601 lines")

    def test_long_function(self):
        self.write("a.c", "int f(void)\n{\n" + "    x();\n" * 78 + "}\n")
        self.assert_clean(self.check())
        self.write("a.c", "int f(void)\n{\n" + "    x();\n" * 79 + "}\n")
        self.assert_finds(self.check(), "a.c:2", "81 lines")

    def test_long_python_function(self):
        self.write("a.py", "def f():\n" + "    x()\n" * 80 + "\n\nprint()\n")
        self.assert_finds(self.check(), "a.py:1", "81 lines")

    def test_name_twice(self):
        self.write("src/base/a.c", "")
        self.write("src/event/a.c", "")
        self.assert_finds(self.check(), "a.c", "src/base", "src/event")


class Headers(Planted):
    def test_alone(self):
        self.write("src/base/size.h", "#include <stddef.h>\nsize_t mt_size(void);\n")
        self.assert_clean(lint_headers.check(self.root, CUDA))
        self.write("src/base/bare.h", "size_t mt_bare(void);\n")
        self.assert_finds(lint_headers.check(self.root, CUDA), "src/base/bare.h", "size_t")


class Driver(Planted):
    def problems(self, declared, version=13000, exports="cuMemAlloc_v2; cuMemcpyAsync_ptsz;"):
        self.write("cuda.h", f"#define CUDA_VERSION {version}\n" +
                   "".join(f"int {name}(void);\n" for name in declared))
        script = self.write("exports.map", "{\nglobal:\n    " + exports + "\nlocal:\n    *;\n};\n")
        return lint_driver.check(self.root, script, os.environ.get("CC", "cc"))

    def test_clean(self):
        self.assert_clean(self.problems(["cuMemAlloc_v2", "cuMemAlloc", "cuMemcpyAsync_ptsz",
                                         "cuMemHostGetFlags", "cuLaunchHostFunc_ptsz", "cuInit"]))

    def test_not_hooked(self):
        for name in ("cuMemAlloc_v3", "cuMemcpyAsync", "cuMemsetD8_v2_ptds", "cuLaunchKernelFast"):
            self.assert_finds(self.problems([name]), name, "neither")

    def test_newer_headers(self):
        self.assert_clean(self.problems(["cuMemAlloc_v3"], version=99000))


class Symbols(Planted):
    def library(self, code, *flags):
        source = self.write("lib.c", code)
        target = os.path.join(self.root, "lib.so")
        subprocess.run([os.environ.get("CC", "cc"), "-O0", "-shared", "-fPIC", "-o", target, source,
                        *flags], check=True)
        return target

    def problems(self, code, *flags, exports='"good";'):
        script = "{\nglobal:\n    " + exports + "\nlocal:\n    *;\n};\n"
        return lint_symbols.check(self.library(code, *flags), self.write("exports.map", script))

    def test_clean(self):
        self.assert_clean(self.problems("int good(void) { return 0; }\n"))

    def test_forbidden(self):
        code = "#include <stdio.h>\n#include <stdlib.h>\n#include <assert.h>\n" \
               "void good(int a) { assert(a); fputc(a, stdout); exit(a); }\n"
        for name in ("exit", "stdout", "__assert_fail"):
            self.assert_finds(self.problems(code), "refers to " + name)

    def test_glibc_only(self):
        code = "#define _GNU_SOURCE\n#include <dlfcn.h>\n" \
               "void *good(void) { return dlvsym ? dlvsym(0, 0, 0) : 0; }\n"
        self.assert_finds(self.problems(code), "dlvsym", "only glibc")
        self.assert_clean(self.problems("#pragma weak dlvsym\n" + code))

    def test_needed(self):
        problems = self.problems("#include <math.h>\ndouble good(double a) { return sin(a); }\n",
                                 "-Wl,--no-as-needed", "-lm")
        self.assert_finds(problems, "libm.so", "needs")

    def test_exports(self):
        code = "int good(void) { return 0; }\nint leak(void) { return 0; }\n"
        self.assert_finds(self.problems(code), "exports leak")
        self.assert_finds(self.problems("int good;\n", exports="good;\n    other;"),
                          "does not export other")


class Options(Planted):
    PAGE = ".SH OPTIONS\n.TP\n.BR \\-q \", \" \\-\\-quiet\nSays nothing.\n" \
           ".TP\n.B \\-\\-help\nHelp, see also \\-\\-other of another tool.\n"

    def check(self, text, page=PAGE):
        return lint_options.check(self.write("a.1", page), "sh", self.tool(text))

    def test_clean(self):
        self.assert_clean(self.check("usage: x\n  -q, --quiet   say nothing\n      --help  this\n"))

    def test_only_in_help(self):
        self.assert_finds(self.check("  -q, --quiet   nothing\n  --help\n  --new=N  x\n"),
                          "--new", "does not describe")

    def test_only_in_page(self):
        self.assert_finds(self.check("  --help\n"), "--quiet", "does not list")
        self.assert_finds(self.check("  --help\n"), "-q", "does not list")

    def test_failing_help(self):
        script = self.write("tool.sh", "exit 3\n")
        self.assert_finds(lint_options.check(self.write("a.1", self.PAGE), "sh", script), "exits")


class Settings(Planted):
    ROWS = 'TEXT(OUTPUT, output, "a.%e.x", "PATTERN",\n     "doc")\n' \
           'SWITCH(FORCE, force, 0, "doc")\nNUMBER(RING, ring, 40, 1, 900, "KiB", "doc")\n' \
           'TEXT(SESSION, NULL, "", "", "doc")\n'
    PAGE = ".SH OPTIONS\n.TP\n.BI \\-\\-output= PATTERN\nDefault:\n.IR a.%e.x .\n" \
           ".TP\n.B \\-\\-force\nForce.\n.TP\n.BI \\-\\-ring= N\n1 to 900.\nDefault: 40.\n" \
           ".SH ENVIRONMENT\nMEMTRACE_OUTPUT MEMTRACE_FORCE MEMTRACE_RING MEMTRACE_SESSION\n"

    def check(self, rows=ROWS, page=PAGE):
        return lint_settings.check(self.write("config.def", rows), self.write("a.1", page))

    def test_clean(self):
        self.assert_clean(self.check())

    def test_missing(self):
        self.assert_finds(self.check(self.ROWS + 'SWITCH(NEW, new, 0, "x")\n'), "MEMTRACE_NEW")
        self.assert_finds(self.check(self.ROWS + 'SWITCH(NEW, new, 0, "x")\n'), "--new")
        self.assert_finds(self.check(self.ROWS.replace("a.%e.x", "b.%e.x")), "--output", "b.%e.x")
        self.assert_finds(self.check(self.ROWS.replace("40,", "4,")), "--ring", "say Default: 4")
        self.assert_finds(self.check(self.ROWS.replace("40,", "900,")), "--ring", "Default: 900")
        self.assert_finds(self.check(self.ROWS.replace("900", "90")), "--ring", "say 90")
        self.assert_finds(self.check(rows="nothing\n"), "no row")


if __name__ == "__main__":
    unittest.main()
