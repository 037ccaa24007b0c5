#!/usr/bin/env python3
"""kill -9 of everything, once each and in turn: the run ends with the same bits, nothing is lost, nothing is left."""

import os
import signal
import unittest

import by_hand
from by_hand import wait_until
from evaluation_files import GLUE, write_glue, write_suite
from hold import held_at, held_in, prepare_holds
from service import RECIPE, Service, wait_job, write_recipe

# Long enough for the checkpoints behind which they are killed: the path and the joint job that the ladder climbs on.
STEPS = {"path_tales": 1000, "path_sums": 500, "joint:both": 600, "dense": 500}
LADDER = RECIPE.replace("{name: path_tales,", "{name: path_tales, train: {steps: 1000},").replace(
    "joint: {ranks: 2}", "joint: {ranks: 2, steps: 600}"
)
LONG = 10_000_000  # steps of a training that is still going on at the end
EVALUATION = """evaluate:
  - loss: all
  - glue: {dir: glue, tasks: [cola, sst2], epochs: 200, patience: 200, batch: 4, seeds: [3],
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
    def held(self, braid, run, job, hold):
        """Waits until the job stands still behind a checkpoint that is stored; gives its trainer and the job."""
        trainer = hold.wait()
        return trainer, wait_job(
            braid, run, job, running_with_checkpoint(1), "running with a checkpoint"
        )

    def kill_task(self, braid, run, job, hold):
        """kill -9 of a task program of the job."""
        trainer, before = self.held(braid, run, job, hold)
        os.kill(trainer, signal.SIGKILL)
        wait_job(braid, run, job, lambda found: attempts(found) > attempts(before), "a new attempt")

    def kill_worker(self, braid, run, job, hold):
        _, before = self.held(braid, run, job, hold)
        worker = before["attempts"][-1]["workers"][0]
        trainers = braid.processes("braid-trainer", (os.path.join("state", worker) + os.sep,))
        self.assertEqual(len(trainers), 1)
        (pid,) = braid.processes("braid-worker", (worker,))
        os.kill(pid, signal.SIGKILL)
        # Its task dies with it, before anybody starts it anew.
        wait_until(
            lambda: not set(trainers) & set(braid.processes("braid-trainer")),
            "the tasks of the killed worker to be gone",
        )
        wait_job(braid, run, job, lambda found: attempts(found) > attempts(before), "a new attempt")

    def kill_coordinator(self, braid, run, job, hold):
        trainer, before = self.held(braid, run, job, hold)
        acknowledged = braid.events()
        (pid,) = braid.processes("braid-coordinator")
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: pid not in braid.processes("braid-coordinator"), "the coordinator to be gone"
        )
        wait_until(
            lambda: braid.run("list", "runs", code=None).returncode == 0,
            "the coordinator to answer again",
        )
        self.assertEqual(braid.events()[: len(acknowledged)], acknowledged)
        # The task did not notice.
        self.assertIn(trainer, braid.processes("braid-trainer"))
        still = braid.job(run, job)
        self.assertEqual((still["state"], attempts(still)), ("JOB_ACTIVE", attempts(before)))

    def test_losses_are_bit_equal_through_every_kill(self):
        self.maxDiff = 2000
        service = Service()
        prepare_holds(service)
        with service as braid:
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=500, text=LADDER)
            undisturbed = braid.run("submit", recipe, "--watch").stdout.strip()
            expected = {job: braid.metrics(undisturbed, job) for job in STEPS}

            with held_at(braid, "joint:both") as joint:
                with held_at(braid, "path_tales") as path:
                    run = braid.submit(recipe)
                    followers = [
                        braid.start_command("-o", "json", "metrics", "-f", run, "path_tales"),
                        braid.start_command("logs", "-f", run, "path_tales"),
                    ]
                    self.kill_task(braid, run, "path_tales", path)
                    self.kill_coordinator(braid, run, "path_tales", path)
                    self.kill_worker(braid, run, "path_tales", path)
                self.kill_task(braid, run, "joint:both", joint)
                self.kill_coordinator(braid, run, "joint:both", joint)
                self.kill_worker(braid, run, "joint:both", joint)
            braid.run("wait", run, "--timeout", "280s")

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
            wait_until(lambda: not braid.processes("braid-trainer"), "the last trainer to be gone")

    def test_sigterm_stops_with_a_checkpoint_and_the_next_start_goes_on(self):
        with Service() as braid:
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=LONG, every=200)
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
            job = wait_job(
                braid,
                run,
                "path_tales",
                lambda job: attempts(job) == 2 and job["attempts"][1]["state"] == "ATTEMPT_RUNNING",
                "the second attempt",
            )
            self.assertEqual(job["attempts"][0]["state"], "ATTEMPT_PREEMPTED")
            # It went on from the step it was stopped at, not from the last multiple of `every`.
            resumed = int(job["attempts"][1]["resumedStep"])
            self.assertGreater(resumed, 20)
            metrics = wait_until(
                lambda: [m for m in [braid.metrics(run, "path_tales")] if max(m) > resumed],
                "the next step",
            )[0]
            self.assertEqual(sorted(metrics), list(range(1, max(metrics) + 1)))
            braid.run("cancel", run)

    def test_an_evaluation_goes_on_behind_what_it_has_measured(self):
        service = Service()
        prepare_holds(service)
        with service as braid:
            write_glue(os.path.join(braid.folder, "glue"))
            # The second task is stopped in the middle: it takes seconds.
            write_suite(
                os.path.join(braid.folder, "glue"), {"SST-2": GLUE["SST-2"]}, "dev", rows=72
            )
            text = RECIPE[: RECIPE.index("evaluate:")] + EVALUATION
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=10, text=text)
            with held_in(braid, "evaluate:dense", "sst2") as hold:
                run = braid.submit(recipe, "--only", "evaluate:dense")
                hold.wait()
                (worker,) = braid.job(run, "evaluate:dense")["attempts"][-1]["workers"]
                braid.up.send_signal(signal.SIGTERM)
                wait_until(lambda: "stopping: " in braid.log(worker), "its worker to stop")
            self.assertEqual(braid.up.wait(timeout=240), 0, "braid up did not end with code 0")
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
            run = braid.submit(write_recipe(braid.folder, by_hand.small_texts(), steps=10_000_000))
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
            wait_until(lambda: not braid.processes("braid-trainer"), "the trainers to be gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)
