#!/usr/bin/env python3
"""A run whose paths begin with a seed model, with the real programs: their weights, tokens and lineage."""

import json
import os
import struct
import tempfile
import unittest

import by_hand
from service import RECIPE, Service, write_recipe

# At this rate a step changes no weight: what a path ends with is what it began with.
STILL = "lr_schedule: constant, warmup_steps: 0, optimizer: {lr: 1e-30}"
SEEDED = (
    RECIPE.replace("epochs: 10000000, steps: STEPS", "epochs: 1")
    .replace("corpus: tales,", "corpus: tales, train: {%s}," % STILL)
    .replace("corpus: sums,", "corpus: sums, train: {%s}," % STILL)
    + "split: {seed_model: 0.2, paths: 0.4}\nseed_model: {train: {lr_schedule: constant}}\n"
)


def tensors(folder):
    """Name -> bytes of the weights of a checkpoint (docs/formats.md); of safetensors' own layout."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: data[slice(*one["data_offsets"])] for name, one in header.items()}


class SeedModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.__exit__, None)
        cls.service.__enter__()
        folder = cls.service.folder
        cls.recipe = write_recipe(folder, by_hand.small_texts(), steps=0, text=SEEDED)
        cls.run_id = cls.service.run("submit", cls.recipe, "--watch").stdout.strip()
        described = cls.service.json("describe", cls.run_id)
        cls.jobs = {job["name"]: job for job in described["jobs"]}

    def weights(self, job):
        folder = tempfile.mkdtemp(dir=self.service.folder)
        model = self.jobs[job]["outputs"]["model"]
        self.service.run("artifact", "get", model, "--out", folder)
        return tensors(folder)

    def test_paths_begin_with_its_weights(self):
        seed = self.weights("seed_model")
        self.assertGreater(len(seed), 5)
        for path in ("path_tales", "path_sums"):
            self.assertEqual(
                self.jobs[path]["inputs"]["init"], self.jobs["seed_model"]["outputs"]["model"]
            )
            self.assertEqual(self.weights(path), seed)

    def test_its_tokens_are_a_part_of_the_budget(self):
        out = os.path.join(self.service.folder, "report")
        self.service.run("report", self.run_id, "--out", out)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        models = {model["name"]: model for model in report["models"]}
        self.assertEqual(models["seed_model"]["role"], "seed_model")
        trained = {job["name"]: job["summary"].get("tokens") for job in report["jobs"]}
        composite = models["both"]["tokens"]
        parts = ("seed_model", "path_tales", "path_sums", "joint:both")
        self.assertEqual(composite, sum(trained[job] for job in parts))
        # Whole sequences: the dense model has as many tokens, to a batch a training.
        self.assertAlmostEqual(composite, models["dense"]["tokens"], delta=4 * 4 * 32)
        lineage = {job["name"]: job for job in report["jobs"]}
        self.assertEqual(
            lineage["path_sums"]["inputs"]["init"], lineage["seed_model"]["outputs"]["model"]
        )
        with open(os.path.join(out, "report.md"), encoding="utf-8") as file:
            self.assertIn("seed model", file.read())

    def test_the_plan_has_it(self):
        plan = self.service.run("plan", self.recipe).stdout
        self.assertRegex(plan, r"(?m)^seed_model\b")
        self.assertIn("split.seed_model = 0.2", plan)


if __name__ == "__main__":
    unittest.main()
