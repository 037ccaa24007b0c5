#!/usr/bin/env python3
"""The documentation site is built, its links lead somewhere, and what its pages tell people to type is there."""

import contextlib
import glob
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

import by_hand

SITE = os.path.join(by_hand.SOURCE_DIR, "docs", "site")
sys.path.insert(0, SITE)
import links  # noqa: E402
import make_site  # noqa: E402
import reference  # noqa: E402

BINARIES = os.path.join(by_hand.BINARY_DIR, "bin")
# What is inside a message of troubleshooting.md for something that differs: FILE, `braid-join:v1:` is text.
PLACEHOLDER = re.compile(
    r"\b(?!(?:BPE|CUDA|GPT|GPUS?|HTTPS?|JSON|LFS|NCCL|NVIDIA|PATH|TLS|UTF|UUIDS?)\b)"
    r"(?:HOST:PORT|[A-Z]{3,}|[NM])\b"
)
# Of other programs: the dynamic linker's, and pip's.
FOREIGN = ("error while loading shared libraries", "is not a supported wheel on this platform")


def read(*path):
    with open(os.path.join(by_hand.SOURCE_DIR, *path), encoding="utf-8") as file:
        return file.read()


def typed(text):
    """The commands of a page: what its indented and fenced blocks and its `code` say that begins with one of braid's
    programs. A line that ends in a backslash goes on."""
    text = text.replace("\\\n", " ")
    blocks = re.findall(r"^(?: {4,}|\$ )(.*)$", text, re.M)
    spans = [
        " ".join(span.split())
        for span in re.findall(r"`([^`]+)`", re.sub(r"(?ms)^```.*?^```", "", text))
    ]
    for line in blocks + spans:
        for part in re.split(r"\s[|;]\s|; |&&|\s#\s", line.removeprefix("$ ")):
            # "braid is up: ..." and the like is what the program says.
            if re.match(
                r"(\S*/)?(braid|braid-coordinator|braid-worker) (?!is )[a-z-]", part.strip()
            ):
                yield part.strip().rstrip(")")


