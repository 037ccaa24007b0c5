#!/usr/bin/env python3
"""One run of many trainings with the real programs: what is equal is trained once, and is what a recipe of its own makes."""

import json
import os
import tempfile
import unittest

import by_hand
from service import RECIPE, Service, write_recipe

SWEEP = RECIPE + "seeds: [42, 43]\nsweep: {over: {joint.optimizer.lr: [1e-3, 2e-3]}}\n"
ALONE = RECIPE.replace("joint: {ranks: 2}", "joint: {ranks: 2, optimizer: {lr: 2e-3}}")


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.__exit__, None)
        cls.service.__enter__()
        texts = by_hand.small_texts()
        folder = cls.service.folder
        cls.swept = write_recipe(folder, texts, steps=6, text=SWEEP, name="sweep.yaml")
        alone = write_recipe(folder, texts, steps=6, text=ALONE, name="alone.yaml")
        cls.run_id = cls.service.run("submit", cls.swept, "--watch").stdout.strip()
        cls.alone_id = cls.service.run("submit", alone, "--watch").stdout.strip()

    def jobs(self, run):
        return {job["name"]: job for job in self.service.json("describe", run)["jobs"]}

    def files(self, job, role):
        """The bytes of an output by path; its id also has the digest of the recipe."""
        folder = tempfile.mkdtemp(dir=self.service.folder)
        self.service.run("artifact", "get", job["outputs"][role], "--out", folder)
        found = {}
        for at, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(at, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
        self.assertTrue(found)
        return found

    def test_what_is_equal_is_one_job(self):
        names = set(self.jobs(self.run_id))
        self.assertLessEqual({"tokenizer", "prepare:tales", "prepare:sums", "report"}, names)
        kinds = {}
        for job in self.jobs(self.run_id).values():
            kinds[job["kind"]] = kinds.get(job["kind"], 0) + 1
        # The rate of the joint phase changes neither paths nor merges nor the baseline.
        self.assertEqual(
            kinds,
            {
                "tokenizer": 1,
                "prepare": 2,
                "train": 3 * 2,
                "merge": 2,
                "gate": 2,
                "joint": 2 * 2,
                "evaluate": 3 * 2 + 2 + 2 * 2,
                "report": 1,
            },
        )
        self.assertIn("joint:both-lr_2e-3-seed_43", names)

    def test_a_variant_is_bit_for_bit_the_recipe_that_says_the_same(self):
        swept, alone = self.jobs(self.run_id), self.jobs(self.alone_id)
        pairs = {
            "tokenizer": "tokenizer",
            "prepare:tales": "prepare:tales",
            "path_tales-seed_42": "path_tales",
            "dense-seed_42": "dense",
            "merge:both-seed_42": "merge:both",
            "joint:both-lr_2e-3-seed_42": "joint:both",
        }
        for in_sweep, in_recipe in pairs.items():
            for role in ("tokenizer", "shards", "model"):
                if role in alone[in_recipe]["outputs"]:
                    self.assertEqual(
                        self.files(swept[in_sweep], role),
                        self.files(alone[in_recipe], role),
                        f"{role} of {in_sweep}",
                    )
        self.assertNotEqual(
            self.files(swept["dense-seed_43"], "model"), self.files(alone["dense"], "model")
        )

    def test_the_report_has_intervals_over_seeds(self):
        out = os.path.join(self.service.folder, "report")
        printed = self.service.run("report", self.run_id, "--out", out).stdout
        self.assertIn("4 variants of one recipe", printed)
        self.assertIn("No composite stands beside a dense model: none of the dense ", printed)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        candidates = {
            (one["model"], json.dumps(one["values"])): one for one in report["sweep"]["candidates"]
        }
        dense = candidates[("dense", "{}")]
        self.assertEqual(len(dense["trainings"]), 2)
        self.assertGreater(dense["loss"]["all"]["half_width"], 0)
        self.assertEqual(len(report["sweep"]["variants"]), 4)
        self.assertGreater(report["frontier"]["core_seconds"][0]["cost"], 0)

    def test_the_plan_says_what_is_shared(self):
        plan = self.service.run("plan", self.swept).stdout
        self.assertIn("lr_1e-3-seed_42", plan)
        self.assertIn(
            "4 variants have 56 jobs, of which 29 are different and are run",
            plan,
        )
        self.assertIn("shared by all variants: tokenizer, prepare:tales, prepare:sums", plan)
        self.assertIn(
            "A list of seeds, or how many"[2:], self.service.run("explain", "seeds").stdout
        )

    def test_an_error_names_the_field(self):
        text = SWEEP.replace("joint.optimizer.lr", "joint.optimizer.rl")
        wrong = write_recipe(
            self.service.folder, by_hand.small_texts(), steps=6, text=text, name="wrong.yaml"
        )
        done = self.service.run("plan", wrong, code=1)
        self.assertIn("sweep.over.joint.optimizer.rl: joint.optimizer has no field rl", done.stderr)


if __name__ == "__main__":
    unittest.main()
