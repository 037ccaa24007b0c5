#!/usr/bin/env python3
"""The coordinator is away, and meanwhile the worker is killed and started again: what was finished is delivered, what was running goes
on from its newest checkpoint on the worker's disk, and that disk does not grow."""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import program, wait_until
from hold import held_at, prepare_holds
from service import Braid, wait_job, write_recipe

RECIPE = """run: away
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
LONG = 10_000_000  # steps of a training that is still going on at the end


class Site(Braid):
    """A coordinator and one worker, each started and killed by hand."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="braid-system-"))
        prepare_holds(self)
        self.started = {}
        self.worker_dir = os.path.join(self.folder, "state", "worker-1")

    def start(self, name, *words):
        with open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8") as log:
            self.started[name] = subprocess.Popen(
                [program("braid-" + name), *words], env=self.environment, stderr=log
            )

    def start_coordinator(self, name="coordinator"):
        state = os.path.join(self.folder, "state")
        self.start(
            "coordinator",
            *("--dir", os.path.join(state, name), "--listen", "127.0.0.1:0"),
            *("--http", "127.0.0.1:0", "--address-file", os.path.join(state, "address.json")),
        )
        wait_until(
            lambda: self.run("list", "runs", code=None).returncode == 0, "the coordinator to answer"
        )

    def start_worker(self):
        self.start(
            "worker",
            *("--address-file", os.path.join(self.folder, "state", "address.json")),
            *("--dir", self.worker_dir, "--id", "worker-1", "--slots", "1"),
        )

    def kill(self, name):
        process = self.started.pop(name)
        process.kill()
        process.wait()

    def kept(self, pattern):
        """What the worker's outbox has."""
        return glob.glob(os.path.join(glob.escape(self.worker_dir), "outbox", "*", pattern))

    def newest_kept_step(self):
        steps = []
        for path in self.kept("checkpoint-*.json"):
            try:
                with open(path, encoding="utf-8") as file:
                    steps.append(json.load(file)["value"]["step"])
            except OSError:
                pass  # replaced by a newer one
        return max(steps, default=0)

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8") as file:
            return file.read()

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "state"))
        self.start_coordinator()
        self.start_worker()
        wait_until(
            lambda: "WORKER_READY" in self.run("-o", "json", "worker", "list", code=None).stdout,
            "coordinator and worker",
            timeout_s=60,
        )
        return self

    def __exit__(self, kind, *_):
        for name in ("worker", "coordinator"):
            if name in self.started:
                self.kill(name)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if kind is not None:
            print("state kept in", self.folder)
        else:
            shutil.rmtree(self.folder)


class Outbox(unittest.TestCase):
    def submit(self, site, steps, every):
        texts = {"tales": by_hand.small_texts()["tales"]}
        return site.submit(
            write_recipe(site.folder, texts, steps=steps, every=every, text=RECIPE),
            "--only",
            "model",
        )

    def test_what_finished_while_the_coordinator_was_away_is_its_own_success(self):
        with Site() as site:
            steps = 1000
            undisturbed = self.submit(site, steps, every=100)
            site.run("wait", undisturbed, "--timeout", "60s")
            with held_at(site, "model") as hold:
                run = self.submit(site, steps, every=100)
                hold.wait()
                wait_job(site, run, "model", lambda job: job.get("checkpointStep"), "a checkpoint")
                site.kill("coordinator")
            wait_until(lambda: site.kept("end.json"), "the end to be kept", timeout_s=60)
            # Twice: nothing that is kept is lost by being found.
            for times in (1, 2):
                site.kill("worker")
                self.assertEqual(site.processes("braid-trainer"), [])
                site.start_worker()
                wait_until(
                    lambda times=times: (
                        site.log("worker").count("it is delivered when that one answers") == times
                    ),
                    "the worker to find it",
                )
            # Another coordinator at the same address gets nothing of it.
            site.start_coordinator("another")
            wait_until(
                lambda: "was made for coordinator" in site.log("worker"),
                "the worker to say whose it is",
            )
            site.kill("coordinator")
            self.assertTrue(site.kept("end.json"))
            site.start_coordinator()
            # A process works for one of them.
            worker = site.started.pop("worker")
            self.assertEqual(worker.wait(timeout=60), 1)
            self.assertIn("answers in its place", site.log("worker"))
            site.start_worker()
            site.run("wait", run, "--timeout", "60s")
            job = site.job(run, "model")
            self.assertEqual(job["state"], "JOB_SUCCEEDED")
            self.assertEqual(
                [attempt["state"] for attempt in job["attempts"]], ["ATTEMPT_SUCCEEDED"]
            )
            self.assertEqual(job["outputs"], site.job(undisturbed, "model")["outputs"])
            self.assertEqual(site.metrics(run, "model"), site.metrics(undisturbed, "model"))
            self.assertIn(f"{steps} steps", site.run("logs", run, "model").stdout)
            wait_until(lambda: not site.kept(""), "the outbox to be empty")
            ranks = os.path.join(site.worker_dir, "ranks")
            wait_until(lambda: not os.listdir(ranks), "the rank's folder to be removed")

    def test_what_runs_goes_on_from_its_newest_checkpoint_and_the_disk_does_not_grow(self):
        with Site() as site:
            run = self.submit(site, LONG, every=20)
            job = wait_job(
                site, run, "model", lambda job: job.get("checkpointStep"), "a checkpoint"
            )
            site.kill("coordinator")
            committed = int(job["checkpointStep"])
            written = os.path.join(glob.escape(site.worker_dir), "ranks/*/work/checkpoints/*")
            steps, kept, of_program = set(), [], []

            def twenty_were_taken_over():
                steps.add(site.newest_kept_step())
                kept.append(len(site.kept("checkpoint-*[0-9]")))
                of_program.append(len(glob.glob(written)))
                return len(steps) > 20

            wait_until(twenty_were_taken_over, "checkpoints to be taken over", timeout_s=240)
            # On its way, waiting, being taken over, being dropped; of the program: not taken over (2), being written.
            self.assertLessEqual(max(kept), 5)
            self.assertLessEqual(max(of_program), 4)
            newest = site.newest_kept_step()
            self.assertGreater(newest, committed)
            site.kill("worker")
            newest = max(newest, site.newest_kept_step())
            site.start_worker()
            wait_until(
                lambda: "it is delivered when that one answers" in site.log("worker"),
                "the worker to find it",
            )
            site.start_coordinator()
            wait_until(
                lambda: f"delivering its checkpoint of step {newest}" in site.log("worker"),
                "the worker to deliver it",
            )
            job = wait_job(
                site,
                run,
                "model",
                lambda job: len(job.get("attempts", [])) == 2
                and job["attempts"][1]["state"] == "ATTEMPT_RUNNING",
                "the second attempt",
            )
            self.assertEqual(job["attempts"][0]["state"], "ATTEMPT_LOST")
            self.assertIn("worker worker-1 was restarted", job["attempts"][0]["error"])
            self.assertEqual(int(job["attempts"][1]["resumedStep"]), newest)
            # The numbers before the checkpoint are there, and go on behind it.
            metrics = wait_until(
                lambda: [m for m in [site.metrics(run, "model")] if max(m, default=0) > newest],
                "the next step",
            )[0]
            self.assertEqual(sorted(metrics), list(range(1, max(metrics) + 1)))
            site.run("cancel", run)


if __name__ == "__main__":
    unittest.main(verbosity=2)
