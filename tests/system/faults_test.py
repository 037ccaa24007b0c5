#!/usr/bin/env python3
"""kill -9 of everything, once each and in turn: the run ends with the same bits, nothing is lost, nothing is left."""

import os
import signal
import unittest

import by_hand
from by_hand import wait_until
from evaluation_files import GLUE, write_glue, write_suite
from service import RECIPE, Service, stopped, wait_job, write_recipe

# Long enough to be killed three times: the path and the joint job that the ladder climbs on.
STEPS = {"path_tales": 8000, "path_sums": 500, "joint:both": 2500, "dense": 500}
LADDER = RECIPE.replace("{name: path_tales,", "{name: path_tales, train: {steps: 8000},").replace(
    "joint: {ranks: 2}", "joint: {ranks: 2, steps: 2500}"
)
SIGTERM_STEPS = 5000
EVALUATION = """evaluate:
  - loss: all
  - glue: {dir: glue, tasks: [cola, sst2], epochs: 600, patience: 600, batch: 4, seeds: [3],
           adapters: true}
"""


def attempts(job):
    return len(job.get("attempts", []))


def running_with_checkpoint(least):
    """The job runs in its attempt number `least` or later, and has stored a checkpoint."""
    return (
        lambda job: attempts(job) >= least
        and job["attempts"][-1].get("state") == "ATTEMPT_RUNNING"
        and int(job.get("checkpointStep", 0)) > 0
    )


