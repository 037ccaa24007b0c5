#!/usr/bin/env python3
"""A training made longer by a second run: the bits of one long training, and refusals that come before anything runs."""

import os
import tempfile
import unittest

import by_hand
from service import RECIPE, Service, write_recipe

ALONE = RECIPE.replace("composites:\n  - {name: both, connect: share}\n", "").replace(
    "joint: {ranks: 2}\n", ""
)
CONSTANT = ALONE.replace("warmup_steps: 2", "warmup_steps: 2, lr_schedule: constant").replace(
    "steps: 100, sequences", "steps: 5, sequences"
)


class Continue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.__exit__, None)
        cls.service.__enter__()
        cls.texts = by_hand.small_texts()
        first = cls.recipe("first.yaml", 10, CONSTANT)
        cls.first = cls.service.run(
            "submit", first, "--only", "path_tales", "--watch"
        ).stdout.strip()
        cls.model = cls.job(cls.first)["outputs"]["model"]

    @classmethod
    def recipe(cls, name, steps, text):
        return write_recipe(cls.service.folder, cls.texts, steps=steps, text=text, name=name)

    @classmethod
    def job(cls, run):
        return next(
            job for job in cls.service.json("describe", run)["jobs"] if job["name"] == "path_tales"
        )

    def continued(self, name, steps, text=CONSTANT, checkpoint=None):
        checkpoint = checkpoint or self.model[:12]
        return self.recipe(
            name, steps, text.replace("corpus: tales,", f"corpus: tales, continue: {checkpoint},")
        )

    def files(self, artifact):
        folder = tempfile.mkdtemp(dir=self.service.folder)
        self.service.run("artifact", "get", artifact, "--out", folder)
        found = {}
        for name in ("model.safetensors", "optimizer.safetensors", "history.jsonl", "state.json"):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
        return found, folder

    def test_the_longer_training_has_the_bits_of_one(self):
        whole = self.recipe("whole.yaml", 20, CONSTANT)
        runs = [
            self.service.run("submit", path, "--only", "path_tales", "--watch").stdout.strip()
            for path in (whole, self.continued("on.yaml", 20))
        ]
        jobs = [self.job(run) for run in runs]
        one, other = (self.files(job["outputs"]["model"])[0] for job in jobs)
        self.assertEqual(one, other)
        self.assertEqual(len(one["history.jsonl"].splitlines()), 20)
        # It is made from the first training, and has trained only the rest.
        lineage = self.service.run("artifact", "lineage", jobs[1]["outputs"]["model"]).stdout
        self.assertIn(self.model[:12], lineage)
        metrics = self.service.run("metrics", runs[1], "path_tales").stdout
        self.assertNotIn('"step":10,', metrics.replace(" ", ""))
        # A folder will do as well as an id.
        folder = self.files(self.model)[1]
        by_folder = self.continued("folder.yaml", 20, checkpoint=folder)
        run = self.service.run(
            "submit", by_folder, "--only", "path_tales", "--watch"
        ).stdout.strip()
        self.assertEqual(self.files(self.job(run)["outputs"]["model"])[0], one)

    def test_what_does_not_fit_is_refused_with_what_differs(self):
        plan = self.service.run(
            "plan", self.continued("cosine.yaml", 20, CONSTANT.replace("constant", "cosine"))
        )
        self.assertIn(
            "continue with lr_schedule cosine: the rate is that of one cosine",
            plan.stdout + plan.stderr,
        )
        for name, steps, text, message in (
            (
                "short.yaml",
                10,
                CONSTANT,
                "it has done 10 steps, and train.steps ends the training after 10",
            ),
            (
                "batch.yaml",
                20,
                CONSTANT.replace("batch: 4", "batch: 8"),
                "train.batch was 4 and is 8; give what it was",
            ),
        ):
            refused = self.service.run(
                "submit", self.continued(name, steps, text), "--only", "path_tales", code=1
            )
            self.assertRegex(refused.stderr, rf"{name}:\d+: .*{message}")

    def test_other_text_is_refused_when_the_training_begins(self):
        text = CONSTANT.replace("tales.jsonl]", "tales.jsonl], documents: 90")
        run = self.service.run(
            "submit",
            self.continued("text.yaml", 20, text),
            "--only",
            "path_tales",
            "--watch",
            code=10,
        ).stdout.strip()
        self.assertIn(
            "the text of tales is not that on which it was trained", self.job(run)["error"]
        )


if __name__ == "__main__":
    unittest.main()
