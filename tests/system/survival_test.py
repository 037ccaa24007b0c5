#!/usr/bin/env python3
"""What the service survives: names that are taken, locks and limits on its catalog, a catalog that is gone, namesakes of a worker,
and programs that cannot be started. It goes on, or ends and is started again; it never stands there and answers nobody."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import BINARY_DIR, program, wait_until
from service import RECIPE, Service, stopped, wait_job, write_recipe

LONG = 10_000_000  # steps of a training that is still going on when a test has seen what it wants


class Survival(unittest.TestCase):
    def recipe(self, braid, name="recipe.yaml", steps=10, text=RECIPE):
        return write_recipe(braid.folder, by_hand.small_texts(), steps=steps, text=text, name=name)

    def coordinator(self, braid):
        (pid,) = braid.processes("braid-coordinator")
        return pid

    def workers(self, braid):
        return {worker["id"]: worker for worker in braid.json("worker", "list").get("workers", [])}

    def database(self, braid):
        return sqlite3.connect(
            os.path.join(braid.folder, "state", "coordinator", "braid.db"),
            isolation_level=None,
            timeout=60,
        )

    def test_names_that_every_run_has_are_refused_and_the_service_goes_on(self):
        with Service(workers=1) as braid:
            before = self.coordinator(braid)
            for name in ("tokenizer", "report"):
                path = self.recipe(
                    braid, name + ".yaml", text=RECIPE.replace("name: path_tales", "name: " + name)
                )
                done = braid.run("submit", path, code=1)
                self.assertIn(
                    f'{name}.yaml:9:5: paths.0.name: "{name}" is the name of a job that every run has',
                    done.stderr,
                )
            self.assertEqual(braid.run("list", "runs").stdout.count("r-"), 0)
            self.assertEqual(self.coordinator(braid), before)

    def test_a_lock_on_the_catalog_is_waited_for(self):
        with Service(workers=1) as braid:
            recipe, before = self.recipe(braid), self.coordinator(braid)
            with self.database(braid) as shell:
                shell.execute("BEGIN IMMEDIATE")
                submit = braid.start_command("submit", recipe, "--only", "tokenizer")
                # What only reads is answered, and the worker is heard.
                for _ in range(20):
                    braid.run("list", "runs")
                self.assertEqual(self.workers(braid)["worker-1"]["link"], "WORKER_READY")
                shell.execute("ROLLBACK")
            run = braid.finish_command(submit).strip()
            braid.run("wait", run, "--timeout", "60s")
            self.assertEqual(self.coordinator(braid), before)

    def test_a_catalog_that_cannot_be_written_ends_the_coordinator_and_the_next_one_goes_on(self):
        with Service(workers=1) as braid:
            recipe, before = self.recipe(braid, steps=LONG), self.coordinator(braid)
            run = braid.submit(recipe, "--only", "path_tales")
            wait_job(
                braid, run, "path_tales", lambda job: job.get("state") == "JOB_ACTIVE", "running"
            )
            (trainer,) = wait_until(lambda: braid.processes("braid-trainer"), "the training")
            with self.database(braid) as shell:
                shell.execute("ALTER TABLE events RENAME TO taken_away")
                done = braid.run("submit", recipe, code=6)
                self.assertNotEqual(done.stderr, "")
                wait_until(
                    lambda: before not in braid.processes("braid-coordinator"),
                    "the old coordinator to end",
                )
                shell.execute("ALTER TABLE taken_away RENAME TO events")
            wait_until(
                lambda: braid.run("list", "runs", code=None).returncode == 0, "a new coordinator"
            )
            self.assertIn(
                "the catalog cannot be trusted any more, stopping", braid.log("coordinator")
            )
            self.assertIn("coordinator ended (code 1), starting it again", braid.up_log())
            wait_until(
                lambda: self.workers(braid)["worker-1"]["link"] == "WORKER_READY",
                "the worker to be back",
            )
            self.assertEqual(braid.processes("braid-trainer"), [trainer])
            self.assertEqual(len(braid.job(run, "path_tales")["attempts"]), 1)
            braid.run("cancel", run)

    def test_a_full_disk_of_the_coordinator_keeps_no_worker_out(self):
        with Service(workers=1) as braid:
            recipe = self.recipe(braid)
            pid = self.coordinator(braid)
            # A limit on file sizes stands for the full disk: the catalog's log cannot grow any more.
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            done = braid.run("submit", recipe, "--only", "tokenizer", code=None)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("free space on that disk", done.stderr)
            # The worker falls and comes back.
            (worker,) = braid.processes("braid-worker")
            os.kill(worker, signal.SIGKILL)
            wait_until(
                lambda: braid.processes("braid-worker") not in ([], [worker]),
                "the worker to be started again",
            )
            wait_until(
                lambda: self.workers(braid)["worker-1"]["link"] == "WORKER_READY", "it to be there"
            )
            self.assertEqual(self.coordinator(braid), pid)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
            run = braid.submit(recipe, "--only", "tokenizer")
            braid.run("wait", run, "--timeout", "60s")
            self.assertNotIn(
                "free space on that disk", braid.log("worker-1"), "its hello was not refused"
            )

    def test_a_program_that_cannot_be_started_ends_nothing_else(self):
        # Programs that may be taken away, as an installation does for a moment.
        bin_folder = tempfile.mkdtemp(prefix="braid-bin-")
        try:
            for name in os.listdir(os.path.join(BINARY_DIR, "bin")):
                os.symlink(program(name), os.path.join(bin_folder, name))
            with Service(workers=1, words=("--bin", bin_folder)) as braid:
                before = self.coordinator(braid)
                (worker,) = braid.processes("braid-worker")
                os.remove(os.path.join(bin_folder, "braid-worker"))
                os.kill(worker, signal.SIGKILL)
                wait_until(lambda: "worker-1 cannot be started" in braid.up_log(), "up to say so")
                self.assertIsNone(braid.up.poll())
                self.assertEqual(self.coordinator(braid), before)
                os.symlink(program("braid-worker"), os.path.join(bin_folder, "braid-worker"))
                wait_until(lambda: braid.processes("braid-worker"), "the worker to be started")
        finally:
            shutil.rmtree(bin_folder)

    def test_a_namesake_is_refused_and_the_elder_trains_on(self):
        with Service(workers=1) as braid:
            run = braid.submit(self.recipe(braid, steps=LONG), "--only", "path_tales")

            def done(job):
                return int(job.get("progress", {}).get("done", 0))

            wait_job(braid, run, "path_tales", lambda job: done(job) > 0, "training")
            folder = os.path.join(braid.folder, "namesake")
            os.makedirs(folder)
            with stopped(braid.processes("braid-trainer")):
                with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
                    namesake = subprocess.Popen(
                        [
                            program("braid-worker"),
                            "--address-file",
                            os.path.join(braid.folder, "state", "address.json"),
                            "--dir",
                            folder,
                            "--id",
                            "worker-1",
                            "--slots",
                            "1",
                        ],
                        env=braid.environment,
                        stderr=log,
                    )
                self.assertEqual(namesake.wait(timeout=120), 5)
                with open(os.path.join(folder, "log"), encoding="utf-8") as log:
                    self.assertIn("worker id worker-1 is that of another process", log.read())
                job = braid.job(run, "path_tales")
                self.assertEqual(
                    [attempt["state"] for attempt in job["attempts"]], ["ATTEMPT_RUNNING"]
                )
                self.assertEqual(len(braid.processes("braid-trainer")), 1)
            before = done(job)
            job = wait_job(braid, run, "path_tales", lambda job: done(job) > before, "more steps")
            self.assertEqual(len(job["attempts"]), 1)
            braid.run("cancel", run, code=None)  # it may have ended meanwhile

    def test_a_run_has_a_user_and_a_priority(self):
        with Service(workers=1) as braid:
            recipe = self.recipe(braid, steps=LONG, text=RECIPE + "priority: 3\n")
            runs = [braid.submit(recipe), braid.submit(recipe, "--priority", "-2")]
            found = [braid.json("describe", run) for run in runs]
            self.assertEqual([run["priority"] for run in found], [3, -2])
            self.assertEqual(len({run["user"] for run in found}), 1)
            self.assertTrue(found[0]["user"])
            self.assertIn("priority 3", braid.run("describe", runs[0]).stdout)
            self.assertIn("-1000", braid.run("submit", recipe, "--priority", "2000", code=2).stderr)
            for run in runs:
                braid.run("cancel", run)


if __name__ == "__main__":
    unittest.main(verbosity=2)
