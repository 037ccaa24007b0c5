#!/usr/bin/env python3
"""A training that is stopped for a run of higher priority: it writes a checkpoint, the other run has its slot, and then
it goes on with the bits of a training that nobody disturbed."""

import unittest

import by_hand
from by_hand import wait_until
from service import Service, stopped, wait_job, write_recipe

RECIPE = """run: NAME
priority: PRIORITY
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100000, sequences: 4}}
"""
ENDLESS = 100_000_000  # steps; also from one checkpoint to the next


def steps_of(job):
    progress = job.get("progress", {})
    return int(progress.get("done", 0)) if progress.get("phase") == "training" else 0


class Preempt(unittest.TestCase):
    def recipe(self, braid, name, priority, steps):
        text = RECIPE.replace("NAME", name).replace("PRIORITY", str(priority))
        texts = {"tales": by_hand.small_texts()["tales"]}
        return write_recipe(braid.folder, texts, steps, ENDLESS, text, name + ".yaml")

    def curve(self, braid, run, last):
        """The metrics of the endless training up to this step, as soon as they are there; it is cancelled then."""

        def found():
            points = braid.metrics(run, "dense")
            return points if max(points, default=0) >= last else None

        points = wait_until(found, f"step {last} of {run}", timeout_s=240)
        braid.run("cancel", run)
        braid.run("wait", run, code=11)
        return {step: points[step] for step in range(1, last + 1)}

    def test_a_training_is_stopped_for_a_run_of_higher_priority_and_goes_on_with_the_same_bits(
        self,
    ):
        self.maxDiff = 2000
        with Service(workers=1, words=("--preempt", "--preempt-grace-ms", "500000")) as braid:
            endless = self.recipe(braid, "low", 0, ENDLESS)
            low = braid.submit(endless)
            wait_job(braid, low, "dense", steps_of, "its first steps")
            urgent = self.recipe(braid, "urgent", 5, 20)
            # A run that says so waits, and stops nothing.
            patient = braid.submit(self.recipe(braid, "patient", "4\npreempt: false", 20))
            job = wait_job(braid, patient, "tokenizer", lambda job: job.get("pending"), "a reason")
            self.assertEqual(job["pending"], "WAITING_CAPACITY")
            self.assertIn("priority 4, stops nothing", braid.run("describe", patient).stdout)
            braid.run("cancel", patient)
            with stopped(braid.processes("braid-trainer")):
                high = braid.submit(urgent)
                job = wait_job(
                    braid, high, "tokenizer", lambda job: job.get("pending") == "PREEMPTING", "room"
                )
                self.assertRegex(
                    job["pendingDetail"],
                    rf"^it waits for {low}/dense to stop, which is killed at \S+Z if it has not by then$",
                )
                self.assertIn(job["pendingDetail"], braid.run("describe", high, "tokenizer").stdout)
                (attempt,) = braid.job(low, "dense")["attempts"]
                self.assertEqual(attempt["state"], "ATTEMPT_STOPPING")
            braid.run("wait", high, "--timeout", "240s")

            job = wait_job(
                braid, low, "dense", lambda job: len(job["attempts"]) == 2, "its going on"
            )
            first, second = job["attempts"]
            self.assertEqual(first["state"], "ATTEMPT_PREEMPTED")
            self.assertEqual(
                first["error"],
                f"its slots are wanted for {high}/tokenizer of priority 5, and this run has priority 0",
            )
            step = int(second["resumedStep"])
            self.assertGreater(step, 0)
            self.assertNotIn("userFailures", job)
            self.assertNotIn("infraLosses", job)
            events = [
                (event["kind"], event["runId"], event["job"])
                for event in braid.events()
                if event.get("job")
            ]
            order = [
                ("attempt.stopping", low, "dense"),
                ("attempt.preempted", low, "dense"),
                ("attempt.granted", high, "tokenizer"),
                ("job.succeeded", high, "dense"),
            ]
            places = [events.index(event) for event in order]
            self.assertEqual(places, sorted(places))
            self.assertEqual(events.count(("attempt.stopping", low, "dense")), 1)

            disturbed = self.curve(braid, low, step + 20)
            undisturbed = self.curve(braid, braid.submit(endless), step + 20)
            self.assertEqual(disturbed, undisturbed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
