#!/usr/bin/env python3
"""A pool of workers on this machine, which its agent starts: it grows when jobs wait and shrinks when they do not, and
its workers live no longer than the agent."""

import json
import os
import signal
import subprocess
import unittest

import by_hand
from by_hand import wait_until
from service import RECIPE, Service, wait_job, write_recipe

PATIENCE_S = 120
# So many steps that the training does not end before the test has done what it is about.
LONG = 10_000_000


class Lab(Service):
    def __init__(self):
        # Workers that were killed are missed at once, also soon after the coordinator's start.
        super().__init__(workers=0, words=("--recovery-ms", "0"))
        self.agent = None

    def create(self, *words, code=0):
        # A machine of one core has room for two workers as well.
        most = ("--max-workers", "2", "--no-check")
        return self.run("pool", "create", "lab", "--engine", "local", *most, *words, code=code)

    def serve(self):
        with open(os.path.join(self.folder, "agent.log"), "a", encoding="utf-8") as log:
            self.agent = subprocess.Popen(
                self.command(["pool", "serve", "lab"]), env=self.environment, stdout=log, stderr=log
            )

    def pool(self):
        return next(iter(self.json("pool", "list").get("pools", [])), {})

    def told(self, kind):
        return [event["detail"] for event in self.events() if event["kind"] == kind]

    def wait_all_left(self):
        wait_until(
            lambda: not self.json("worker", "list").get("workers"),
            "the workers to leave",
            PATIENCE_S,
        )
        wait_until(lambda: not self.processes("braid-worker"), "their processes to end", PATIENCE_S)

    def __exit__(self, *error):
        if self.agent is not None and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(timeout=PATIENCE_S)
        super().__exit__(*error)


class LocalPoolTest(unittest.TestCase):
    def test_a_pool_grows_trains_and_shrinks(self):
        with Lab() as lab:
            lab.create("--until-idle", "5s", "--memory", "3Gi")
            lab.serve()
            text = RECIPE + "memory: {joint: 2GiB}\n"
            recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20, text=text)
            run = lab.submit(recipe, "--only", "joint:both")
            lab.run("wait", run, "--timeout", "280s")
            # Two ranks of 2 GiB do not fit on one worker of 3.
            described = lab.run("describe", run, "joint:both").stdout
            self.assertIn("places   2 x 1 cpu with 2.0 GiB of memory", described)
            (joint,) = lab.job(run, "joint:both")["attempts"]
            self.assertEqual(len(joint["workers"]), 2, "a gang")
            self.assertTrue(all(worker.startswith("lab.") for worker in joint["workers"]))
            lab.wait_all_left()
            workers = os.path.join(lab.folder, "state", "pools", "lab", "workers")
            wait_until(lambda: not os.listdir(workers), "their folders to be removed", PATIENCE_S)
            self.assertEqual(lab.pool()["engine"], "local")
            self.assertEqual(
                lab.told("pool.ended"), [], "whoever is idle leaves, and nothing is wrong"
            )
            lab.run("pool", "delete", "lab")
            self.assertEqual(lab.agent.wait(timeout=PATIENCE_S), 0)
            self.assertFalse(os.path.exists(os.path.dirname(workers)))

    def test_workers_live_no_longer_than_the_agent(self):
        with Lab() as lab:
            lab.create("--until-idle", "10m")
            long = RECIPE.replace("batch: 4", "batch: 16")
            recipe = write_recipe(lab.folder, by_hand.small_texts(), LONG, every=20, text=long)
            run = lab.submit(recipe, "--only", "path_tales")
            stored = []
            for attempts, end in enumerate((signal.SIGTERM, signal.SIGKILL, None)):
                lab.serve()
                job = self.train(lab, run, attempts, stored[-1] if stored else 0)
                stored.append(int(job["checkpointStep"]))
                if end is None:
                    break
                lab.agent.send_signal(end)
                self.assertEqual(
                    lab.agent.wait(timeout=PATIENCE_S), 0 if end == signal.SIGTERM else -end
                )
                wait_until(
                    lambda: not lab.processes("braid-worker"), "its workers to end", PATIENCE_S
                )
            attempts = lab.job(run, "path_tales")["attempts"]
            states = [attempt["state"] for attempt in attempts]
            self.assertEqual(states, ["ATTEMPT_PREEMPTED", "ATTEMPT_LOST", "ATTEMPT_RUNNING"])
            for attempt, step in zip(attempts[1:], stored, strict=False):
                self.assertGreaterEqual(int(attempt["resumedStep"]), step)
            lab.run("cancel", run)
            lab.run("pool", "delete", "lab")

    def train(self, lab, run, attempts, step):
        return wait_job(
            lab,
            run,
            "path_tales",
            lambda job: int(job.get("checkpointStep", 0)) > step
            and len(job["attempts"]) > attempts
            and job["attempts"][-1]["state"] == "ATTEMPT_RUNNING",
            f"attempt {attempts + 1} and a checkpoint after step {step}",
        )

    def test_workers_that_fail_are_events_that_say_what_to_do(self):
        with Lab() as lab:
            lab.create("--setup", "echo no such module: cuda; exit 3")
            lab.serve()
            recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20)
            lab.submit(recipe, "--only", "path_tales")
            wait_until(lambda: lab.told("pool.ended"), "the failure to be told", PATIENCE_S)
            said = lab.told("pool.ended")[0]
            self.assertIn(
                "ended as FAILED: code 3; it printed last: no such module: cuda; its log is ", said
            )
            log = said.rsplit("its log is ", 1)[1]
            with open(log, encoding="utf-8") as file:
                self.assertEqual(file.read(), "no such module: cuda\n")
            lab.run("pool", "delete", "lab")
            lab.agent.wait(timeout=PATIENCE_S)
            # Its program has gone meanwhile.
            os.mkdir(os.path.join(lab.folder, "bin"))
            lab.create("--bin", os.path.join(lab.folder, "bin"))
            lab.serve()
            wait_until(lambda: lab.told("pool.refused"), "the refusal to be told", PATIENCE_S)
            self.assertIn(
                "bin/braid-worker is not there: install braid again", lab.told("pool.refused")[0]
            )
            wait_until(
                lambda: "is not there" in lab.pool().get("trouble", ""), "the trouble", PATIENCE_S
            )

    def test_a_pool_that_cannot_be_is_refused(self):
        with Lab() as lab:
            words = ("pool", "create", "lab", "--engine", "local")
            for more, said in (
                (("--max-workers", "9999"), "lower --max-workers or --cpus"),
                (
                    ("--partition", "gpu"),
                    "--partition is for Slurm: leave it out with --engine local",
                ),
                (("--time", "soon"), "--time"),
            ):
                done = lab.run(*words, *more, code=None)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(said, done.stderr)
                self.assertFalse(os.path.exists(os.path.join(lab.folder, "state", "pools", "lab")))
            done = lab.run("pool", "create", "lab", "--engine", "ray", code=None)
            self.assertIn("--engine ray: there are slurm, kubernetes and local", done.stderr)
            # Without a number, there are as many as there is room for.
            lab.run(*words)
            path = os.path.join(lab.folder, "state", "pools", "lab", "pool.json")
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file)["max_workers"], len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
