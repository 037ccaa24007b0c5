#!/usr/bin/env python3
"""Every citation of the papers in a comment is a link to a section that docs/papers has."""

import os
import re
import subprocess
import unittest

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
LINK = re.compile(r"docs/papers/(\w+)\.md#(s[\d.]*\d)((?:,\s+#s[\d.]*\d)*)")
# A section that is named in words, as in "docs/papers/papaformer.md#s7" or "docs/papers/dual_path.md#s5".
IN_WORDS = re.compile(r"(PaPaformer,?|dual-path specification,?)\s+(sections?\s+)?\d")


def comments(path):
    """The comments of a file, adjacent lines joined, as (first line, text)."""
    mark = "#" if path.endswith(".py") else "//"
    first, text = 0, []
    with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate([*lines, ""], 1):
        at = line.find(mark + " ")
        if at >= 0 and not line[:at].strip():
            if not text:
                first = number
            text.append(line[at + len(mark) :].strip())
            continue
        if text:
            yield first, " ".join(text)
            text = []
        if at >= 0:
            yield number, line[at:]


def anchors():
    found = set()
    for paper in ("papaformer", "dual_path"):
        with open(
            os.path.join(SOURCE_DIR, "docs", "papers", paper + ".md"), encoding="utf-8"
        ) as file:
            found |= {(paper, anchor) for anchor in re.findall(r'<a id="([^"]+)">', file.read())}
    return found


def sources():
    names = ["*.h", "*.cc", "*.cu", "*.proto", "*.py"]
    listed = subprocess.run(
        ["git", "ls-files", *names], cwd=SOURCE_DIR, capture_output=True, text=True
    )
    return [
        path for path in listed.stdout.split("\n") if os.path.exists(os.path.join(SOURCE_DIR, path))
    ]


def faults(path, found_anchors):
    for line, text in comments(path):
        if IN_WORDS.search(text):
            yield f"{path}:{line}: a section in words; link to docs/papers instead: {text[:80]}"
        for paper, anchor, more in LINK.findall(text):
            for one in [anchor, *re.findall(r"s[\d.]*\d", more)]:
                if (paper, one) not in found_anchors:
                    yield f"{path}:{line}: docs/papers/{paper}.md has no section {one[1:]}"


class Citations(unittest.TestCase):
    def test_every_citation_is_a_link_to_a_section(self):
        found = anchors()
        self.assertGreater(len(found), 30)
        files = [
            path
            for path in sources()
            if path != "tests/system/citations_test.py" and os.path.isfile(path)
        ]
        wrong = [fault for path in files for fault in faults(path, found)]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))
        cited = sum(len(LINK.findall(text)) for path in files for _, text in comments(path))
        self.assertGreater(cited, 60)


if __name__ == "__main__":
    os.chdir(SOURCE_DIR)
    unittest.main()
