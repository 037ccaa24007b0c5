#!/usr/bin/env python3
"""A sweep by successive halving, and the starts of a composite, with the real programs: what goes on is bit for bit what
was never stopped."""

import json
import os
import tempfile
import unittest

import by_hand
from service import RECIPE, Service, write_recipe

# Of three rates one diverges; the better one of the others goes on. So does one of two of the joint phase.
SWEEP = (
    RECIPE
    + """sweep:
  method: halving
  models: [dense, both]
  eta: 2
  over:
    baselines.dense.train.optimizer.lr: [1e-3, 2e-3, 1e+300]
    joint.optimizer.lr: [1e-3, 2e-3]
"""
)
RATES = {"dense": "dense_lr", "joint:both": "joint_lr"}


class Halving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.__exit__, None)
        cls.service.__enter__()
        cls.texts = by_hand.small_texts()
        cls.recipe = write_recipe(
            cls.service.folder, cls.texts, steps=6, text=SWEEP, name="halving.yaml"
        )
        done = cls.service.run("submit", cls.recipe, "--watch")
        cls.run_id, cls.watched = done.stdout.strip(), done.stderr
        cls.jobs = cls.jobs_of(cls.run_id)

    @classmethod
    def jobs_of(cls, run):
        return {job["name"]: job for job in cls.service.json("describe", run)["jobs"]}

    def winner(self, training):
        """The rate of the one training that came to its end."""
        rates = [
            rate
            for rate in ("1e-3", "2e-3", "1e_300")
            if self.jobs.get(f"{training}-{RATES[training]}_{rate}", {}).get("state")
            == "JOB_SUCCEEDED"
        ]
        self.assertEqual(len(rates), 1, rates)
        return rates[0]

    def model(self, job):
        """The bytes of the weights and of the optimizer's state."""
        folder = tempfile.mkdtemp(dir=self.service.folder)
        self.service.run("artifact", "get", job["outputs"]["model"], "--out", folder)
        found = []
        for name in ("model.safetensors", "optimizer.safetensors"):
            with open(os.path.join(folder, name), "rb") as file:
                found.append(file.read())
        return found

    def test_the_others_are_stopped_and_that_is_no_failure(self):
        self.assertEqual(self.service.json("describe", self.run_id)["state"], "RUN_SUCCEEDED")
        loser = {"1e-3": "2e-3", "2e-3": "1e-3"}[self.winner("dense")]
        stopped = self.jobs[f"dense-dense_lr_{loser}"]
        self.assertEqual(stopped["state"], "JOB_SKIPPED")
        self.assertTrue(stopped["leftBehind"])
        self.assertRegex(
            stopped["error"],
            r"^stopped at rung 1: its held-out loss \d+\.\d{4} is place 2 of 3, and the best 1 goes on$",
        )
        self.assertIn(f"SKIPPED    dense-dense_lr_{loser}: stopped at rung 1", self.watched)
        self.assertIn(
            "reason   stopped at rung 1",
            self.service.run("describe", self.run_id, f"dense-dense_lr_{loser}").stdout,
        )
        self.assertIn("stopped at rung 1", self.service.run("list", "jobs", self.run_id).stdout)
        self.assertEqual(
            self.jobs[f"evaluate:dense-dense_lr_{loser}"]["error"],
            f"dense-dense_lr_{loser} was stopped at a rung",
        )

    def test_a_training_that_diverges_is_the_worst(self):
        failed = [name for name, job in self.jobs.items() if job["state"] == "JOB_FAILED"]
        self.assertEqual(failed, ["dense-dense_lr_1e_300@rung_1"])
        self.assertEqual(
            self.jobs["dense-dense_lr_1e_300"]["error"],
            "dense-dense_lr_1e_300@rung_1 failed, which counts as the worst of what it is compared with",
        )

    def test_what_goes_on_has_the_bits_of_what_was_never_stopped(self):
        # Of two starts one diverges; the other one is the composite `both` by another name.
        rates = {training: self.winner(training) for training in RATES}
        text = (
            RECIPE.replace(
                "blocks: 2}\ntrain:",
                "blocks: 2, train: {optimizer: {lr: %s}}}\ntrain:" % rates["dense"],
            )
            .replace(
                "joint: {ranks: 2}", "joint: {ranks: 2, optimizer: {lr: %s}}" % rates["joint:both"]
            )
            .replace(
                "connect: share}",
                "connect: share}\n  - {name: any, start: auto, probe: 0.4, starts: {wild: "
                "{connect: share, joint.optimizer.lr: 1e+300}, plain: {connect: share}}}",
            )
        )
        alone = write_recipe(self.service.folder, self.texts, steps=6, text=text, name="alone.yaml")
        run = self.service.run("submit", alone, "--watch").stdout.strip()
        jobs = self.jobs_of(run)
        for training, rate in rates.items():
            self.assertEqual(
                self.model(self.jobs[f"{training}-{RATES[training]}_{rate}"]),
                self.model(jobs[training]),
                training,
            )
        self.assertEqual(jobs["joint:any-wild@rung_1"]["state"], "JOB_FAILED")
        self.assertTrue(jobs["joint:any-wild"]["leftBehind"])
        self.assertEqual(self.model(jobs["joint:any-plain"]), self.model(jobs["joint:both"]))
        out = os.path.join(self.service.folder, "alone")
        printed = self.service.run("report", run, "--out", out).stdout
        self.assertIn("Starts of any", printed)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        models = [model["name"] for model in report["models"]]
        self.assertIn("any-plain", models)
        self.assertNotIn("any-wild", models)

    def test_the_report_has_the_rungs(self):
        out = os.path.join(self.service.folder, "report")
        printed = self.service.run("report", self.run_id, "--out", out).stdout
        self.assertIn("Successive halving of dense", printed)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual([one["model"] for one in report["halvings"]], ["dense", "both"])
        rungs = report["halvings"][0]["rungs"]
        self.assertEqual(
            [trial["end"] for trial in rungs[0]["trials"]], ["went_on", "stopped", "failed"]
        )
        self.assertEqual([trial["end"] for trial in rungs[1]["trials"]], ["went_on"])
        self.assertEqual(rungs[0]["share"], 0.5)
        dense = [one for one in report["sweep"]["candidates"] if one["model"] == "dense"]
        self.assertEqual(len(dense), 1)
        self.assertIsNotNone(dense[0]["seconds"])

    def test_the_plan_shows_the_parts(self):
        plan = self.service.run("plan", self.recipe).stdout
        self.assertIn("dense-dense_lr_2e-3@rung_1", plan)
        self.assertIn("is compared before its rate has fallen (lr_schedule cosine)", plan)


if __name__ == "__main__":
    unittest.main()
