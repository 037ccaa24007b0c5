#!/usr/bin/env python3
"""The main job, small, with the real programs: two commands of a user, and what the other commands then say."""

import json
import os
import tempfile
import unittest

import by_hand
from service import RECIPE, Service, write_recipe


class MainJob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.service.__enter__()
        cls.recipe = write_recipe(cls.service.folder, by_hand.small_texts(), steps=60)
        cls.submitted = cls.service.run(
            "submit",
            cls.recipe,
            "--watch",
            "--request-id",
            "6b1f0f9e-5f0e-4d1c-9a57-0e2f3c4d5e6f",
            code=None,
        )
        cls.run_id = cls.submitted.stdout.strip()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def test_the_run_succeeds_with_every_job(self):
        self.assertEqual(self.submitted.returncode, 0, self.submitted.stderr)
        run = self.service.json("describe", self.run_id)
        self.assertEqual(run["state"], "RUN_SUCCEEDED")
        self.assertEqual({job["state"] for job in run["jobs"]}, {"JOB_SUCCEEDED"})
        self.assertEqual(
            {job["name"] for job in run["jobs"]},
            {
                "tokenizer",
                "prepare:tales",
                "prepare:sums",
                "path_tales",
                "path_sums",
                "dense",
                "merge:both",
                "gate:both",
                "joint:both",
                "evaluate:path_tales",
                "evaluate:path_sums",
                "evaluate:dense",
                "evaluate:both@start",
                "evaluate:both",
                "report",
            },
        )

    def test_the_gang_ran_on_two_workers(self):
        job = self.service.job(self.run_id, "joint:both")
        self.assertEqual(len(set(job["attempts"][-1]["workers"])), 2)

    def test_the_same_request_id_is_the_same_run(self):
        again = self.service.run(
            "submit", self.recipe, "--request-id", "6b1f0f9e-5f0e-4d1c-9a57-0e2f3c4d5e6f"
        )
        self.assertEqual(again.stdout.strip(), self.run_id)

    def test_the_report_has_a_row_for_each_model(self):
        report = json.loads(self.service.run("-o", "json", "report", self.run_id).stdout)
        text = self.service.run("report", self.run_id).stdout
        for name in ("path_tales", "path_sums", "both", "dense"):
            self.assertIn(name, json.dumps(report))
            self.assertIn(name, text)
        for word in ("perplexity", "tokens/s", "ritical path"):
            self.assertIn(word, text)
        self.assertTrue(
            os.path.exists(
                os.path.join(self.service.folder, "state", "reports", self.run_id, "report.html")
            )
        )

    def test_metrics_are_every_step_once(self):
        for job in ("path_tales", "joint:both", "dense"):
            self.assertEqual(sorted(self.service.metrics(self.run_id, job)), list(range(1, 61)))

    def test_what_a_job_wrote_can_be_read_after_the_end(self):
        self.assertIn("steps", self.service.run("logs", self.run_id, "path_tales").stdout)

    def test_events_have_no_gaps(self):
        events = self.service.events()
        seqs = [int(event["seq"]) for event in events]
        self.assertGreater(len(seqs), 30)
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))

    def test_lineage_leads_back_to_the_text(self):
        model = self.service.job(self.run_id, "joint:both")["outputs"]["model"]
        lineage = self.service.run("artifact", "lineage", model).stdout
        for kind in ("checkpoint", "shards", "tokenizer", "source"):
            self.assertIn(kind, lineage)
        self.service.run("artifact", "verify", model)

    def test_models_generate(self):
        text = self.service.run(
            "generate", self.run_id + "/joint:both", "The red fox", "--tokens", "8"
        ).stdout
        self.assertTrue(text.startswith("The red fox"))

    def test_only_one_path(self):
        run = self.service.run(
            "submit", self.recipe, "--only", "path_tales", "--watch"
        ).stdout.strip()
        names = {job["name"] for job in self.service.json("describe", run)["jobs"]}
        self.assertEqual(names, {"tokenizer", "prepare:tales", "path_tales"})
        # The same seed, data and settings: the same bits as in the whole run.
        self.assertEqual(
            self.service.metrics(run, "path_tales"), self.service.metrics(self.run_id, "path_tales")
        )

    def test_paths_trained_before_join_a_merge(self):
        folder = tempfile.mkdtemp(dir=self.service.folder)
        tokenizer = self.service.job(self.run_id, "tokenizer")["outputs"]["tokenizer"]
        self.service.run("artifact", "get", tokenizer, "--out", os.path.join(folder, "tokenizer"))
        model = self.service.job(self.run_id, "path_tales")["outputs"]["model"]
        self.service.run("artifact", "get", model, "--out", os.path.join(folder, "tales"))
        sums = self.service.job(self.run_id, "path_sums")["outputs"]["model"]
        text = RECIPE.replace("{train: {vocab: 400}}", "{file: tokenizer/tokenizer.json}")
        text = text.replace("name: path_tales,", "name: path_tales, from: tales,").replace(
            "name: path_sums,", f"name: path_sums, from: {sums},"
        )
        text = text.replace("baselines:\n  - {name: dense, d: 32, heads: 4, blocks: 2}\n", "")
        run = self.service.run(
            "submit", write_recipe(folder, by_hand.small_texts(), steps=60, text=text), "--watch"
        ).stdout.strip()
        # The merge of the same paths is the same composite: it trains on with the same bits.
        self.assertEqual(
            self.service.metrics(run, "joint:both"), self.service.metrics(self.run_id, "joint:both")
        )

    def test_a_merge_without_a_recipe_is_proved_and_trained_on(self):
        parents = [
            self.service.job(self.run_id, name)["outputs"]["model"]
            for name in ("path_tales", "path_sums")
        ]
        data = [
            word
            for corpus in ("tales", "sums")
            for word in (
                "--data",
                f"{corpus}="
                + self.service.job(self.run_id, "prepare:" + corpus)["outputs"]["shards"],
            )
        ]
        joint = (
            "{ranks: 2, batch: 4, accumulate: 1, epochs: 1000, steps: 20, optimizer: {lr: 2e-3}}"
        )
        missing = self.service.run("merge", "start", *parents, "--joint", joint, code=1).stderr
        self.assertIn("joint: needs data to train on", missing)
        wrong = self.service.run(
            "merge", "start", *parents, *data, "--joint", "{rank: 2}", code=1
        ).stderr
        self.assertIn("joint.rank: no such key; did you mean ranks?", wrong)
        words = [*parents, *data, "--joint", joint]
        wrong = self.service.run("merge", "start", *words, "--tag", "a,b", code=1).stderr
        self.assertIn('tag "a,b" has a comma', wrong)
        run = self.service.run(
            "merge", "start", *words, "--tag", "two ranks", "--tag", "joint", "--watch"
        ).stdout.strip()
        self.assertEqual(self.service.json("describe", run)["tags"], ["joint", "two ranks"])
        jobs = {job["name"]: job for job in self.service.json("describe", run)["jobs"]}
        self.assertEqual(set(jobs), {"merge:composite", "gate:composite", "joint:composite"})
        self.assertEqual(len(jobs["joint:composite"]["attempts"][-1]["workers"]), 2)
        self.assertEqual(sorted(self.service.metrics(run, "joint:composite")), list(range(1, 21)))

    def test_a_path_of_a_composite_is_swapped(self):
        """A trained composite as base, one of its paths as it was before: the moments of both come along."""
        base = self.service.job(self.run_id, "joint:both")["outputs"]["model"]
        tales = self.service.job(self.run_id, "path_tales")["outputs"]["model"]
        words = (f"path_tales={tales}", "--base", base, "--carry-optimizer")
        account = json.loads(self.service.json("merge", "plan", *words)["tensorMapJson"])
        sources = {target["name"]: target["sources"] for target in account["tensors"]}
        swapped, kept = (sources[f"parallel.0.path.{path}.attn.q.weight"] for path in (0, 1))
        self.assertNotEqual(swapped, kept)
        self.assertIn("path_tales", json.dumps(swapped))
        wrong = self.service.run("merge", "plan", *words, "--drop", "path_nobody", code=1).stderr
        self.assertIn("path_nobody", wrong)
        run = self.service.run("merge", "start", *words, "--watch").stdout.strip()
        folder = tempfile.mkdtemp(dir=self.service.folder)
        self.service.run(
            "artifact",
            "get",
            self.service.job(run, "merge:composite")["outputs"]["model"],
            "--out",
            folder,
        )
        self.assertTrue(os.path.exists(os.path.join(folder, "optimizer.safetensors")))

    def test_merge_plan_of_artifacts_writes_nothing(self):
        before = self.service.json("artifact", "list")
        parents = [
            self.service.job(self.run_id, name)["outputs"]["model"]
            for name in ("path_tales", "path_sums")
        ]
        self.assertIn("large.0", self.service.run("merge", "plan", *parents).stdout)
        self.assertEqual(self.service.json("artifact", "list"), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
