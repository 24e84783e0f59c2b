#!/usr/bin/env python3
"""The command line harness passes what is right and fails each thing that can be wrong."""
import unittest

import cli


def problems(text):
    (case,) = cli.parse(text.splitlines())
    return cli.run_case(case, {"GREETING": "hello"})


class Harness(unittest.TestCase):
    def assert_right(self, text):
        self.assertEqual(problems(text), [])

    def assert_wrong(self, text, word):
        found = problems(text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(word, found[0])

    def test_right(self):
        self.assert_right("case a\n$ echo $GREETING 3.5 MiB; echo $PWD/x >&2; touch f.1; exit 3\n"
                          "> hello {n} {}\n! {tmp}/x\n= 3\n+ f.*\n- g*\n")

    def test_any_lines(self):
        self.assert_right("case a\n$ echo 1; echo 2; echo 3\n> 1\n> ...\n> 3\n")
        self.assert_right("case a\n$ echo 1; echo 3\n> 1\n> ...\n> 3\n")
        self.assert_wrong("case a\n$ echo 1; echo 2; echo 4\n> 1\n> ...\n> 3\n", "stdout")

    def test_wrong_output(self):
        self.assert_wrong("case a\n$ echo b\n> a\n", "stdout should be")
        self.assert_wrong("case a\n$ echo b\n", "stdout should be")
        self.assert_wrong("case a\n$ true\n! b\n", "stderr should be")
        self.assert_wrong("case a\n$ echo a.b\n> a{n}b\n", "stdout should be")

    def test_wrong_exit(self):
        self.assert_wrong("case a\n$ exit 1\n", "exit code should be 0, but is 1")
        self.assert_wrong("case a\n$ exit 1\n= 2\n", "exit code")

    def test_files(self):
        self.assert_wrong("case a\n$ true\n+ f*\n", "no f* was left")
        self.assert_wrong("case a\n$ mkdir d; touch d/f\n- d/f\n", "d/f was left")

    def test_condition(self):
        (case,) = cli.parse(["case a", "? true", "? false"])
        self.assertFalse(cli.makes_sense(case, {}))
        (case,) = cli.parse(["case a", "? true", '? [ "$GREETING" = hello ]'])
        self.assertTrue(cli.makes_sense(case, {"GREETING": "hello"}))

    def test_not_a_case(self):
        self.assertRaises(SystemExit, cli.parse, ["case a", "what is this"])


if __name__ == "__main__":
    unittest.main()
