#!/usr/bin/env python3
"""Workers in Kubernetes: a pool grows when jobs wait and shrinks when they do not, a gang is one
Job, and a pod that is taken away costs no more than what came after the last checkpoint. What is
asked for is checked against the official schemas. The cluster is played by the test."""

import os
import signal
import subprocess
import unittest

import by_hand
from by_hand import wait_until
from kubernetes_bed import FakeCluster
from pod_process import container_status
from service import RECIPE, Service, wait_job, write_recipe

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None

PATIENCE_S = 240
# So many steps that the training does not end before the test has done what it is about.
LONG = 10_000_000
# The oldest version that has all that is asked for, and the newest whose schemas there are.
VERSIONS = ("1.27", "1.37")
IMAGE = "registry.example.org/braid-trainer:0.1.0"

UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }
    ],
}
NO_IMAGE = {
    "phase": "Pending",
    "conditions": [],
    "containerStatuses": [
        container_status(
            "waiting",
            {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'},
            IMAGE,
        )
    ],
}


class Lab(Service):
    """A coordinator without workers of its own, and the agents of its pools."""

    def __init__(self, cluster):
        super().__init__(workers=0)
        self.environment.update(cluster.environment)
        # What the pods run belongs to this test, too.
        cluster.container_environment = self.environment
        self.agents = {}

    def create(self, name, *words, namespace="ml", code=0):
        common = ("--engine", "kubernetes", "--namespace", namespace, "--image", IMAGE)
        reach = ("--pods-reach", self.endpoint()["grpc"])
        return self.run("pool", "create", name, *common, *reach, *words, code=code)

    def serve(self, name, *words):
        with open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8") as log:
            self.agents[name] = subprocess.Popen(
                self.command(["pool", "serve", name, "--list-every-ms", "300", *words]),
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def pool(self, name):
        pools = self.json("pool", "list").get("pools", [])
        return next((one for one in pools if one["name"] == name), {})

    def told(self, kind):
        return [event["detail"] for event in self.events() if event["kind"] == "pool." + kind]

    def wait_told(self, kind, words):
        return wait_until(
            lambda: next((one for one in self.told(kind) if words in one), None),
            f"pool.{kind}: {words}",
            PATIENCE_S,
        )

    def __exit__(self, *error):
        for agent in self.agents.values():
            if agent.poll() is None:
                agent.send_signal(signal.SIGTERM)
            agent.wait(timeout=PATIENCE_S)
        super().__exit__(*error)


class KubernetesPoolTest(unittest.TestCase):
    new_cluster = FakeCluster

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.new_cluster().__enter__()
        cls.addClassCleanup(lambda: cls.cluster.__exit__(None))
        cls.lab = Lab(cls.cluster).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None))

    def delete(self, *names):
        for name in names:
            self.lab.run("pool", "delete", name)
            self.assertEqual(self.lab.agents[name].wait(timeout=PATIENCE_S), 0)
        wait_until(
            lambda: not self.lab.json("worker", "list").get("workers"), "the workers to leave"
        )
        self.cluster.wait_empty()

    def check_manifests(self, jobs, secrets):
        """All that is asked for is as Kubernetes has it, and the token is in Secrets alone."""
        token = self.lab.token()
        for job in jobs:
            self.assertNotIn(token, str(job))
            self.assertEqual(
                job["metadata"]["annotations"]["braid/workers"], str(job["spec"]["completions"])
            )
        for secret in secrets:
            (owner,) = secret["metadata"]["ownerReferences"]
            self.assertEqual(owner["name"], secret["metadata"]["name"])
        if kubernetes_validate is None:
            return
        for one in (*jobs, *secrets):
            whole = {key: value for key, value in one.items() if key != "status"}
            for version in VERSIONS:
                kubernetes_validate.validate(whole, version, strict=True)

    def test_a_pool_grows_trains_and_shrinks(self):
        lab, cluster = self.lab, self.cluster
        kinds = "prepare,tokenizer,train,merge,gate"
        lab.create("singles", "--kinds", kinds, "--max-workers", "2", "--until-idle", "5s")
        # The first worker of a gang waits for the second, however long that takes to start.
        limits = ("--max-workers", "4", "--time", "30m", "--until-idle", "10m")
        named = ("--label", "team=lm", "--node-selector", "kind=cpu", "--toleration", "spot")
        lab.create("gangs", "--kinds", "joint", *limits, *named)
        for name in ("singles", "gangs"):
            lab.serve(name)
        recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20)
        run = lab.submit(recipe, "--only", "joint:both")
        lab.run("wait", run, "--timeout", "280s")
        jobs = cluster.jobs()
        (gang,) = [job for job in jobs if job["metadata"]["labels"]["braid/pool"] == "gangs"]
        self.assertEqual(gang["spec"]["completions"], 2, "asked for together, once")
        self.assertEqual(gang["metadata"]["labels"]["braid/run"], run)
        self.assertEqual(gang["metadata"]["labels"]["team"], "lm")
        self.check_manifests(jobs, cluster.secrets())
        (joint,) = lab.job(run, "joint:both")["attempts"]
        name = gang["metadata"]["name"]
        self.assertEqual(sorted(joint["workers"]), [f"gangs.{name}.0", f"gangs.{name}.1"])
        described = lab.run("pool", "describe", "gangs").stdout
        self.assertIn("at most 4 workers of 1 CPUs and 0 GPUs", described)
        self.assertIn("namespace ml", described)
        # Idle ones leave by themselves; the others when their pool is deleted.
        wait_until(
            lambda: all(
                worker["id"].startswith("gangs.")
                for worker in lab.json("worker", "list").get("workers", [])
            ),
            "the idle workers to leave",
            PATIENCE_S,
        )
        self.delete("singles", "gangs")
        self.assertEqual(lab.told("ended"), [], "all of them did what they were for")

    def train(self, run, attempts, step):
        """Waits until an attempt after so many runs, and a checkpoint after `step` is stored; gives the job."""
        return wait_job(
            self.lab,
            run,
            "path_tales",
            lambda job: int(job.get("checkpointStep", 0)) > step
            and len(job["attempts"]) > attempts
            and job["attempts"][-1]["state"] == "ATTEMPT_RUNNING",
            f"attempt {attempts + 1} and a checkpoint after step {step}",
        )

    def test_what_is_taken_away_goes_on_from_its_last_checkpoint(self):
        lab, cluster = self.lab, self.cluster
        lab.create("lab", "--max-workers", "1", "--until-idle", "10m")
        lab.serve("lab")
        long = RECIPE.replace("batch: 4", "batch: 16")
        recipe = write_recipe(lab.folder, by_hand.small_texts(), LONG, every=20, text=long)
        run = lab.submit(recipe, "--only", "path_tales")
        stored = [0]
        # Its pod is evicted; its job is deleted by somebody, while no agent looks.
        job = self.train(run, 0, 0)
        stored.append(int(job["checkpointStep"]))
        (pod,) = cluster.wait_pods(1)
        cluster.evict(pod)
        job = self.train(run, 1, stored[-1])
        stored.append(int(job["checkpointStep"]))
        agent = lab.agents["lab"]
        agent.kill()
        agent.wait()
        (pod,) = cluster.wait_pods(1)
        name = pod["metadata"]["labels"]["braid/job"]
        lab.serve("lab")
        lab.wait_told(
            "asked", f"job {name} ({run}) of an earlier agent of this pool is there still"
        )
        cluster.delete_job(name)
        attempts = self.train(run, 2, stored[-1])["attempts"]
        self.assertEqual(
            [attempt["state"] for attempt in attempts],
            ["ATTEMPT_PREEMPTED", "ATTEMPT_PREEMPTED", "ATTEMPT_RUNNING"],
        )
        for attempt, step in zip(attempts, stored, strict=True):
            self.assertGreaterEqual(int(attempt.get("resumedStep", 0)), step)
        lab.wait_told("ended", f"job {name} ({run}) ended as CANCELLED: somebody deleted it")
        lab.run("cancel", run)
        self.delete("lab")

    def test_what_does_not_start_says_why(self):
        lab, cluster = self.lab, self.cluster
        cluster.show = UNSCHEDULABLE
        recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=20)
        run = self.through_refusals(lambda: lab.submit(recipe, "--only", "tokenizer"))
        said = lab.wait_told("waits", "(Unschedulable)")
        self.assertIn("0/1 nodes are available: 1 Insufficient cpu: it starts when there is", said)
        cluster.show = NO_IMAGE
        said = lab.wait_told("waits", "(ImagePullBackOff)")
        self.assertIn(f"the image {IMAGE} cannot be pulled", said)
        # The next pod cannot even be made.
        with cluster.no_more_pods():
            (job,) = [
                one for one in cluster.jobs() if one["metadata"]["labels"]["braid/pool"] == "odd"
            ]
            cluster.delete_job(job["metadata"]["name"])
            said = lab.wait_told("waits", "exceeded quota: ")
            self.assertIn("(FailedCreate)", said)
            self.assertIn("requested: pods=1", said)
            self.assertIn(": a quota of the namespace is used up", said)
            cluster.show = None
        lab.run("wait", run, "--timeout", "280s")
        self.delete("odd")

    def through_refusals(self, submit):
        """Serves pool `odd`, and leads it through what its engine says no with; the run that `submit` submits."""
        lab, cluster = self.lab, self.cluster
        forbidden = (
            'Error from server (Forbidden): jobs.batch is forbidden: User "ada" cannot create resource "jobs" '
            'in API group "batch" in the namespace "ml"'
        )
        cluster.say("refuse", forbidden)
        refused = lab.create("odd", code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(forbidden + ": whoever the agent is in the cluster needs", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(lab.folder, "state", "pools", "odd")))
        lab.create("odd", "--no-check", "--max-workers", "1", "--until-idle", "10m")
        away = "Unable to connect to the server: dial tcp 192.0.2.1:6443: i/o timeout"
        cluster.say("away", away)
        lab.serve("odd")
        lab.wait_told("trouble", away + ": the API server is not reached")
        cluster.say("away", None)
        lab.wait_told("well", "the API server of Kubernetes answers again")
        run = submit()
        lab.wait_told("refused", forbidden)
        cluster.say("refuse", None)
        return run


if __name__ == "__main__":
    unittest.main(verbosity=2)
