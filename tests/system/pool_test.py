#!/usr/bin/env python3
"""The agent of a pool with a batch system of the test's own, which can be told to fail: missing, refusing, slow. Its
jobs are processes of this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

import by_hand
from by_hand import wait_until
from service import Service, write_recipe

# One program for all three commands. FAKE_SLURM is the folder of its jobs: a file with the name and the process of each;
# `refuse` has what sbatch says instead, `slow` makes it hang after it has taken a job, `away` is what squeue says.
FAKE = r"""
import os, signal, subprocess, sys, time
folder = os.environ["FAKE_SLURM"]
command, words = os.path.basename(sys.argv[1]), sys.argv[2:]
def said(name):
    path = os.path.join(folder, name)
    return open(path).read() if os.path.exists(path) else None
def option(name):
    return next((word.split("=", 1)[1] for word in words if word.startswith(name + "=")), "")
def jobs():
    for name in sorted(name for name in os.listdir(folder) if name.isdigit()):
        title, pid = said(name).split("\n")
        yield name, title, int(pid)
def runs(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
if command == "sbatch":
    if said("refuse"):
        sys.exit(said("refuse"))
    if "--test-only" in words:
        sys.exit(0)
    number = str(len(list(jobs())) + 1)
    env = dict(os.environ, SLURM_JOB_ID=number, SLURM_NTASKS="1")
    log = open(option("--output").replace("%j", number), "a")
    job = subprocess.Popen(["sh", words[-1]], env=env, stdout=log, stderr=log, start_new_session=True)
    with open(os.path.join(folder, "new"), "w") as file:
        file.write(option("--job-name") + "\n" + str(job.pid))
    os.rename(os.path.join(folder, "new"), os.path.join(folder, number))
    if said("slow") is not None:
        time.sleep(3600)
    print(number)
elif command == "squeue":
    if said("away"):
        sys.exit(said("away"))
    if option("--format") == "%L":
        print("UNLIMITED")
    else:
        for number, title, pid in jobs():
            print("%s|%s|None|%s" % (number, "RUNNING" if runs(pid) else "COMPLETED", title))
else:
    for number, title, pid in jobs():
        if number in words and runs(pid):
            os.killpg(pid, signal.SIGTERM)
"""


class Pool(Service):
    """A coordinator, and one pool whose agent the test starts and ends."""

    def __init__(self):
        super().__init__(workers=0)
        self.slurm, self.agent = os.path.join(self.folder, "slurm"), None
        self.commands = os.path.join(self.folder, "commands")
        self.path = self.environment["PATH"]
        for folder in (self.slurm, self.commands):
            os.mkdir(folder)
        self.fake = os.path.join(self.folder, "fake.py")
        with open(self.fake, "w", encoding="utf-8") as file:
            file.write(FAKE)
        for name in ("sbatch", "squeue", "scancel"):
            path = os.path.join(self.commands, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\nexec "{sys.executable}" "{self.fake}" "$0" "$@"\n')
            os.chmod(path, 0o755)
        self.environment["FAKE_SLURM"] = self.slurm
        self.environment["PATH"] = self.commands + os.pathsep + self.path

    def say(self, name, text):
        """What the batch system answers from now on; None: what it should."""
        path = os.path.join(self.slurm, name)
        if text is None:
            os.remove(path)
            return
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def serve(self, *words):
        with open(os.path.join(self.folder, "agent.log"), "a", encoding="utf-8") as log:
            self.agent = subprocess.Popen(
                self.command(["pool", "serve", "lab", "--list-every-ms", "500", *words]),
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def pool(self):
        return next(iter(self.json("pool", "list").get("pools", [])), {})

    def jobs(self):
        return [name for name in os.listdir(self.slurm) if name.isdigit()]

    def told(self, kind):
        return [event["detail"] for event in self.events() if event["kind"] == "pool." + kind]

    def __exit__(self, *error):
        if self.agent and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(timeout=60)
        super().__exit__(*error)


class PoolTest(unittest.TestCase):
    def submit(self, pool, name):
        recipe = write_recipe(pool.folder, by_hand.small_texts(), steps=10)
        return pool.submit(recipe, "--only", name)

    def test_a_pool_through_the_faults_of_its_engine(self):
        with Pool() as pool:
            words = ("--until-idle", "1h", "--worker-dir", pool.folder, "--max-workers", "1")
            pool.say(
                "refuse", "sbatch: error: Batch job submission failed: Invalid qos specification"
            )
            refused = pool.run("pool", "create", "lab", *words, code=None)
            self.assertIn(
                "Invalid qos specification: create the pool again with another --qos",
                refused.stderr,
            )
            pool.say("refuse", None)
            self.assertEqual(pool.run("pool", "create", "lab", *words).stdout, "lab\n")
            self.assertIn(
                "there is a pool lab in", pool.run("pool", "create", "lab", *words, code=5).stderr
            )
            self.assertIn(
                "pool lab is not served: `braid pool serve lab`",
                pool.run("pool", "describe", "lab", code=3).stderr,
            )

            # Nothing is asked for while the list cannot be read: there may be jobs already.
            run = self.submit(pool, "path_tales")
            pool.say("away", "slurm_load_jobs error: Unable to contact slurm controller")
            pool.serve()
            wait_until(lambda: "Unable to contact" in pool.pool().get("trouble", ""), "the trouble")
            self.assertEqual(pool.jobs(), [])
            self.assertIn(
                "another process serves pool lab",
                pool.run("pool", "serve", "lab", code=None).stderr,
            )
            pool.say(
                "refuse",
                "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy",
            )
            pool.say("away", None)
            wait_until(
                lambda: "accounting/QOS policy" in pool.pool().get("trouble", ""),
                "the refusal",
                120,
            )
            self.assertEqual(pool.jobs(), [])
            self.assertIn(
                "a limit of your account is reached", pool.run("pool", "describe", "lab").stdout
            )

            # An agent that starts anew asks at once; what it asks for is taken, and not said in time.
            pool.agent.send_signal(signal.SIGTERM)
            self.assertEqual(pool.agent.wait(timeout=60), 0)
            pool.say("refuse", None)
            pool.say("slow", "")
            pool.serve("--command-timeout-ms", "6000")
            pool.run("wait", run, "--timeout", "280s")
            wait_until(
                lambda: any("no answer of sbatch in 6 s" in one for one in pool.told("trouble")),
                "the end of the patience with sbatch",
            )
            pool.say("slow", None)
            self.assertEqual(len(pool.jobs()), 1, "asked for once")

            # Deleted by another process than the agent, which ends its job first, and then itself.
            pool.run("pool", "delete", "lab")
            self.assertEqual(pool.agent.wait(timeout=60), 0)
            wait_until(
                lambda: not pool.json("worker", "list").get("workers"), "the worker to leave"
            )
            wait_until(
                lambda: not [one for one in os.listdir(pool.folder) if one.startswith("braid-")],
                "the worker's folder to go with it",
            )
            self.assertEqual(pool.pool(), {})
            self.assertFalse(os.path.exists(os.path.join(pool.folder, "state", "pools", "lab")))
            self.assertIn(
                "there is no pool lab in", pool.run("pool", "delete", "lab", code=3).stderr
            )

    def test_an_ephemeral_worker_that_cannot_begin_leaves_no_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            own = os.path.join(folder, "worker")
            words = [by_hand.program("braid-worker"), "--ephemeral", "--dir", own]
            done = subprocess.run(words, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn("give --coordinator HOST:PORT", done.stderr)
            self.assertFalse(os.path.exists(own))

    def test_without_slurm(self):
        with Pool() as pool:
            pool.environment["PATH"] = "/nowhere"
            done = pool.run("pool", "create", "lab", code=None)
            self.assertIn("no such program: sbatch: load Slurm's module", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
