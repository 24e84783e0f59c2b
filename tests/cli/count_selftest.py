#!/usr/bin/env python3
"""The last line of the test run tells the truth. usage: count_selftest.py COUNT_PY"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

COUNT = sys.argv.pop(1)


class Count(unittest.TestCase):
    def assert_line(self, results, status, line, code):
        """What count.py says of these results and meson's exit status."""
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "testlog.json")
            if results is not None:
                with open(log, "w", encoding="utf-8") as out:
                    out.writelines(json.dumps({"result": r}) + "\n" for r in results)
            got = subprocess.run([sys.executable, COUNT, log, str(status)], capture_output=True,
                                 text=True, check=False)
        self.assertEqual((got.stdout.splitlines()[-1], got.returncode), (line, code))

    def test_good(self):
        self.assert_line(["OK", "OK"], 0, "tests: 2 passed, 0 failed", 0)
        self.assert_line(["OK", "SKIP"], 0, "tests: 1 passed, 0 failed, 1 skipped", 0)

    def test_bad(self):
        for bad in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS", "never heard of"):
            self.assert_line(["OK", bad], 1, "tests: 1 passed, 1 failed", 1)

    def test_nothing_ran(self):
        self.assert_line([], 0, "tests: 0 passed, 1 failed", 1)
        self.assert_line(None, 0, "tests: 0 passed, 1 failed", 1)

    def test_meson_disagrees(self):
        self.assert_line(["OK"], 2, "tests: 1 passed, 1 failed", 1)


if __name__ == "__main__":
    unittest.main()
