#!/usr/bin/env python3
"""scripts/study without its hours: its recipes are right, it goes on where it stopped, and its page says what was not run."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import by_hand


def load():
    """The script as a module."""
    path = os.path.join(by_hand.SOURCE_DIR, "scripts", "study")
    loader = importlib.machinery.SourceFileLoader("study", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("study", loader))
    loader.exec_module(module)
    return module


def score(value, half=None):
    return {"value": value, "half_width": half}


def candidate(model, role, loss, values):
    return {
        "model": model,
        "role": role,
        "values": values,
        "trainings": ["a", "b", "c"],
        "loss": {"all": score(loss, 0.01), "speeches": score(loss + 1, 0.02)},
        "parameters": 2_000_000,
        "tokens": 120_000,
        "seconds": score(10.0),
        "core_seconds": score(20.0),
    }


REPORT = {
    "corpora": ["speeches", "all"],
    "sweep": {
        "variants": [{}, {}],
        "candidates": [
            candidate("dense_size", "dense", 4.5, {"dense_lr": "7.5e-4"}),
            candidate("dense_size", "dense", 4.6, {"dense_lr": "1.5e-3"}),
            candidate("dense_depth", "dense", 4.7, {"dense_lr": "1.5e-3"}),
            candidate(
                "composite", "composite", 4.4, {"train.optimizer.lr": "3e-3", "split.paths": "0.9"}
            ),
            candidate(
                "composite", "composite", 4.3, {"train.optimizer.lr": "3e-3", "split.paths": "0.6"}
            ),
            candidate(
                "composite", "composite", 4.8, {"train.optimizer.lr": "6e-3", "split.paths": "0.6"}
            ),
            candidate("path_speeches", "path", 5.0, {}),
        ],
        "searches": [
            {
                "best": {
                    "composite": "composite, split.paths 0.6",
                    "dense": "dense_size, dense_lr 7.5e-4",
                    "verdict": "better",
                    "difference": score(-0.2, 0.05),
                    "over_seeds": True,
                    "time_share": 0.75,
                    "device_time_share": 0.9,
                    "by_corpus": {"speeches": {**score(-0.1, 0.2), "verdict": "undecided"}},
                },
                "equal_search": [{"settings": 1, "dense": 4.55, "composite": 4.35}],
            }
        ],
    },
}


class Study(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="braid-study-")
        self.addCleanup(shutil.rmtree, folder)
        self.study = load()
        self.study.HERE = os.path.join(folder, "study")
        self.study.DATA = os.path.join(folder, "data")
        self.study.ROOT = folder
        os.makedirs(os.path.join(folder, "docs"))
        self.readme = os.path.join(folder, "README.md")
        with open(self.readme, "w", encoding="utf-8") as out:
            out.write(f"# braid\n\n{self.study.BEGIN}\nold\n{self.study.END}\n\n## More\n")
        os.makedirs(self.study.DATA)

    def write_texts(self):
        """More text than the largest budget takes."""
        for name, row in (
            ("speeches", {"text": "My fellow Americans, " * 8, "year": 1}),
            ("mathematics", {"question": "What is 1 + 1? " * 12, "answer": "2", "module": "a"}),
        ):
            for half in ("", "_1", "_2"):
                with open(
                    os.path.join(self.study.DATA, f"{name}{half}.jsonl"), "w", encoding="utf-8"
                ) as out:
                    out.writelines(json.dumps(row) + "\n" for _ in range(20_000))

    def plan(self, stage, text):
        path = self.study.place(stage, "recipe.yaml")
        self.study.write(path, text)
        done = subprocess.run(
            [by_hand.program("braid"), "-o", "json", "plan", path],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_recipe_of_each_stage_is_a_plan_of_144_variants(self):
        self.write_texts()
        for stage in self.study.stages():
            plan = self.plan(stage, self.study.recipe_of(stage))
            self.assertEqual(
                len(plan["variants"]), 3 * 4 * 4 * 3
            )  # rates, shares, dense rates, seeds
            budget, paths = self.study.of_stage(stage)
            jobs = {job["name"]: job for job in plan["jobs"]}
            self.assertEqual(sum(job["kind"] == "prepare" for job in plan["jobs"]), paths)
            # All but the 5 % that is set aside, and what does not fill a step.
            dense = jobs["dense_size-dense_lr_1.5e-3-seed_1"]
            self.assertAlmostEqual(int(dense["tokens"]), 0.95 * budget, delta=0.02 * budget)
            # Dense models depend neither on the share nor on the rate of composites, the tokenizer on nothing.
            self.assertEqual(dense["variants"], 12)
            self.assertEqual(jobs["tokenizer"]["variants"], 144)

    def test_times_are_those_of_the_best_of_both_kinds(self):
        self.write_texts()
        self.finish("120k-2-paths")
        plan = self.plan("120k-4-paths", self.study.times_recipe("120k-2-paths"))
        names = {job["name"] for job in plan["jobs"]}
        self.assertIn("dense_size-seed_1", names)
        self.assertIn("joint:composite-seed_2", names)
        self.assertFalse([name for name in names if "dense_depth" in name])
        recipe = self.study.times_recipe("120k-2-paths")
        self.assertIn("train.optimizer.lr: [3e-3]", recipe)
        self.assertIn("split.paths: [0.6]", recipe)
        self.assertIn("baselines.dense_size.train.optimizer.lr: 7.5e-4", recipe)

    def finish(self, *stage):
        self.study.write(self.study.place(*stage, "report", "report.json"), json.dumps(REPORT))
        self.study.write(self.study.place(*stage, "machine"), "2 cores of a test")

    def test_the_page_has_what_was_run_and_says_what_was_not(self):
        with self.assertRaisesRegex(SystemExit, "no stage of the study is done yet"):
            self.study.docs()
        self.finish(self.study.stages()[0])
        with contextlib.redirect_stderr(io.StringIO()):
            self.study.docs()
        text = self.study.read(os.path.join(self.study.ROOT, "docs", "science.md"))
        self.assertIn("Of 6 stages 1 were run; not run are 360k-2-paths, 1080k-2-paths", text)
        self.assertIn("on 2 cores of a test", text)
        self.assertIn("4.3000 ± 0.0100", text)
        self.assertIn("difference -0.2000 ± 0.0500 nats, over seeds. On speeches: undecided", text)
        self.assertIn("On speeches: undecided, -0.1000 ± 0.2000.", text)
        # Of each model the best setting, the composite at each share, both kinds at each rate.
        self.assertEqual(text.count("| composite, train.optimizer.lr 3e-3, split.paths 0.6 |"), 3)
        self.assertEqual(text.count("| composite, train.optimizer.lr 3e-3, split.paths 0.9 |"), 1)
        self.assertEqual(text.count("| composite, train.optimizer.lr 6e-3, split.paths 0.6 |"), 1)
        self.assertEqual(text.count("| dense_size, dense_lr 1.5e-3 |"), 1)
        self.assertEqual(text.count("| dense_depth, dense_lr 1.5e-3 |"), 1)
        self.assertIn("Times were not measured.", text)

    def test_the_page_has_the_times_once_they_were_measured(self):
        self.finish(self.study.stages()[0])
        self.finish(self.study.stages()[0], "times")
        with contextlib.redirect_stderr(io.StringIO()):
            self.study.docs()
        text = self.study.read(os.path.join(self.study.ROOT, "docs", "science.md"))
        self.assertIn("ready in **0.75** of the dense model's time on equal cores", text)
        self.assertIn("| dense_size, dense_lr 7.5e-4 | 10 s | 20 s |", text)
        line = "| 120 k | 2 | 4.5000 ± 0.0100 | 4.3000 ± 0.0100 | -0.2000 ± 0.0500, better | 0.75 |"
        self.assertIn(line, text)
        readme = self.study.read(self.readme)
        self.assertIn(line + f"\n{self.study.END}\n\n## More", readme)
        self.assertNotIn("old", readme)

    def command(self, state, code=0):
        """A braid that keeps what it was asked, and whose runs are in `state`; its watch ends with `code`."""
        calls = []

        def braid(*words, **more):
            words = [word for word in words if word not in ("-o", "json")]
            calls.append(words)
            out = {
                "submit": f"run-{len(calls)}",
                "retry": f"run-{len(calls)}",
                "describe": json.dumps({"state": state, "jobs": []}),
            }.get(words[0], "")
            if words[0] == "report":
                folder = words[words.index("--out") + 1]
                self.study.write(os.path.join(folder, "report.json"), json.dumps(REPORT))
            return subprocess.CompletedProcess(
                words, code if words[0] == "watch" else 0, stdout=out, stderr=""
            )

        self.study.braid = braid
        return calls

    def run_first(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.study.run_stage("120k-2-paths")

    def test_a_stage_that_was_cut_off_goes_on_with_its_run(self):
        calls = self.command("RUN_RUNNING", code=1)
        with self.assertRaisesRegex(SystemExit, "run run-1 of .*120k-2-paths has not succeeded"):
            self.run_first()
        self.assertEqual([words[0] for words in calls], ["submit", "watch"])
        calls = self.command("RUN_RUNNING")
        self.run_first()
        self.assertEqual(calls[:2], [["describe", "run-1"], ["watch", "run-1"]])
        self.assertTrue(self.study.is_done("120k-2-paths"))
        # The disk does not fill with models whose losses are in the report.
        self.assertEqual(calls[-2:], [["run", "delete", "run-1", "--yes"], ["gc"]])

    def test_what_failed_is_tried_again_and_what_was_done_taken_over(self):
        self.study.write(self.study.place("120k-2-paths", "run"), "run-0")
        calls = self.command("RUN_FAILED")
        self.run_first()
        self.assertEqual(calls[1][:3], ["retry", "run-0", "--request-id"])
        self.assertEqual(calls[2], ["watch", "run-2"])
        self.assertEqual(self.study.read(self.study.place("120k-2-paths", "run")), "run-2")

    def test_another_recipe_under_a_stage_is_refused(self):
        self.study.write(self.study.place("120k-2-paths", "recipe.yaml"), "run: other\n")
        self.command("RUN_RUNNING")
        with self.assertRaisesRegex(SystemExit, "was made by another version of the study"):
            self.run_first()

    def test_the_status_lists_what_is_left(self):
        self.finish(self.study.stages()[0])
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.study.status()
        lines = printed.getvalue().splitlines()
        self.assertRegex(lines[0], "^120k-2-paths +done: ")
        self.assertRegex(lines[1], "^360k-2-paths +to do$")
        self.assertEqual(lines[-1], "5 of 6 stages are left")

    def test_halves_have_no_kind_in_common(self):
        with open(os.path.join(self.study.DATA, "speeches.jsonl"), "w", encoding="utf-8") as out:
            out.writelines(
                json.dumps({"year": year, "text": str(n)}) + "\n"
                for n, year in enumerate((1990, 1980, 1990, 1970, 1990, 1980))
            )
        first, second = self.study.halves("speeches", "year")
        years = [{json.loads(line)["year"] for line in half} for half in (first, second)]
        self.assertEqual(years, [{1970, 1980}, {1990}])


if __name__ == "__main__":
    unittest.main()
