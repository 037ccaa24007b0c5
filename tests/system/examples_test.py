#!/usr/bin/env python3
"""The small examples, as they stand in examples/, run to their end on small texts in the place of theirs."""

import json
import os
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from service import Service

EXAMPLES = os.path.join(by_hand.SOURCE_DIR, "examples")


def lay_out(folder, example):
    """A copy of the recipe at the same place below `folder` as below the source tree, and its texts where it looks for them."""
    path = os.path.join(folder, "examples", example)
    os.makedirs(os.path.dirname(path))
    with open(os.path.join(EXAMPLES, example), encoding="utf-8") as file:
        text = file.read().replace("/var/tmp/braid-many-paths", os.path.join(folder, "sites"))
    text = text.replace("vocab: 2000", "vocab: 500")  # small texts have few words
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    texts = by_hand.small_texts()
    rows = {
        "speeches": [{"text": tale} for tale in texts["tales"]],
        "mathematics": [
            dict(zip(("question", "answer"), entry.split("\n")[:2])) for entry in texts["sums"]
        ],
    }
    for corpus, site in (("speeches", "north"), ("mathematics", "south")):
        for place in ("build/quickstart-data", f"sites/{site}"):
            os.makedirs(os.path.join(folder, place), exist_ok=True)
            with open(os.path.join(folder, place, corpus + ".jsonl"), "w", encoding="utf-8") as out:
                out.writelines(json.dumps(row) + "\n" for row in rows[corpus])
    return path


def add_worker(braid, site):
    """One more worker, of another site."""
    state = os.path.join(braid.folder, "state")
    os.makedirs(os.path.join(braid.folder, "sites", site), exist_ok=True)
    command = [
        program("braid-worker"),
        "--address-file",
        os.path.join(state, "address.json"),
        "--dir",
        os.path.join(braid.folder, site),
        "--id",
        site,
        "--site",
        site,
        "--slots",
        "1",
        "--data-root",
        os.path.join(braid.folder, "sites", site),
    ]
    with open(os.path.join(braid.folder, site + ".log"), "w", encoding="utf-8") as log:
        return subprocess.Popen(command, env=braid.environment, stdout=log, stderr=log)


class Examples(unittest.TestCase):
    def run_example(self, braid, example):
        done = braid.run("submit", lay_out(braid.folder, example), "--watch", code=None)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        run = done.stdout.strip()
        jobs = {job["name"]: job for job in braid.json("describe", run)["jobs"]}
        self.assertEqual({job["state"] for job in jobs.values()}, {"JOB_SUCCEEDED"})
        return run, jobs

    def evaluation(self, braid, jobs, name):
        folder = os.path.join(braid.folder, "evaluation-" + name)
        braid.run(
            "artifact", "get", jobs["evaluate:" + name]["outputs"]["evaluation"], "--out", folder
        )
        with open(os.path.join(folder, "evaluation.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_papaformer_has_the_seven_models_of_table_7(self):
        with Service() as braid:
            run, jobs = self.run_example(braid, "papaformer/tiny.yaml")
            text = braid.run("report", run).stdout
            for name in (
                "path_1",
                "path_2",
                "share_linear",
                "gumbel_moe_1",
                "gumbel_moe_2",
                "llama_64",
                "llama_48",
            ):
                self.assertIn("evaluate:" + name, jobs)
                self.assertIn(name, text)
            routing = self.evaluation(braid, jobs, "gumbel_moe_1")["routing"]
            self.assertEqual(len(routing["prompts"]), 6)

    def test_dual_path_measures_every_arm(self):
        with Service() as braid:
            run, jobs = self.run_example(braid, "dual_path/tiny.yaml")
            dual = self.evaluation(braid, jobs, "dual_50_2")["dual"]
            self.assertEqual(
                [row["place"] for row in dual["layers"]], [f"blocks.{block}" for block in range(4)]
            )
            found = {intervention["name"]: intervention for intervention in dual["interventions"]}
            self.assertLessEqual(
                {
                    "deep only",
                    "wide only",
                    "uniform",
                    "fully open",
                    "shuffled",
                    "K = 1",
                    "NUM, SYM wide, control",
                },
                set(found),
            )
            # Blocks compute: without the wide path the model is another one. At the published start they hardly do so soon.
            late = self.evaluation(braid, jobs, "dual_50_4_published")["dual"]
            changes = [
                max(map(abs, one["change"].values()))
                for one in (
                    found["deep only"],
                    *(i for i in late["interventions"] if i["name"] == "deep only"),
                )
            ]
            self.assertGreater(changes[0], 0.02)
            self.assertLess(changes[1], changes[0])
            out = os.path.join(braid.folder, "report")
            braid.run("report", run, "--out", out)
            with open(os.path.join(out, "report.md"), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("Gates are balanced in the first layers", text)
            self.assertIn("bits a byte", text)

    def test_many_paths_on_two_sites(self):
        with Service() as braid:
            workers = [add_worker(braid, site) for site in ("north", "south")]
            wait_until(
                lambda: len(braid.json("worker", "list").get("workers", [])) == 4,
                "workers of both sites",
            )
            run, jobs = self.run_example(braid, "many_paths/recipe.yaml")
            self.assertEqual(jobs["prepare:speeches"]["attempts"][-1]["workers"], ["north"])
            self.assertEqual(jobs["prepare:mathematics"]["attempts"][-1]["workers"], ["south"])
            # The start that preserves the parents' function is as good as their mean says; the gate measured it.
            folder = os.path.join(braid.folder, "gate")
            braid.run(
                "artifact", "get", jobs["gate:preserving"]["outputs"]["gate"], "--out", folder
            )
            with open(os.path.join(folder, "gate.json"), encoding="utf-8") as file:
                self.assertLess(json.load(file)["logits"]["max_difference"], 1e-5)
            braid.run("report", run)
            for worker in workers:
                worker.terminate()
            for worker in workers:
                self.assertEqual(worker.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
