#!/usr/bin/env python3
"""Every evaluation and both directions of Hugging Face, from a recipe and by hand, with the real programs."""
import json
import os
import unittest

import by_hand
from evaluation_files import write_blimp, write_glue, write_superglue
from service import RECIPE, Service, write_recipe

EVALUATE = """evaluate:
  - loss: all
  - generate: {prompts: ["The red fox"], tokens: 8}
  - blimp: {dir: blimp}
  - glue: {dir: glue, epochs: 1, batch: 8, seeds: [3, 12]}
  - superglue: {dir: superglue, epochs: 1, batch: 8, seeds: [3, 12]}
export: true
"""
TASKS = ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "boolq", "wsc", "multirc"]


class Evaluation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.service.__enter__()
        folder = cls.service.folder
        write_blimp(os.path.join(folder, "blimp"))
        write_glue(os.path.join(folder, "glue"))
        write_superglue(os.path.join(folder, "superglue"))
        text = RECIPE[:RECIPE.index("evaluate:")].replace("sequence: 32", "sequence: 64") + EVALUATE
        cls.recipe = write_recipe(folder, by_hand.small_texts(), steps=10, text=text)
        cls.submitted = cls.service.run("submit", cls.recipe, "--watch", code=None)
        cls.run_id = cls.submitted.stdout.strip()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def folder(self, name):
        return os.path.join(self.service.folder, name)

    def output(self, job, role):
        """An output of a job of the run as a folder."""
        folder = self.folder(f"{job}-{role}".replace(":", "-"))
        self.service.run("artifact", "get", self.service.job(self.run_id, job)["outputs"][role], "--out", folder)
        return folder

    def test_the_run_succeeds(self):
        self.assertEqual(self.submitted.returncode, 0, self.submitted.stderr)

    def test_every_task_has_both_seeds(self):
        with open(os.path.join(self.output("evaluate:both", "evaluation"), "evaluation.json"), encoding="utf-8") as file:
            evaluation = json.load(file)
        tasks = evaluation["glue"]["tasks"]
        self.assertEqual(sorted(tasks), sorted(TASKS))
        for name, task in tasks.items():
            self.assertEqual(len(task["seeds"]), 2, name)
            self.assertAlmostEqual(task["score"], sum(task["seeds"]) / 2, places=6)
        self.assertEqual(len(evaluation["blimp"]["paradigms"]), 2)

    def test_the_report_has_the_tables_of_the_scores(self):
        text = self.service.run("report", self.run_id).stdout
        for heading in ("BLiMP", "GLUE", "SuperGLUE"):
            self.assertIn(heading, text)

    def test_models_are_evaluated_by_hand(self):
        """The same numbers as in the run, from RUN/JOB, from an artifact's id and from a folder."""
        model = self.service.job(self.run_id, "joint:both")["outputs"]["model"]
        names = [self.run_id + "/joint:both", model, self.output("joint:both", "model")]
        shown = [self.service.run("eval", name, "--blimp", self.folder("blimp")).stdout for name in names]
        self.assertEqual(len(set(shown)), 1)
        self.assertIn("wh_island", shown[0])
        losses = self.service.run("eval", names[0], "--shards", self.output("prepare:tales", "shards")).stdout
        self.assertIn("perplexity", losses)

    def test_models_are_exported_and_imported_by_hand(self):
        out, back = self.folder("tales-hf"), self.folder("tales-back")
        self.service.run("export", self.run_id + "/path_tales", "--out", out)
        with open(os.path.join(out, "config.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["architectures"], ["LlamaForCausalLM"])
        self.assertTrue(os.path.exists(os.path.join(out, "tokenizer.json")))
        self.service.run("import", out, "--out", back)
        words = ("The red fox", "--tokens", "6")
        self.assertEqual(self.service.run("generate", back, *words).stdout, self.service.run("generate", self.run_id + "/path_tales", *words).stdout)
        again = self.service.run("import", out, "--out", back, code=None)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn(back, again.stderr)

    def test_the_recipe_exports_every_model(self):
        exported = self.output("export:both", "model")
        for name in ("config.json", "model.safetensors", "tokenizer.json", "modeling_braid.py", "README.md"):
            self.assertTrue(os.path.exists(os.path.join(exported, name)), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
