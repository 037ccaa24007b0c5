#!/usr/bin/env python3
"""What a program printed last before it died stands in `braid describe`, beside its attempt."""

import os
import signal
import unittest

from by_hand import wait_until
from service import Service, wait_job, write_recipe

RECIPE = """run: dies
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
baselines:
  - {name: model, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}}
"""


class LastLines(unittest.TestCase):
    def test_a_program_that_crashed_is_described_with_its_last_lines(self):
        texts = {
            "tales": [f"The fox number {i} saw the river and went home again." for i in range(200)]
        }
        with Service(workers=1) as service:
            recipe = write_recipe(service.folder, texts, steps=10_000_000, every=50, text=RECIPE)
            run = service.submit(recipe, "--only", "model")
            wait_job(service, run, "model", lambda job: job.get("checkpointStep"), "a checkpoint")
            (trainer,) = service.processes("braid-trainer")
            os.kill(trainer, signal.SIGSEGV)
            job = wait_until(
                lambda: self.dead(service, run), "the end of the first attempt", timeout_s=60
            )
            attempt = job["attempts"][0]
            self.assertIn("crashed with signal 11", attempt["error"])
            self.assertTrue(attempt["logTail"].strip(), "the program had printed something")
            described = service.run("describe", run, "model").stdout
            self.assertIn("its last lines:", described)
            for line in attempt["logTail"].splitlines():
                self.assertIn("  | " + line, described)
            # Lists stay short.
            listed = service.json("list", "runs")["runs"][0]["jobs"]
            self.assertFalse(
                [one for one in listed for other in one.get("attempts", []) if "logTail" in other]
            )
            service.run("cancel", run)
            wait_until(
                lambda: service.json("describe", run)["state"] == "RUN_CANCELLED",
                "the cancellation",
                timeout_s=60,
            )

    def dead(self, service, run):
        job = service.job(run, "model")
        return job if job.get("attempts") and job["attempts"][0].get("endedMs") else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
