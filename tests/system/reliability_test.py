#!/usr/bin/env python3
"""docs/reliability.md names tests for its promises: each of them exists."""

import glob
import os
import re
import unittest

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
# `CoreTest.AStaleEpochChangesNothing`, `faults_test.py: test_cancel_ends_the_processes`.
IN_CPP = re.compile(r"`(\w+)\.([A-Z]\w+)`")
IN_PYTHON = re.compile(r"`(\w+_test\.py): (test_\w+)`")
DEFINED = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)


def read(path):
    with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
        return file.read()


def tests_in_cpp():
    found = set()
    for path in glob.glob(os.path.join(SOURCE_DIR, "tests", "**", "*.cc"), recursive=True):
        found |= set(DEFINED.findall(read(path)))
    return found


def tests_in_python():
    found = set()
    for path in glob.glob(os.path.join(SOURCE_DIR, "tests", "system", "*_test.py")):
        for name in re.findall(r"^    def (test_\w+)\(", read(path), re.MULTILINE):
            found.add((os.path.basename(path), name))
    return found


def faults(text):
    """What of the document's tests is not there, and rows without any."""
    cpp, python = tests_in_cpp(), tests_in_python()
    for suite, name in IN_CPP.findall(text):
        if (suite, name) not in cpp:
            yield f"there is no test {suite}.{name}"
    for path, name in IN_PYTHON.findall(text):
        if (path, name) not in python:
            yield f"tests/system/{path} has no {name}"
    for line in text.split("\n"):
        row = line.startswith("| ") and not line.startswith("| Promise")
        if row and not (IN_CPP.search(line) or IN_PYTHON.search(line)):
            yield f"no test shows: {line}"


class Reliability(unittest.TestCase):
    def test_each_test_that_is_named_exists(self):
        text = read("docs/reliability.md")
        self.assertEqual(list(faults(text)), [])
        self.assertGreater(len(IN_CPP.findall(text)), 50)
        self.assertGreater(len(IN_PYTHON.findall(text)), 15)

    def test_a_name_that_is_wrong_is_found(self):
        text = "| x | `CoreTest.AStaleEpochChangesEverything`, `faults_test.py: test_nothing` |\n| y | |"
        self.assertEqual(
            list(faults(text)),
            [
                "there is no test CoreTest.AStaleEpochChangesEverything",
                "tests/system/faults_test.py has no test_nothing",
                "no test shows: | y | |",
            ],
        )


if __name__ == "__main__":
    unittest.main()
