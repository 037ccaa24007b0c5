"""A cluster for tests: a folder of objects, with a kubectl of the test's own. This process is the job controller, the
scheduler and the only node: the pods' containers are processes of this machine, started from the pods' very specifications.

    with FakeCluster() as cluster:
        subprocess.run(["braid", "pool", ...], env={**environment, **cluster.environment})
        cluster.wait_pods(1)

`show` has what new pods show instead of running: the status of one that cannot be scheduled, for example.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import traceback

from by_hand import wait_until
from fake_kubectl import Objects, mark_deleted
from pod_process import Container, container_status, now

NAMESPACE = "ml"


def has_ended(job):
    conditions = job.get("status", {}).get("conditions", [])
    return any(
        one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions
    )


def is_deleted(one):
    return "deletionTimestamp" in one["metadata"]


def job_of(pod):
    return pod["metadata"]["labels"]["braid/job"]


class Cluster:
    """The controllers and the node. A subclass has the objects."""

    def __init__(self):
        self.folder, self.environment = tempfile.mkdtemp(prefix="braid-kube-", dir="/tmp"), {}
        # What new pods show instead of running.
        self.show = None
        # By the pod's name; by the job's name, the phases of its pods by index.
        self.containers, self.ended = {}, {}
        self.container_environment = dict(os.environ)
        self.trouble, self.over, self.playing = None, threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self.play)

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.finish()
            raise
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        for container in self.containers.values():
            container.kill()
        self.finish()
        if kind is not None or self.trouble or os.environ.get("BRAID_KEEP_TESTS"):
            print("the cluster's folder is kept:", self.folder)
        else:
            shutil.rmtree(self.folder)
        assert not self.trouble, self.trouble

    def play(self):
        try:
            while not self.over.wait(0.05):
                with self.playing:
                    self.step()
        except Exception:
            self.trouble = traceback.format_exc()
            print("the cluster has stopped:", self.trouble, flush=True)

    def step(self):
        jobs, pods = self.jobs(), self.pods()
        for job in jobs:
            own = [pod for pod in pods if job_of(pod) == job["metadata"]["name"]]
            self.control(job, own)
        there = {job["metadata"]["name"] for job in jobs}
        for pod in pods:
            if job_of(pod) not in there and not is_deleted(pod):
                self.delete_pod(pod["metadata"]["name"])
            self.run(pod)

    # The job controller.

    def control(self, job, pods):
        name = job["metadata"]["name"]
        phases = self.ended.setdefault(name, {})
        if is_deleted(job) or has_ended(job):
            for pod in pods:
                own = pod["metadata"]["name"]
                if not is_deleted(pod) and (is_deleted(job) or own not in self.finished()):
                    self.delete_pod(own)
            if is_deleted(job) and not pods:
                self.remove_job(job)
            return
        if job["spec"].get("suspend"):
            return
        there = {pod["metadata"]["name"] for pod in pods}
        for index in range(job["spec"]["completions"]):
            if f"{name}-{index}" not in there and index not in phases:
                self.make_pod(job, index)
        if "Failed" in phases.values():
            self.set_job_status(job, self.job_status(job, "Failed", "FailureTarget"))
        elif len(phases) == job["spec"]["completions"]:
            self.set_job_status(job, self.job_status(job, "Complete", "SuccessCriteriaMet"))

    def finished(self):
        return {f"{job}-{index}" for job, phases in self.ended.items() for index in phases}

    @staticmethod
    def job_status(job, *types):
        common = {"status": "True", "lastProbeTime": now(), "lastTransitionTime": now()}
        if types[0] == "Failed":
            words = {
                "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
            }
            counts = {"failed": job["spec"]["completions"]}
        else:
            words = {
                "reason": "CompletionsReached",
                "message": "Reached expected number of succeeded pods",
            }
            counts = {"succeeded": job["spec"]["completions"], "completionTime": now()}
        return {
            "startTime": now(),
            "conditions": [{"type": one, **words, **common} for one in reversed(types)],
            **counts,
        }

    def make_pod(self, job, index):
        name, template = job["metadata"]["name"], job["spec"]["template"]
        metadata = {
            "name": f"{name}-{index}",
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"],
            "annotations": {
                **template["metadata"]["annotations"],
                "batch.kubernetes.io/job-completion-index": str(index),
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": name,
                    "uid": job["metadata"]["uid"],
                    "controller": True,
                }
            ],
        }
        spec = dict(template["spec"])
        if not (self.show or {}).get("conditions"):
            spec["nodeName"] = "node-1"  # the scheduler has found room
        problem = self.create_pod(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        )
        if problem:
            self.tell_failure(job, "Error creating: " + problem)

    # The node.

    def run(self, pod):
        name = pod["metadata"]["name"]
        container = self.containers.get(name)
        if container is not None:
            self.watch(pod, container)
        elif is_deleted(pod):
            self.remove_pod(name)
        elif self.show is not None:
            shown = pod.get("status", {})
            if any(shown.get(key) != value for key, value in self.show.items()):
                self.set_pod_status(name, self.show)
        elif name not in self.finished():
            self.start(pod)

    def start(self, pod):
        name, secret = pod["metadata"]["name"], self.secret(job_of(pod))
        if secret is None:
            return  # it waits, as in a cluster
        self.containers[name] = Container(pod, self.folder, secret, self.container_environment)
        running = container_status("running", {"startedAt": now()}, "image")
        self.set_pod_status(
            name, {"phase": "Running", "startTime": now(), "containerStatuses": [running]}
        )

    def watch(self, pod, container):
        name, job = pod["metadata"]["name"], job_of(pod)
        status = container.status()
        if status is None:
            if is_deleted(pod):
                container.end()
            return
        index = int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])
        if index not in self.ended[job]:
            self.ended[job][index] = status["phase"]
            self.set_pod_status(name, status)
        if is_deleted(pod):
            self.remove_pod(name)
            del self.containers[name]

    # For tests.

    def wait_pods(self, count, phase="Running"):
        def there():
            assert not self.trouble, self.trouble
            found = [one for one in self.pods() if one.get("status", {}).get("phase") == phase]
            return found if len(found) == count else None

        return wait_until(there, f"{count} pods that are {phase}", 240)

    def wait_empty(self):
        wait_until(
            lambda: not [one for one in self.jobs() if not has_ended(one)] and not self.alive(),
            "jobs and workers to be gone",
            240,
        )

    def alive(self):
        return [one for one in self.containers.values() if one.process.poll() is None]


class FakeCluster(Cluster):
    def begin(self):
        # What making a pod says instead of making it.
        self.no_pods = None
        self.objects = Objects(os.path.join(self.folder, "objects"))
        os.mkdir(self.objects.folder)
        self.objects.make()
        commands = os.path.join(self.folder, "commands")
        os.mkdir(commands)
        kubectl = os.path.join(commands, "kubectl")
        fake = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_kubectl.py")
        with open(kubectl, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n')
        os.chmod(kubectl, 0o755)
        self.environment = {
            "PATH": commands + os.pathsep + os.environ["PATH"],
            "FAKE_KUBERNETES": self.objects.folder,
        }

    def finish(self):
        pass

    def say(self, name, text):
        """What kubectl answers from now on; None: what it should."""
        path = os.path.join(self.objects.folder, name)
        if text is None:
            os.remove(path)
            return
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def jobs(self):
        return self.objects.list("jobs")

    def pods(self):
        return self.objects.list("pods")

    def secrets(self):
        return self.objects.list("secrets")

    def secret(self, name):
        found = [one for one in self.secrets() if one["metadata"]["name"] == name]
        return found[0]["stringData"] if found else None

    def create_pod(self, pod):
        if self.no_pods:
            return self.no_pods
        self.objects.create("pods", {**pod, "status": {"phase": "Pending"}})
        return None

    @contextlib.contextmanager
    def no_more_pods(self):
        """Inside the block, the namespace's quota of pods is used up."""
        self.no_pods = 'pods "odd" is forbidden: exceeded quota: compute, requested: pods=1'
        yield
        self.no_pods = None

    def set_pod_status(self, name, status):
        self.objects.change("pods", name, lambda pod: pod["status"].update(status))

    def delete_pod(self, name):
        self.objects.change("pods", name, mark_deleted)

    def remove_pod(self, name):
        self.objects.remove("pods", name)

    def set_job_status(self, job, status):
        self.objects.change("jobs", job["metadata"]["name"], lambda one: one.update(status=status))

    def remove_job(self, job):
        # What belongs to it goes with it.
        self.objects.remove("jobs", job["metadata"]["name"])
        self.objects.remove("secrets", job["metadata"]["name"])

    def tell_failure(self, job, message):
        event = {
            "kind": "Event",
            "message": message,
            "lastTimestamp": now(),
            "reason": "FailedCreate",
        }
        event["involvedObject"] = {"kind": "Job", "name": job["metadata"]["name"]}
        event["metadata"] = {"name": job["metadata"]["name"]}
        self.objects.remove("events", job["metadata"]["name"])
        self.objects.create("events", event)

    def evict(self, pod):
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
        }
        condition["message"] = "Eviction API: evicting"

        def mark(one):
            one["status"]["conditions"] = [condition]
            mark_deleted(one)

        self.objects.change("pods", pod["metadata"]["name"], mark)

    def delete_job(self, name):
        """As somebody does with kubectl."""
        self.objects.change("jobs", name, mark_deleted)
