#!/usr/bin/env python3
"""A job that takes longer than its recipe allows: it is stopped with a checkpoint, and a retry goes on from there."""

import os
import signal
import unittest

import by_hand
from by_hand import wait_until
from service import Service, wait_job, write_recipe

RECIPE = """run: long
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
max_duration: {train: 5, run: 86400}
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100000, sequences: 4}}
"""


class TimeLimit(unittest.TestCase):
    def test_a_job_that_takes_too_long_fails_with_a_checkpoint(self):
        with Service(workers=1) as braid:
            texts = {"tales": by_hand.small_texts()["tales"]}
            # No checkpoint but the one for which it is asked at the end.
            recipe = write_recipe(braid.folder, texts, 100_000_000, 100_000_000, RECIPE)
            plan = braid.run("plan", recipe).stdout
            self.assertIn("the run 1 d 00 h from its submission, each job of kind train 5", plan)
            run = braid.submit(recipe)

            def attempts(run):
                return braid.job(run, "dense").get("attempts", [])

            wait_until(lambda: attempts(run), "the training to begin")
            (pid,) = braid.processes("braid-coordinator")
            os.kill(pid, signal.SIGKILL)  # the next one knows how long it took already
            job = wait_job(
                braid, run, "dense", lambda job: job.get("state") == "JOB_FAILED", "the limit"
            )
            self.assertRegex(
                job["error"],
                r"^it has had workers for 5(\.0)? s, which is as long as it may take "
                r"\(max_duration.train\); its checkpoint is that of step [1-9]\d*$",
            )
            step = int(job["error"].rsplit(" ", 1)[1])
            begun, ended = (int(attempts(run)[0][name]) for name in ("grantedMs", "endedMs"))
            self.assertGreaterEqual(ended - begun, 5000)
            braid.run("wait", run, code=10)
            again = braid.run("retry", run).stdout.split()[-1]
            wait_until(lambda: attempts(again), "the training to go on")
            self.assertEqual(int(attempts(again)[0]["resumedStep"]), step)
            braid.run("cancel", again)
            braid.run("wait", again, code=11)


if __name__ == "__main__":
    unittest.main(verbosity=2)
