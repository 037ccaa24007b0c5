#!/usr/bin/env python3
"""Workers behind the real Slurm: a pool grows when jobs wait and shrinks when they do not, a gang gets one allocation,
and a job that Slurm ends costs no more than what came after the last checkpoint."""

import os
import signal
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from service import RECIPE, Service, wait_job, write_recipe
from slurm_bed import PATIENCE_S, SlurmBed, needs_slurm, without_slurm

# So many steps that the training does not end before Slurm has done what the test asks for.
LONG = 10_000_000
# The exit code of `braid wait` whose time is over.
UNFINISHED = 8


class Lab(Service):
    """A coordinator without workers of its own, on a cluster."""

    def __init__(self, slurm):
        super().__init__(workers=0, words=("--recovery-ms", "0"))
        self.environment = {**without_slurm(self.environment), "SLURM_CONF": slurm.config}
        self.agents = []

    def pool(self, name, *words):
        self.run("pool", "create", name, "--worker-dir", self.folder, *words)
        self.serve(name)

    def serve(self, name):
        log = open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8")  # noqa: SIM115
        agent = subprocess.Popen(
            self.command(["pool", "serve", name, "--list-every-ms", "500"]),
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        self.agents.append(agent)
        wait_until(
            lambda: [one for one in self.pools() if one["name"] == name],
            "the agent of " + name,
            PATIENCE_S,
        )
        return agent

    def pools(self):
        return self.json("pool", "list").get("pools", [])

    def __exit__(self, *error):
        for agent in self.agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGTERM)
            agent.wait(timeout=PATIENCE_S)
        super().__exit__(*error)

    def wait_succeeded(self, run):
        def succeeded():
            done = self.run("wait", run, "--timeout", "60s", code=None)
            if done.returncode not in (0, UNFINISHED):
                raise AssertionError(
                    done.stdout + done.stderr + self.run("list", "jobs", run).stdout
                )
            return done.returncode == 0

        wait_until(succeeded, "the run to succeed", PATIENCE_S)

    def listed(self):
        return [worker["id"] for worker in self.json("worker", "list").get("workers", [])]

    def attempts(self, run, job):
        return self.job(run, job).get("attempts", [])

    def told(self, kind):
        return [event["detail"] for event in self.events() if event["kind"] == kind]