class KillLadder(unittest.TestCase):
    def kill_task(self, braid, run, job):
        """kill -9 of a task program of the job."""
        wait_job(braid, run, job, running_with_checkpoint(1), "running with a checkpoint")
        # The task file's folder is named after the attempt; with one slot a worker, the trainer of the job's worker is it.
        before = attempts(braid.job(run, job))
        worker = braid.job(run, job)["attempts"][-1]["workers"][0]
        (pid,) = braid.processes("braid-trainer", (os.path.join("state", worker) + os.sep,))
        os.kill(pid, signal.SIGKILL)
        wait_job(braid, run, job, lambda found: attempts(found) > before, "a new attempt")

    def kill_worker(self, braid, run, job):
        wait_job(braid, run, job, running_with_checkpoint(1), "running with a checkpoint")
        before = attempts(braid.job(run, job))
        worker = braid.job(run, job)["attempts"][-1]["workers"][0]
        trainers = braid.processes("braid-trainer", (os.path.join("state", worker) + os.sep,))
        (pid,) = braid.processes("braid-worker", (worker,))
        os.kill(pid, signal.SIGKILL)
        # Its task dies with it, before anybody starts it anew.
        wait_until(
            lambda: not set(trainers) & set(braid.processes("braid-trainer")),
            "the tasks of the killed worker to be gone",
        )
        wait_job(braid, run, job, lambda found: attempts(found) > before, "a new attempt")

    def kill_coordinator(self, braid, run, job):
        wait_job(braid, run, job, running_with_checkpoint(1), "running with a checkpoint")
        before = attempts(braid.job(run, job))
        acknowledged = braid.events()
        trainers = set(braid.processes("braid-trainer"))
        (pid,) = braid.processes("braid-coordinator")
        os.kill(pid, signal.SIGKILL)
        with stopped(trainers):
            wait_until(
                lambda: braid.run("list", "runs", code=None).returncode == 0,
                "the coordinator to answer again",
            )
            self.assertEqual(braid.events()[: len(acknowledged)], acknowledged)
        # The task did not notice.
        still = braid.job(run, job)
        if still["state"] == "JOB_ACTIVE":
            self.assertTrue(trainers & set(braid.processes("braid-trainer")))
        self.assertEqual(attempts(still), before)

    def test_losses_are_bit_equal_through_every_kill(self):
        self.maxDiff = 2000
        with Service() as braid:
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=500, text=LADDER)
            undisturbed = braid.run("submit", recipe, "--watch").stdout.strip()
            expected = {job: braid.metrics(undisturbed, job) for job in STEPS}

            run = braid.submit(recipe)
            followers = [
                braid.start_command("-o", "json", "metrics", "-f", run, "path_tales"),
                braid.start_command("logs", "-f", run, "path_tales"),
            ]
            self.kill_task(braid, run, "path_tales")
            self.kill_coordinator(braid, run, "path_tales")
            self.kill_worker(braid, run, "path_tales")
            self.kill_task(braid, run, "joint:both")
            self.kill_coordinator(braid, run, "joint:both")
            self.kill_worker(braid, run, "joint:both")
            braid.run("wait", run, "--timeout", "180s")

            for job in STEPS:
                self.assertEqual(sorted(expected[job]), list(range(1, STEPS[job] + 1)))
                self.assertEqual(braid.metrics(run, job), expected[job], job)
            # Who followed has missed nothing, also while the coordinator was away.
            metrics, log = [braid.finish_command(follower) for follower in followers]
            self.assertEqual(braid.points(metrics), expected["path_tales"])
            self.assertIn(f"{STEPS['path_tales']} steps", log)
            # What was made is the same, byte for byte.
            for job in ("tokenizer", "prepare:tales", "merge:both"):
                self.assertEqual(
                    braid.job(run, job)["outputs"], braid.job(undisturbed, job)["outputs"], job
                )
            self.assertGreaterEqual(attempts(braid.job(run, "path_tales")), 3)
            self.assertGreaterEqual(attempts(braid.job(run, "joint:both")), 3)
            self.assertEqual(braid.processes("braid-trainer"), [])

    def test_sigterm_stops_with_a_checkpoint_and_the_next_start_goes_on(self):
        with Service() as braid:
            recipe = write_recipe(
                braid.folder, by_hand.small_texts(), steps=SIGTERM_STEPS, every=200
            )
            run = braid.submit(recipe, "--only", "path_tales")
            wait_until(
                lambda: len(braid.metrics(run, "path_tales")) > 20
                if braid.job(run, "path_tales").get("attempts")
                else False,
                "the first steps",
            )
            self.assertTrue(braid.stop(), "braid up did not end with code 0")
            self.assertEqual(braid.processes(), [])
            braid.start()
            braid.run("wait", run, "--timeout", "120s")
            job = braid.job(run, "path_tales")
            self.assertEqual(attempts(job), 2)
            self.assertEqual(job["attempts"][0]["state"], "ATTEMPT_PREEMPTED")
            # It went on from the step it was stopped at, not from the last multiple of `every`.
            resumed = int(job["attempts"][1]["resumedStep"])
            self.assertGreater(resumed, 20)
            self.assertEqual(
                sorted(braid.metrics(run, "path_tales")), list(range(1, SIGTERM_STEPS + 1))
            )

    def test_an_evaluation_goes_on_behind_what_it_has_measured(self):
        with Service() as braid:
            write_glue(os.path.join(braid.folder, "glue"))
            # The second task is stopped in the middle: it takes seconds, and progress is reported each second.
            write_suite(
                os.path.join(braid.folder, "glue"), {"SST-2": GLUE["SST-2"]}, "dev", rows=72
            )
            text = RECIPE[: RECIPE.index("evaluate:")] + EVALUATION
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=10, text=text)
            run = braid.submit(recipe, "--only", "evaluate:dense")
            wait_job(
                braid,
                run,
                "evaluate:dense",
                lambda job: "sst2" in job.get("progress", {}).get("phase", ""),
                "fine-tuning the second task",
            )
            self.assertTrue(braid.stop(), "braid up did not end with code 0")
            braid.start()
            braid.run("wait", run, "--timeout", "200s")
            job = braid.job(run, "evaluate:dense")
            self.assertEqual(attempts(job), 2)
            self.assertEqual(job["attempts"][0]["state"], "ATTEMPT_PREEMPTED")
            # Behind the losses of both corpora and the first task.
            self.assertGreaterEqual(int(job["attempts"][1]["resumedStep"]), 3)
            undisturbed = braid.submit(recipe, "--only", "evaluate:dense")
            braid.run("wait", undisturbed, "--timeout", "200s")
            self.assertEqual(job["outputs"], braid.job(undisturbed, "evaluate:dense")["outputs"])

    def test_cancel_ends_the_processes(self):
        with Service() as braid:
            run = braid.submit(write_recipe(braid.folder, by_hand.small_texts(), steps=100000))
            wait_job(
                braid,
                run,
                "path_tales",
                lambda job: job.get("attempts")
                and job["attempts"][-1]["state"] == "ATTEMPT_RUNNING",
                "running",
            )
            braid.run("cancel", run)
            braid.run("wait", run, "--timeout", "60s", code=11)
            self.assertEqual(braid.processes("braid-trainer"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
