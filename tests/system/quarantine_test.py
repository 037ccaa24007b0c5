#!/usr/bin/env python3
"""A worker on which one job after another fails gets no new ones, says so wherever somebody looks, and gets them again."""

import json
import os
import signal
import unittest

import by_hand
from by_hand import wait_until
from service import Service, write_recipe

JOBS = ["path_one", "path_two", "path_three", "path_four"]
RECIPE = (
    """run: sick
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
paths:
"""
    + "".join(f"  - {{name: {name}, corpus: tales, d: 16, heads: 2, blocks: 2}}\n" for name in JOBS)
    + """
train: {batch: 4, accumulate: 1, epochs: 1000, steps: STEPS, warmup_steps: 2, optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100, sequences: 4}}
"""
)


class Quarantine(unittest.TestCase):
    def worker(self, braid):
        (worker,) = braid.json("worker", "list")["workers"]
        return worker

    def kill_program(self, braid, run, name):
        """kill -9 of the program of a job, as a machine without memory does."""
        found = braid.processes("braid-trainer", (f"+{name}+",))
        (pid,) = found
        before = len(braid.job(run, name)["attempts"])
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: braid.job(run, name)["attempts"][before - 1].get("state") == "ATTEMPT_FAILED",
            f"the failure of {name}",
        )

    def test_a_sick_worker_is_left_alone_until_somebody_releases_it(self):
        with Service(workers=1, slots=4) as braid:
            recipe = write_recipe(
                braid.folder,
                {"tales": by_hand.small_texts()["tales"]},
                steps=1_000_000,
                text=RECIPE,
            )
            run = braid.submit(recipe)
            for name in JOBS:
                wait_until(
                    lambda name=name: (braid.job(run, name).get("attempts") or [{}])[-1].get(
                        "state"
                    )
                    == "ATTEMPT_RUNNING",
                    f"{name} to run",
                )
            for name in JOBS[:3]:
                self.kill_program(braid, run, name)
            worker = self.worker(braid)
            text = worker["quarantine"]
            self.assertRegex(
                text,
                r"worker worker-1 is in quarantine until \S+Z: 3 jobs in a row failed there; the last, ",
            )
            self.assertIn(f"{run}/path_three: the task program was killed (signal 9)", text)
            self.assertIn("`braid worker release worker-1` ends it", text)
            listed = braid.run("worker", "list")
            self.assertIn("QUARANTINED", listed.stdout)
            self.assertIn(text, listed.stderr)
            described = braid.run("worker", "describe", "worker-1").stdout
            for name in JOBS[:3]:
                self.assertRegex(
                    described, rf"failed   \S+Z {run}/{name}: the task program was killed"
                )
            self.assertIn(text, described)
            job = braid.job(run, "path_three")
            self.assertEqual(job["pending"], "WORKER_QUARANTINED")
            self.assertEqual(job["pendingDetail"], text)
            (event,) = [e for e in braid.events() if e["kind"] == "worker.quarantined"]
            self.assertEqual(event["detail"], text)
            self.assertIn(text, braid.run("doctor", code=None).stdout)
            self.assertIn("braid_workers_quarantined 1", braid.http("/metrics")[1])
            over_http = json.loads(braid.http("/api/v1/Admin/ListWorkers")[1])["workers"][0]
            self.assertEqual(over_http["quarantine"], text)
            # What runs goes on, and a restart of the coordinator forgets nothing.
            (pid,) = braid.processes("braid-coordinator")
            os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda: braid.run("worker", "list", code=None).returncode == 0
                and self.worker(braid).get("link") == "WORKER_READY",
                "the worker to be back",
            )
            self.assertEqual(self.worker(braid)["quarantine"], text)
            self.assertEqual(len(braid.job(run, "path_four")["attempts"]), 1)
            nobody = braid.run("worker", "release", "worker-9", code=3)
            self.assertIn(
                "there is no worker worker-9: `braid worker list` shows all", nobody.stderr
            )
            nobody = braid.run("worker", "describe", "worker-9", code=3)
            self.assertIn(
                "there is no worker worker-9: `braid worker list` shows all", nobody.stderr
            )
            self.assertEqual(braid.run("worker", "release", "worker-1").stdout, "worker-1\n")
            self.assertNotIn("quarantine", self.worker(braid))
            wait_until(
                lambda: braid.job(run, "path_three")["attempts"][-1].get("state")
                == "ATTEMPT_RUNNING",
                "path_three to run again",
            )
            audit = braid.run("audit").stdout
            self.assertIn("ReleaseWorker", audit)
            braid.run("cancel", run)


if __name__ == "__main__":
    unittest.main()