class Help:
    """What the programs take: commands and flags, asked of each once."""

    def __init__(self):
        self.of = {" ".join(words): text for words, text in reference.all_help(BINARIES)}

    def wrong(self, line):
        """What a command line has that its program does not, or None."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            return None  # a part of a sentence
        name = os.path.basename(words.pop(0))
        known = self.flags(name)
        nothing = "braid" if name == "braid" else None
        while words:
            word, *others = words.pop(0).split("|")  # plan|start, --csv|--tensorboard
            for other in others:
                if other not in known and f"{name} {other}" not in self.of:
                    return f"{name} has no {other}"
            if word.startswith("--") or re.fullmatch(r"-[a-z]", word):
                flag = word.split("=")[0]
                if flag not in known:
                    return f"{name} has no {flag}"
                if "=" not in word and known[flag] and words:
                    words.pop(0)
            elif f"{name} {word}" in self.of:
                name = f"{name} {word}"
                known = {**known, **self.flags(name)}
            elif name == nothing or "\nSubcommands:\n" in self.of[name]:
                return f"{name} has no command {word}"
        return None

    def flags(self, name):
        """Flag -> whether a value follows it."""
        found = {}
        for names, rest in re.findall(r"^  (-\S+)(.*)$", self.of[name], re.M):
            valued = bool(re.match(r" (?:[A-Z]{3,}\b|\S*:)", rest))
            found.update({flag.split("=")[0]: valued for flag in names.split(",")})
        return found


class Docs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.help = Help()

    def test_the_site_is_built_and_every_link_leads_somewhere(self):
        python = os.path.join(by_hand.SOURCE_DIR, "build", "venv-docs", "bin", "python")
        if not os.path.exists(python):
            self.skipTest("there is no build/venv-docs: scripts/setup makes it")
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "a site")
            script = os.path.join(SITE, "make_site.py")
            done = subprocess.run(
                [python, script, "--programs", BINARIES, "--out", out],
                capture_output=True,
                text=True,
                cwd=folder,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(list(links.faults(out)), [])
            with open(os.path.join(out, "searchindex.js"), encoding="utf-8") as file:
                self.assertIn("docs/troubleshooting", file.read())
            for page in ("index", "docs/start", "docs/reference/cli", "docs/reference/metrics"):
                self.assertTrue(os.path.exists(os.path.join(out, page + ".html")), page)

    def test_a_wrong_link_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "a.html"), "w", encoding="utf-8") as out:
                out.write(
                    '<a href="b.html">b</a><a href="#here">c</a><p id="there"></p><a href="#there">'
                    '<script src="https://example.org/x.js"></script>'
                )
            self.assertEqual(
                list(links.faults(folder)),
                [
                    "a.html: loads https://example.org/x.js from the network",
                    "a.html: b.html leads to no file",
                    "a.html: #here leads to no place of that page",
                ],
            )

    def test_every_page_is_in_the_navigation_or_linked(self):
        listed = {page for pages in make_site.CONTENTS.values() for page in pages}
        for path in glob.glob(os.path.join(by_hand.SOURCE_DIR, "docs", "*.md")):
            page = "docs/" + os.path.basename(path).removesuffix(".md")
            self.assertTrue(page == "docs/index" or page in listed, page)

    def test_every_command_and_flag_on_the_pages_exists(self):
        wrong, seen = [], 0
        for path in [*make_site.pages(), "llms.txt"]:
            if path == "CHANGELOG.md":
                continue  # of versions that were
            for line in typed(read(path)):
                seen += 1
                fault = self.help.wrong(line)
                if fault:
                    wrong.append(f"{path}: {line}: {fault}")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))
        self.assertGreater(seen, 200)

    def test_a_command_or_flag_that_is_not_there_is_found(self):
        self.assertEqual(self.help.wrong("braid frobnicate x"), "braid has no command frobnicate")
        self.assertEqual(self.help.wrong("braid list --nope"), "braid list has no --nope")
        self.assertEqual(self.help.wrong("braid worker ad HOST"), "braid worker has no command ad")
        self.assertIsNone(self.help.wrong("braid --dir list submit recipe.yaml --watch"))

    def test_the_start_page_is_what_happens(self):
        page = read("docs", "start.md")
        (script,) = re.findall(r"(?ms)^```python\n(.*?)^```", page)
        with tempfile.TemporaryDirectory() as folder:
            here = os.getcwd()
            os.chdir(folder)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(script, "docs/start.md", "exec"), {})  # noqa: S102
            finally:
                os.chdir(here)
            blocks = re.findall(
                r"(?m)^    \$ (braid (?:init|check) .*)\n((?:    (?!\$).*\n|\n(?=    (?!\$)))+)",
                page,
            )
            self.assertEqual([line.split()[1] for line, _ in blocks], ["init", "check"])
            for line, said in blocks:
                words = [os.path.join(BINARIES, "braid"), *line.split()[1:]]
                done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
                expected, got = (
                    sorted(part.strip() for part in text.splitlines() if part.strip())
                    for text in (said, done.stdout + done.stderr)
                )
                self.assertEqual((done.returncode, got), (0, expected), line)

    def test_every_message_of_troubleshooting_is_one_of_the_programs(self):
        sources = ""
        listed = subprocess.run(
            [
                "git",
                "ls-files",
                "*.cc",
                "*.h",
                "clients/python/src/*.py",
                "deploy/debian/braid-torch",
            ],
            cwd=by_hand.SOURCE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        for path in listed.stdout.splitlines():
            if not path.startswith("tests/"):
                sources += read(path)
        # Literals that stand beside one another are one text.
        sources = re.sub(r'"\s*f?"', "", sources)
        messages = re.findall(r"^\| `([^`]+)` \|", read("docs", "troubleshooting.md"), re.M)
        self.assertGreater(len(messages), 100)
        self.assertEqual(len(messages), len(set(messages)))
        for message in messages:
            if message.startswith(FOREIGN):
                continue
            parts = [part.strip(" ;,") for part in PLACEHOLDER.split(message)]
            for part in parts:
                if len(part) > 5:
                    self.assertIn(part, sources, f"docs/troubleshooting.md: {message}")

    def test_the_index_for_programs_names_files_that_are_there(self):
        for target in re.findall(r"\]\(([^)]+)\)", read("llms.txt")):
            self.assertTrue(os.path.exists(os.path.join(by_hand.SOURCE_DIR, target)), target)
        self.assertRegex(read("SKILL.md"), r"\A---\nname: braid\ndescription: .{40,1000}\n---\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
