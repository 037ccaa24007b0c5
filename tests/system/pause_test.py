#!/usr/bin/env python3
"""A run that is paused: it stops at a checkpoint, stays paused over a restart of the coordinator,
and goes on from there."""

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
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 1000, steps: STEPS, warmup_steps: 2, optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100000, sequences: 4}}
"""


class Pause(unittest.TestCase):
    def test_a_paused_run_waits_and_goes_on_from_its_checkpoint(self):
        with Service(workers=1) as braid:
            texts = {"tales": by_hand.small_texts()["tales"]}
            # It does not end by itself, and writes no checkpoint but the one for which it is asked.
            recipe = write_recipe(braid.folder, texts, 100_000_000, 100_000_000, RECIPE)
            run = braid.submit(recipe, "--tag", "first", "--tag", "a b")
            said = braid.run("run", "tag", run, "keep", "--remove", "a b")
            self.assertEqual(said.stdout, run + "\n")
            self.assertEqual(said.stderr, f"run {run} (long): tags first, keep\n")
            self.assertIn("nothing to change", braid.run("run", "tag", run, code=1).stderr)
            self.assertIn("has a comma", braid.run("run", "tag", run, "a,b", code=1).stderr)

            def steps(job):
                progress = job.get("progress", {})
                return progress.get("phase") == "training" and int(progress.get("done", 0))

            wait_job(braid, run, "dense", steps, "its first steps")
            said = braid.run("pause", run, "--reason", "the GPUs are needed")
            self.assertEqual(said.stdout, run + "\n")
            self.assertEqual(
                said.stderr,
                f"run {run} is paused: 1 job writes a checkpoint and stops; "
                f"braid resume {run} lets it go on\n",
            )

            def stopped(job):
                return job["state"] == "JOB_QUEUED"

            job = wait_job(braid, run, "dense", stopped, "its stop")
            step = int(job["checkpointStep"])
            self.assertGreater(step, 0)
            (attempt,) = job["attempts"]
            self.assertEqual(attempt["state"], "ATTEMPT_PREEMPTED")
            self.assertRegex(attempt["error"], "^the run was paused by .*: the GPUs are needed$")
            self.assertNotIn("userFailures", job)
            self.assertNotIn("infraLosses", job)

            (pid,) = braid.processes("braid-coordinator")
            os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda: pid not in braid.processes("braid-coordinator"), "the coordinator to die"
            )
            braid.wait_ready()
            job = wait_job(braid, run, "dense", lambda job: job.get("pending"), "a reason")
            self.assertEqual(job["pending"], "RUN_PAUSED")
            self.assertRegex(job["pendingDetail"], "^the run was paused by .*: the GPUs are needed")
            self.assertIn("PAUSED", braid.run("list", "runs").stdout)
            self.assertRegex(
                braid.run("describe", run).stdout,
                r"state +PAUSED, 2 of \d+ jobs succeeded\n(.*\n)*"
                r"paused +.* ago by .*: the GPUs are needed\n",
            )
            said = braid.run("wait", run, "--timeout", "1s", code=8)
            self.assertEqual(said.stdout, "PAUSED\n")
            self.assertRegex(
                said.stderr,
                f"^run {run} is paused, .* ago by .*: the GPUs are needed: waiting until somebody "
                f"says braid resume {run}\n$",
            )
            said = braid.run("pause", run, "--reason", "another one")
            self.assertRegex(
                said.stderr, f"^run {run} is paused already, .* ago by .*: the GPUs are needed\n$"
            )

            self.assertEqual(braid.run("resume", run).stderr, "")
            job = wait_job(
                braid, run, "dense", lambda job: len(job["attempts"]) == 2, "its going on"
            )
            self.assertEqual(int(job["attempts"][1]["resumedStep"]), step)
            self.assertEqual(
                braid.run("resume", run).stderr,
                f"run {run} is not paused: nothing was changed\n",
            )
            kinds = [event["kind"] for event in braid.events() if event.get("runId") == run]
            self.assertLess(kinds.index("run.paused"), kinds.index("attempt.preempted"))
            self.assertLess(kinds.index("attempt.preempted"), kinds.index("run.resumed"))
            # They have survived the restart.
            self.assertRegex(braid.run("describe", run).stdout, "tags +first, keep\n")
            self.assertIn(
                "first, keep", braid.run("list", "--tag", "keep", "--tag", "first").stdout
            )
            self.assertEqual(braid.json("list", "runs", "--tag", "a b").get("runs", []), [])
            for call in ("TagRun", "PauseRun", "ResumeRun"):
                self.assertIn(call, braid.run("audit", "--action", call).stdout)
            braid.run("cancel", run)
            braid.run("wait", run, code=11)
            self.assertIn(
                f"run {run} has ended (CANCELLED): there is nothing left to pause",
                braid.run("pause", run, code=5).stderr,
            )


if __name__ == "__main__":
    unittest.main(verbosity=2)
