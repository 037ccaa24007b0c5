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
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100, sequences: 4}}
"""
)


class Quarantine(unittest.TestCase):
    def worker(self, braid):
        return next(w for w in braid.json("worker", "list")["workers"] if w["id"] == "worker-1")

    def kill_program(self, braid, run, name):
        """kill -9 of the program of a job, as a machine without memory does."""
        (pid,) = wait_until(
            lambda: braid.processes("braid-trainer", (f"+{name}+",)), f"the program of {name}"
        )
        before = len(braid.job(run, name)["attempts"])
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: braid.job(run, name)["attempts"][before - 1].get("state") == "ATTEMPT_FAILED",
            f"the failure of {name}",
        )

    def running(self, braid, run, name):
        attempts = braid.job(run, name).get("attempts", [])
        return bool(attempts) and attempts[-1].get("state") == "ATTEMPT_RUNNING"

    def test_a_sick_worker_is_left_alone_until_somebody_releases_it(self):
        # Two jobs in a row, as a worker has two slots. The other worker could do the same, and is full.
        with Service(workers=2, slots=2, words=("--quarantine-after", "2")) as braid:
            recipe = write_recipe(
                braid.folder,
                {"tales": by_hand.small_texts()["tales"]},
                steps=10_000_000,
                text=RECIPE,
            )
            run = braid.submit(recipe)
            for name in JOBS:
                wait_until(lambda name=name: self.running(braid, run, name), f"{name} to run")
            mine = [
                name
                for name in JOBS
                if braid.job(run, name)["attempts"][-1]["workers"] == ["worker-1"]
            ]
            self.assertEqual(len(mine), 2)
            for name in mine:
                self.kill_program(braid, run, name)
            text = wait_until(lambda: self.worker(braid).get("quarantine"), "the quarantine")
            self.assertRegex(
                text,
                r"^worker worker-1 is in quarantine until \S+Z: 2 jobs in a row failed there; the last, ",
            )
            self.assertIn(f"{run}/{mine[1]}: the task program was killed (signal 9)", text)
            self.assertIn("`braid worker release worker-1` ends it", text)
            self.everybody_says_so(braid, run, mine, text)
            # A restart of the coordinator forgets nothing.
            (pid,) = braid.processes("braid-coordinator")
            os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda: pid not in braid.processes("braid-coordinator"), "the coordinator to end"
            )
            wait_until(
                lambda: braid.run("worker", "list", code=None).returncode == 0
                and self.worker(braid).get("quarantine") == text,
                "the workers to be back",
            )
            for command in ("release", "describe"):
                nobody = braid.run("worker", command, "worker-9", code=3)
                self.assertIn(
                    "there is no worker worker-9: `braid worker list` shows all", nobody.stderr
                )
            self.assertEqual(braid.run("worker", "release", "worker-1").stdout, "worker-1\n")
            self.assertNotIn("quarantine", self.worker(braid))
            wait_until(lambda: self.running(braid, run, mine[1]), f"{mine[1]} to run again")
            self.assertIn("ReleaseWorker", braid.run("audit").stdout)
            braid.run("cancel", run)

    def everybody_says_so(self, braid, run, failed, text):
        listed = braid.run("worker", "list")
        self.assertIn("QUARANTINED", listed.stdout)
        self.assertIn(text, listed.stderr)
        described = braid.run("worker", "describe", "worker-1").stdout
        self.assertIn(text, described)
        for name in failed:
            self.assertRegex(described, rf"failed   \S+Z {run}/{name}: the task program was killed")
        wait_until(
            lambda: text in braid.job(run, failed[1]).get("pendingDetail", ""),
            f"the reason why {failed[1]} waits",
        )
        (event,) = [e for e in braid.events() if e["kind"] == "worker.quarantined"]
        self.assertEqual(event["detail"], text)
        self.assertIn(text, braid.run("doctor", code=None).stdout)
        self.assertIn("braid_workers_quarantined 1", braid.http("/metrics")[1])
        over_http = json.loads(braid.http("/api/v1/Admin/ListWorkers")[1])["workers"]
        self.assertIn(text, [worker.get("quarantine") for worker in over_http])


if __name__ == "__main__":
    unittest.main()
