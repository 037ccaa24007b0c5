#!/usr/bin/env python3
"""What is kept and what is deleted, with the real programs: checkpoints, pins, garbage, runs; and a backup of a
service at work, from which another one starts."""

import os
import shutil
import signal
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from hold import held_at, prepare_holds
from service import Braid, Service, wait_job, write_recipe

LONG = 10_000_000


def blobs(braid):
    """Digest -> size of what is in the store."""
    found = {}
    for folder, _, names in os.walk(
        os.path.join(braid.folder, "state", "coordinator", "store", "blobs")
    ):
        for name in names:
            found[name] = os.path.getsize(os.path.join(folder, name))
    return found


def checkpoints(braid, run, *words):
    listed = braid.json("artifact", "list", "--run", run, "--kind", "checkpoint", *words)
    return [one for one in listed.get("artifacts", []) if one["role"] == "checkpoint"]


class Keeping(unittest.TestCase):
    def test_checkpoints_garbage_and_runs(self):
        # Nothing is deleted by itself, and at once when asked for: the test says when.
        words = ("--gc-grace-ms", "0", "--gc-interval-ms", "0", "--quarantine-after", "10")
        service = Service(workers=1, words=words)
        prepare_holds(service)
        with service as braid:
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=60, every=5)
            with held_at(braid, "path_tales") as hold:
                run = braid.submit(recipe, "--only", "path_tales")
                for attempt in (1, 2, 3):
                    self.kill_behind_a_checkpoint(braid, run, hold, attempt)
            braid.run("wait", run)
            everything = checkpoints(braid, run, "--removed")
            self.assertGreater(len(everything), 3)
            (newest,) = checkpoints(braid, run)
            self.assertEqual(newest["id"], everything[0]["id"])
            old = everything[-1]
            self.lists_are_sorted(braid, run)
            shown = braid.run("artifact", "list", "--run", run, "--removed").stdout
            self.assertRegex(
                shown, r"removed on \d{4}-\d\d-\d\d, retention: path_tales keeps its newest"
            )
            self.assertIn(
                "only its lineage is left",
                braid.run("artifact", "get", old["id"], code=5).stderr,
            )
            self.assertIn("was removed on", braid.run("artifact", "pin", old["id"], code=5).stderr)

            before = blobs(braid)
            dry = braid.run("gc", "--dry-run").stdout
            self.assertRegex(dry, r"would delete +\d+ blobs?, .*: of removed artifacts")
            self.assertRegex(
                dry, r"stays +\d+ artifacts, .*: inputs, outputs and newest checkpoints"
            )
            self.assertEqual(blobs(braid), before)
            freed = braid.json("gc")["deleted"]
            after = blobs(braid)
            self.assertEqual(
                sum(int(one["bytes"]) for one in freed), sum(before.values()) - sum(after.values())
            )
            self.assertLess(sum(after.values()), sum(before.values()) / 2)
            for artifact in braid.json("artifact", "list")["artifacts"]:
                braid.run("artifact", "verify", artifact["id"])

            # A second run uses what the first one made; a pin outlives its run.
            braid.run("artifact", "pin", newest["id"])
            asked = braid.run("run", "delete", run, code=1, stdin=subprocess.DEVNULL)
            self.assertIn("say --yes where nobody can be asked", asked.stderr)
            self.assertEqual(braid.run("run", "delete", run, "--yes").stdout.strip(), run)
            self.assertIn("there is no run", braid.run("describe", run, code=3).stderr)
            state = os.path.join(braid.folder, "state", "coordinator")
            self.assertEqual(os.listdir(os.path.join(state, "logs")), [])
            self.assertEqual(os.listdir(os.path.join(state, "metrics")), [])
            braid.run("gc")
            left = braid.json("artifact", "list")["artifacts"]
            self.assertEqual([one["id"] for one in left], [newest["id"]])
            braid.run("artifact", "verify", newest["id"])
            braid.run("artifact", "unpin", newest["id"])
            braid.run("gc")  # says that nothing needs it
            braid.run("gc")  # and now its blobs may go
            self.assertEqual(blobs(braid), {})

    def kill_behind_a_checkpoint(self, braid, run, hold, attempt):
        """Each attempt stores the first checkpoint that it makes. How many more there are depends on the disk: one that is
        due while the last is being written is left out."""
        trainer = hold.wait()
        wait_job(
            braid,
            run,
            "path_tales",
            lambda job: int(job.get("checkpointStep", 0))
            > int(job["attempts"][-1].get("resumedStep", 0)),
            "a checkpoint of its own",
        )
        os.kill(trainer, signal.SIGKILL)
        wait_job(
            braid,
            run,
            "path_tales",
            lambda job: len(job["attempts"]) > attempt,
            "another attempt",
        )

    def lists_are_sorted(self, braid, run):
        words = ("artifact", "list", "--run", run, "--kind", "checkpoint", "--removed")
        listed = braid.json(*words)["artifacts"]
        sizes = {one["id"]: int(one["bytes"]) for one in listed}
        names = braid.run(*words, "--sort", "size", "--reverse", "-o", "name").stdout.split()
        self.assertEqual(set(names), set(sizes))
        self.assertEqual([sizes[name] for name in names], sorted(sizes.values(), reverse=True))
        ages = {one["id"][:12]: int(one["createdMs"]) for one in listed}
        rows = braid.run(*words, "-o", "csv", "--sort", "age", "--columns", "artifact").stdout
        header, *shown = rows.split()
        self.assertEqual(header, "ARTIFACT")
        self.assertEqual([ages[one] for one in shown], sorted(ages.values(), reverse=True))
        # What stands behind --columns is the run, and no column.
        jobs = braid.run("list", "jobs", "--columns", "job,state", run).stdout
        self.assertRegex(jobs, r"path_tales +SUCCEEDED\n")
        wrong = braid.run(*words, "--sort", "sise", code=1).stderr
        self.assertIn('--sort: there is no column "sise"; did you mean SIZE?', wrong)

    def test_a_list_is_watched_until_nobody_reads(self):
        with Service(workers=1) as braid:
            words = ("worker", "list", "--columns", "admit", "--no-header", "--watch")
            watching = subprocess.Popen(
                braid.command(words), stdout=subprocess.PIPE, text=True, env=braid.environment
            )
            with watching.stdout:
                self.addCleanup(watching.kill)  # if it does not end by itself
                self.assertIn("OPEN\n", iter(watching.stdout.readline, ""))
                worker = braid.run("worker", "list", "-o", "name").stdout.strip()
                braid.run("worker", "cordon", worker)
                self.assertIn("CORDONED\n", iter(watching.stdout.readline, ""))
                watching.stdout.close()
                self.assertEqual(watching.wait(timeout=300), 0)

    def test_a_backup_of_a_service_at_work_is_a_service(self):
        with Service(workers=1, words=("--gc-grace-ms", "0", "--gc-interval-ms", "100")) as braid:
            done_recipe = write_recipe(
                braid.folder, by_hand.small_texts(), steps=10, every=5, name="done.yaml"
            )
            done = braid.submit(done_recipe, "--only", "path_tales", "--watch")
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=LONG, every=5)
            run = braid.submit(recipe, "--only", "path_sums")
            wait_job(
                braid,
                run,
                "path_sums",
                lambda job: int(job.get("checkpointStep", 0)) >= 20,
                "some checkpoints",
            )
            # Beside the service's folder, which goes with the service.
            backup = os.path.join(braid.folder + "-backup", "copy of it")
            braid.run("server", "backup", backup, "--with-blobs")
            first = int(braid.job(run, "path_sums")["checkpointStep"])
            wait_job(
                braid,
                run,
                "path_sums",
                lambda job: int(job.get("checkpointStep", 0)) > first,
                "more checkpoints",
            )
            again = braid.json("server", "backup", backup, "--with-blobs")
            self.assertLess(again["blobs_fetched"], again["blobs"], "most of it was there")
            self.assertEqual(
                subprocess.run(
                    ["sha256sum", "--check", "--quiet", "blobs.sha256"], cwd=backup, check=False
                ).returncode,
                0,
            )
            other = os.path.join(braid.folder, "other")
            os.mkdir(other)
            with open(os.path.join(other, "thesis.tex"), "w", encoding="utf-8"):
                pass
            refused = braid.run("server", "backup", other, code=5).stderr
            self.assertIn("thesis.tex, which no backup made: choose another folder", refused)
            braid.run("cancel", run)
            model = braid.job(done, "path_tales")["outputs"]["model"]

        # As docs/operating.md says.
        restored = Braid(braid.folder + "-restored")
        state = os.path.join(restored.folder, "state")
        try:
            os.makedirs(state)
            os.rename(backup, os.path.join(state, "coordinator"))
            self.check_restored(restored, done, run, model)
        finally:
            shutil.rmtree(restored.folder)
            shutil.rmtree(os.path.dirname(backup), ignore_errors=True)

    def check_restored(self, restored, done, run, model):
        process = subprocess.Popen(
            [
                program("braid-coordinator"),
                "--dir",
                os.path.join(restored.folder, "state", "coordinator"),
                "--address-file",
                os.path.join(restored.folder, "state", "address.json"),
            ],
            env=restored.environment,
        )
        try:
            wait_until(
                lambda: restored.run("list", "runs", code=None).returncode == 0, "the coordinator"
            )
            self.assertEqual(restored.json("describe", done)["state"], "RUN_SUCCEEDED")
            active = restored.job(run, "path_sums")
            self.assertEqual(active["state"], "JOB_ACTIVE", "as it was at that moment")
            for artifact in restored.json("artifact", "list")["artifacts"]:
                restored.run("artifact", "verify", artifact["id"])
            folder = os.path.join(restored.folder, "model")
            restored.run("artifact", "get", model, "--out", folder)
            self.assertIn("config.json", os.listdir(folder))
        finally:
            process.terminate()
            self.assertEqual(process.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main()