@needs_slurm
class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.slurm = SlurmBed().__enter__()
        cls.addClassCleanup(cls.slurm.__exit__, None)
        cls.lab = Lab(cls.slurm).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None, None, None))

    def wait_until_all_left(self):
        wait_until(lambda: not self.lab.listed(), "the workers to leave", PATIENCE_S)
        wait_until(lambda: not self.slurm.jobs(), "Slurm's jobs to end", PATIENCE_S)

    def test_a_pool_grows_trains_and_shrinks(self):
        lab = self.lab
        kinds = "prepare,tokenizer,train,merge,gate"
        lab.pool("singles", "--kinds", kinds, "--max-workers", "2", "--until-idle", "5s")
        # The first worker of a gang waits for the second, however long that takes to start.
        words = ("--max-workers", "4", "--time", "30", "--until-idle", "10m")
        lab.pool("gangs", "--kinds", "joint", *words)
        recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20)
        run = lab.submit(recipe, "--only", "joint:both")
        lab.wait_succeeded(run)
        # "braid:POOL:MARK:WORKERS:RUN"
        names = [line.split("|")[0].split(":") for line in self.ended()]
        gangs = [name for name in names if name[:2] == ["braid", "gangs"]]
        self.assertEqual([name[3:] for name in gangs], [["2", run]], "asked for together, once")
        (joint,) = lab.attempts(run, "joint:both")
        workers = sorted(worker for worker in joint["workers"])
        self.assertEqual([worker.rsplit(".", 1)[1] for worker in workers], ["0", "1"])
        self.assertEqual(len({worker.rsplit(".", 1)[0] for worker in workers}), 1)
        self.assertTrue(all(worker.startswith("gangs.") for worker in workers), workers)
        # Idle ones leave by themselves, for good; the others when their pool is deleted.
        wait_until(
            lambda: not [one for one in lab.listed() if one.startswith("singles.")],
            "the idle workers to leave",
            PATIENCE_S,
        )
        described = lab.run("pool", "describe", "gangs").stdout
        self.assertIn("at most 4 workers of 1 CPUs and 0 GPUs", described)
        self.assertIn("time 30", described)
        for name in ("singles", "gangs"):
            lab.run("pool", "delete", name)
        wait_until(lambda: not lab.pools(), "the pools to be gone", PATIENCE_S)
        self.wait_until_all_left()
        states = {line.split("|")[1] for line in self.ended()}
        self.assertLessEqual(states, {"COMPLETED", "CANCELLED"}, self.ended())
        self.assertIn("worker.left", {event["kind"] for event in lab.events()})
        wait_until(
            lambda: not [name for name in os.listdir(lab.folder) if name.startswith("braid-")],
            "the workers' folders to go with them",
            PATIENCE_S,
        )

    def ended(self):
        done = self.slurm.run("squeue", "--noheader", "--states=all", "--format=%j|%T")
        return done.stdout.splitlines()

    def train(self, run, attempts, step):
        """Waits until an attempt after so many runs and has stored a checkpoint after `step`; gives the job. A program
        that has just started could be hit before it listens to signals."""
        return wait_job(
            self.lab,
            run,
            "path_tales",
            lambda job: int(job.get("checkpointStep", 0)) > step
            and len(job["attempts"]) > attempts
            and job["attempts"][-1]["state"] == "ATTEMPT_RUNNING"
            and int(job["checkpointStep"]) > int(job["attempts"][-1].get("resumedStep", 0)),
            f"a checkpoint after step {step}",
        )

    def test_what_slurm_ends_goes_on_from_its_last_checkpoint(self):
        lab, slurm = self.lab, self.slurm
        lab.pool("lab", "--max-workers", "1", "--until-idle", "5s")
        long = RECIPE.replace("batch: 4", "batch: 16")
        recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=LONG, every=20, text=long)
        run = lab.submit(recipe, "--only", "path_tales")
        step, hit = 0, [(-1, 0)]
        # A warning of Slurm (--signal), a cancellation, and a death without a word.
        for how in ("warning", "cancel", "death"):
            job = self.train(run, hit[-1][0] + 1, step)
            step = int(job["checkpointStep"])
            hit.append((len(job["attempts"]) - 1, step))
            (worker,) = job["attempts"][-1]["workers"]
            if how == "death":
                (process,) = lab.processes("braid-worker", (worker,))
                os.kill(process, signal.SIGKILL)
            else:
                words = ("--signal=USR1", "--full") if how == "warning" else ()
                slurm.run("scancel", *words, worker.split(".")[1])  # lab.JOB.0
        attempts = self.train(run, hit[-1][0] + 1, step)["attempts"]
        del hit[0]
        self.assertEqual(
            [attempts[index]["state"] for index, _ in hit],
            ["ATTEMPT_PREEMPTED", "ATTEMPT_PREEMPTED", "ATTEMPT_LOST"],
            attempts,
        )
        for index, stored in hit:
            self.assertGreaterEqual(int(attempts[index + 1]["resumedStep"]), stored)
        wait_until(
            lambda: any(
                "ended as CANCELLED: somebody cancelled it" in one for one in lab.told("pool.ended")
            ),
            "the cancellation to be told",
            PATIENCE_S,
        )
        lab.run("cancel", run)
        # The agent is killed, and the next one finds what the first asked for.
        agent = lab.agents[-1]
        agent.kill()
        agent.wait()
        lab.run("pool", "delete", "lab")
        self.wait_until_all_left()

    def test_refusals_are_in_slurms_words_and_say_what_to_do(self):
        lab = self.lab
        refused = lab.run("pool", "create", "odd", "--partition", "nope", code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("invalid partition specified: nope", refused.stderr)
        self.assertIn("another --partition: `sinfo` lists them", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(lab.folder, "state", "pools", "odd")))
        self.assertIn(
            "is served and deleted in the --dir", lab.run("pool", "serve", "odd", code=None).stderr
        )

    def test_by_hand_with_sbatch(self):
        """The plain way, without a pool: deploy/slurm/worker.sh, here as an array of two."""
        lab, slurm = self.lab, self.slurm
        script = os.path.join(by_hand.SOURCE_DIR, "deploy", "slurm", "worker.sh")
        recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20)
        run = lab.submit(recipe, "--only", "path_tales")
        environment = {
            **slurm.environment,
            "BRAID": program("braid-worker"),
            "BRAID_DIR": os.path.join(lab.folder, "state"),
            "BRAID_SCRATCH": lab.folder,
            "BRAID_UNTIL_IDLE": "10s",
        }
        done = subprocess.run(
            ["sbatch", "--output=" + lab.folder + "/%a.log", "--time=20", "--array=1-2", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        for number in (1, 2):
            self.wait_until_a_worker_begins(os.path.join(lab.folder, f"{number}.log"))
        lab.wait_succeeded(run)
        self.wait_until_all_left()

    def wait_until_a_worker_begins(self, path):
        def begins():
            if not os.path.exists(path):
                return False
            with open(path, encoding="utf-8") as log:
                said = log.read()
            self.assertNotIn(" E worker: ", said)
            return "(1 slots" in said

        wait_until(begins, "a worker to begin", PATIENCE_S)


if __name__ == "__main__":
    unittest.main(verbosity=2)
