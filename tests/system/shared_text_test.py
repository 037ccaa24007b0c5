#!/usr/bin/env python3
"""The same recipe on text of other kinds, with the gpt-neox-20b tokenizer: stories and mathematics from ../shared."""

import os
import unittest

import by_hand
from service import Service

SHARED = os.path.join(os.path.dirname(by_hand.SOURCE_DIR), "shared", "data")
STORIES = os.path.join(SHARED, "stories", "tinystories_dev.jsonl.gz")
MATH = os.path.join(SHARED, "math", "gsm8k_train_dev.jsonl.gz")
NEOX = os.path.join(SHARED, "tokenizers")

RECIPE = """run: shared
tokenizer: {{file: "{tokenizer}"}}
corpora:
  stories: {{files: ["{stories}"], text: text, tokens: 20000}}
  math:    {{files: ["{math}"], join: [question, answer], tokens: 20000}}
validation: {{documents: 0.05}}
sequence: 64
paths:
  - {{name: path_1, corpus: stories, d: 16, heads: 2, blocks: 1}}
  - {{name: path_2, corpus: math, d: 16, heads: 2, blocks: 1}}
composites:
  - {{name: share_linear, connect: share}}
train: {{batch: 4, accumulate: 1, epochs: 1, steps: 10, optimizer: {{lr: 2e-3}}}}
evaluate:
  - loss: {{sequences: 20}}
"""


def neox_file():
    for at, _, names in os.walk(NEOX):
        for name in names:
            if name == "tokenizer.json" and "neox" in at:
                return os.path.join(at, name)
    return None


@unittest.skipUnless(
    os.path.isdir(SHARED) and neox_file(), "there is no ../shared beside this checkout"
)
class SharedText(unittest.TestCase):
    def test_stories_and_mathematics(self):
        with Service() as braid:
            path = os.path.join(braid.folder, "recipe.yaml")
            with open(path, "w", encoding="utf-8") as out:
                out.write(RECIPE.format(tokenizer=neox_file(), stories=STORIES, math=MATH))
            run = braid.run("submit", path, "--watch").stdout.strip()
            self.assertEqual(braid.json("describe", run)["state"], "RUN_SUCCEEDED")
            self.assertEqual(len(braid.metrics(run, "joint:share_linear")), 10)
            self.assertIn("share_linear", braid.run("report", run).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
