#!/usr/bin/env python3
"""`braid check`: everything that is wrong with a recipe at once, the same for plan, submit, editors and the coordinator; and
sizes of files reach the order in which jobs go."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import by_hand
from evaluation_files import write_lines
from service import Service, write_recipe

RECIPE = """run: small
tokenizer: {train: {vocab: 300}}
corpora:
  good: {files: [good.jsonl], text: text}
  list: {files: [list.json], text: text, on_bad_row: skip}
  field: {files: [good.jsonl], text: story}
sequence: 16
paths: [{name: p, corpus: good, d: 8, heads: 2, blocks: 1}]
train: {batch: 2, accumulate: 1, epochs: 1, warmup_steps: 100000}
evaluate:
  - blimp: {dir: blimp}
  - glue: {dir: far}
"""


class Checks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid check ")
        self.addCleanup(shutil.rmtree, self.folder)
        write_lines(
            self.at("good.jsonl"), [json.dumps({"text": "once upon a time there was a fox"})] * 2000
        )
        write_lines(self.at("list.json"), ["[", '{"text": "one"},', '{"text": "two"}', "]"])
        write_lines(self.at("blimp/one.jsonl"), ['{"sentence_good": 3}'])
        self.recipe = self.at("recipe.yaml")
        self.write(RECIPE)

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, text):
        with open(self.recipe, "w", encoding="utf-8") as file:
            file.write(text)

    def braid(self, *words, code=0):
        done = subprocess.run([by_hand.program("braid"), *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    # Line, field and a part of the message of everything that is wrong.
    FOUND = [
        (5, "corpora.list.files", "one object a line; this file is a list"),
        (6, "corpora.field.files", 'the row has no field "story"; it has text'),
        (11, "evaluate.blimp", "one.jsonl"),
        (12, "evaluate.glue", "there is no folder"),
    ]

    def test_everything_is_found_at_once(self):
        said = self.braid("check", self.recipe, code=1).stdout
        for line, _, message in self.FOUND:
            self.assertRegex(said, rf"(?m)^error: .*recipe\.yaml:{line}: .*{message}")
        self.assertRegex(
            said, r"(?m)^warning: p: warmup_steps 100000: the whole training has about \d+ steps"
        )
        self.assertTrue(said.endswith("4 errors, 1 warning\n"), said)

    def test_editors_read_json(self):
        findings = json.loads(self.braid("-o", "json", "check", self.recipe, code=1).stdout)[
            "findings"
        ]
        errors = [one for one in findings if one["severity"] == "ERROR"]
        self.assertEqual(
            [(one["line"], one["field"]) for one in errors], [found[:2] for found in self.FOUND]
        )
        self.assertTrue(all(one["recipe"] == self.recipe for one in findings))
        self.assertEqual(
            [one["subject"] for one in errors],
            [self.at("list.json"), self.at("good.jsonl"), self.at("blimp"), self.at("far")],
        )
        self.assertEqual([one["line"] for one in findings if one.get("missing")], [12])
        self.write(RECIPE.replace("heads: 2", "heads: 3").replace("sequence: 16", "sequenc: 16"))
        findings = json.loads(self.braid("-o", "json", "check", self.recipe, code=1).stdout)[
            "findings"
        ]
        self.assertEqual(
            [(one["line"], one["column"] > 0, one["field"]) for one in findings],
            [(7, True, "sequenc"), (8, True, "paths.0.heads")],
        )

    def test_submit_refuses_it_before_it_asks_for_a_coordinator(self):
        done = self.braid("--addr", "127.0.0.1:1", "submit", self.recipe, code=1)
        for line, _, message in self.FOUND:
            self.assertRegex(done.stderr, rf"recipe\.yaml:{line}: .*{message}")
        self.assertIn("warning: p: warmup_steps 100000", done.stderr)
        self.assertNotIn("127.0.0.1:1", done.stderr)

    def test_plan_warns_of_it(self):
        said = self.braid("plan", self.recipe).stdout
        warnings, missing = said.split("\nwarnings:\n")[1].split("\nnot here")
        for line, _, message in self.FOUND[:3]:
            self.assertRegex(warnings, rf"recipe\.yaml:{line}: .*{message}")
        self.assertIn("p: warmup_steps 100000", warnings)
        self.assertRegex(missing, r"recipe\.yaml:12: .*there is no folder")

    def test_a_good_recipe_passes(self):
        lines = RECIPE.replace(", warmup_steps: 100000", "").splitlines(keepends=True)
        self.write("".join(lines[:4] + lines[6:9]))
        self.assertEqual(self.braid("check", self.recipe).stdout, "nothing found\n")
        self.assertEqual(json.loads(self.braid("-o", "json", "check", self.recipe).stdout), {})
        self.braid("--addr", "127.0.0.1:1", "submit", self.recipe, code=6)  # now somebody is asked
        self.assertIn("path_9", self.braid("check", self.recipe, "--only", "path_9", code=3).stderr)
        self.assertIn("nowhere.yaml", self.braid("check", self.at("nowhere.yaml"), code=3).stderr)


SIZED = """run: sized
tokenizer: {train: {vocab: 300}}
corpora:
  few:  {files: [few.jsonl], text: text}
  many: {files: [many.jsonl], text: text}
validation: {documents: 0.1}
sequence: 16
paths:
  - {name: short, corpus: few, d: 8, heads: 2, blocks: 1}
  - {name: long, corpus: many, d: 8, heads: 2, blocks: 1}
train: {batch: 8, accumulate: 1, epochs: 1}
"""


class Order(unittest.TestCase):
    def test_the_longer_path_goes_first_where_corpora_have_no_caps(self):
        """One worker: what the costliest chain needs goes before what stands first in the recipe."""
        with Service(workers=1) as service:
            documents = by_hand.small_texts()["tales"]
            recipe = write_recipe(
                service.folder, {"few": documents, "many": documents * 3}, steps=1, text=SIZED
            )
            run = service.submit(recipe)
            service.run("wait", run)
            granted = [
                event["job"]
                for event in service.events()
                if event["kind"] == "attempt.granted" and event["runId"] == run
            ]
            self.assertLess(granted.index("prepare:many"), granted.index("prepare:few"), granted)
            self.assertLess(granted.index("long"), granted.index("short"), granted)


if __name__ == "__main__":
    unittest.main(verbosity=2)
