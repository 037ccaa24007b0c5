#!/usr/bin/env python3
"""What a program printed last before it died stands in `braid describe`, beside its attempt; and a worker whose own
lines nobody reads goes on."""

import os
import signal
import subprocess
import unittest

from by_hand import program, wait_until
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

    def test_a_worker_whose_log_nobody_reads_goes_on(self):
        texts = {"tales": [f"The fox number {i} saw the river." for i in range(200)]}
        with Service(workers=0) as service:
            words = ["--coordinator", service.endpoint()["grpc"], "--id", "unread"]
            words += ["--token-file", service.endpoint()["token_file"]]
            words += ["--dir", os.path.join(service.folder, "unread")]
            worker = subprocess.Popen(
                [program("braid-worker"), *words],
                env=service.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            worker.stdout.close()
            try:
                recipe = write_recipe(service.folder, texts, steps=4, every=0, text=RECIPE)
                run = service.submit(recipe, "--only", "model")
                wait_until(
                    lambda: worker.poll() is not None
                    or self.state(service, run) == "RUN_SUCCEEDED",
                    "the end of the run, or of the worker",
                    timeout_s=120,
                )
                self.assertIsNone(worker.poll(), "the worker has ended")
                worker.terminate()
                self.assertEqual(worker.wait(timeout=60), 0)
            finally:
                if worker.poll() is None:
                    worker.kill()
                    worker.wait()

    def state(self, service, run):
        return service.json("describe", run)["state"]

    def dead(self, service, run):
        job = service.job(run, "model")
        return job if job.get("attempts") and job["attempts"][0].get("endedMs") else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
