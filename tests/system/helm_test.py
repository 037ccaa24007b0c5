#!/usr/bin/env python3
"""The Helm chart: rendered by Helm's own library, checked against the schemas of Kubernetes, and its containers played by
processes of this machine that run the very commands."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import SOURCE_DIR, wait_until
from service import write_recipe
from slurm_bed import HeldPorts

try:
    import helm_python
    import kubernetes_validate
    import yaml
except ImportError as error:
    helm_python = None
    WHY = f"{error}: scripts/setup installs Helm's library and the schemas of Kubernetes"

CHART = os.path.join(SOURCE_DIR, "deploy", "helm", "braid")
POOLS = [
    {
        "name": "gpus",
        "workers": 4,
        "cpus": 8,
        "gpus": 1,
        "memory": "64Gi",
        "untilIdle": "30m",
        "maxTime": "1-00:00:00",
        "queue": "lab",
        "kinds": ["train", "joint"],
        "nodeSelector": {"kind": "gpu"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "options": ["--cache-limit=20GB"],
    },
    {"name": "cpus", "workers": 2, "cpus": 1, "memory": "4Gi"},
]
ELASTIC = [
    {
        "name": "spot",
        "maxWorkers": 8,
        "cpus": 8,
        "gpus": 1,
        "memory": "64Gi",
        "untilIdle": "5m",
        "maxTime": "1-00:00:00",
        "queue": "lab",
        "kinds": ["train", "joint"],
        "nodeSelector": {"kind": "gpu"},
        "tolerations": ["nvidia.com/gpu", "spot=yes:NoSchedule"],
        "options": ["--gpu-resource=amd.com/gpu"],
    },
    {"name": "small", "maxWorkers": 2, "cpus": 1, "memory": "4Gi"},
]
BLOBS = {"address": "s3://models/lab", "cache": "20GB", "secret": "bucket"}
# The oldest for which the chart is, and the newest whose schemas there are.
VERSIONS = ("1.27", "1.37")


def render(values):
    """The objects that the chart makes, by kind and name."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name="lab", namespace="ml")
    found = {}
    for name, text in texts.items():
        for one in yaml.safe_load_all(text) if name.endswith(".yaml") else ():
            if one:
                found[one["kind"], one["metadata"]["name"]] = one
    return found


def pods(objects):
    return [
        one["spec"]["template"]["spec"]
        for one in objects.values()
        if "template" in one.get("spec", {})
    ]


@unittest.skipIf(helm_python is None, "" if helm_python else WHY)
class HelmTest(unittest.TestCase):
    def test_helm_finds_nothing_wrong(self):
        said = helm_python.lint(CHART)
        self.assertEqual(said["errors"], [])
        # An icon is not needed.
        self.assertEqual([one for one in said["messages"] if "icon" not in one["error"]], [])

    def test_kubernetes_knows_every_field(self):
        for values in (
            {},
            {"pools": POOLS, "image": {"pullSecrets": ["mine"]}},
            {"existingSecret": "mine"},
            {"elasticPools": ELASTIC, "coordinator": {"blobs": BLOBS}},
        ):
            for one in render(values).values():
                for version in VERSIONS:
                    kubernetes_validate.validate(one, version, strict=True)

    def test_wrong_values_are_refused_by_name(self):
        for values, said in (
            ({"pools": [{"name": "a", "cpus": 1, "memory": "1Gi"}]}, "missing property 'workers'"),
            ({"pools": [{**POOLS[1], "gpu": 1}]}, "additional properties 'gpu' not allowed"),
            ({"pools": [{**POOLS[1], "memory": "4 GB"}]}, "/pools/0/memory"),
            ({"coordinator": {"name": []}}, "additional properties 'name' not allowed"),
            ({"coordinator": {"blobs": {"address": "models"}}}, "/coordinator/blobs/address"),
            ({"elasticPools": [{**ELASTIC[1], "workers": 1}]}, "'workers' not allowed"),
        ):
            refused = self.assertRaises(helm_python.HelmError)
            with helm_python.Chart.load(CHART) as chart, refused as raised:
                chart.validate_schema(values)
            self.assertIn(said, str(raised.exception))

    def test_pods_have_no_rights_that_they_do_not_need(self):
        objects = render({"pools": POOLS})
        # No right in Kubernetes at all.
        self.assertEqual({kind for kind, _ in objects if "Role" in kind}, set())
        for account in ("lab", "lab-coordinator"):
            self.assertFalse(objects["ServiceAccount", account]["automountServiceAccountToken"])
        self.assertEqual(len(pods(objects)), 3)
        # A role for the bucket, which is given to the coordinator's account, reaches no task.
        accounts = [pod["serviceAccountName"] for pod in pods(objects)]
        self.assertEqual(sorted(accounts), ["lab", "lab", "lab-coordinator"])
        for pod in pods(objects):
            self.assertFalse(pod["automountServiceAccountToken"])
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in pod["containers"] + pod.get("initContainers", []):
                security = container["securityContext"]
                self.assertTrue(security["readOnlyRootFilesystem"])
                self.assertFalse(security["allowPrivilegeEscalation"])
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])
        (coordinator,) = objects["StatefulSet", "lab"]["spec"]["template"]["spec"]["containers"]
        self.assertTrue({"startupProbe", "livenessProbe", "readinessProbe"} < set(coordinator))
        for role, ports in (("coordinator", [{"protocol": "TCP", "port": 7070}]), ("worker", None)):
            policy = objects["NetworkPolicy", "lab-" + role]["spec"]
            self.assertEqual(
                policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"], role
            )
            (rule,) = policy["ingress"]
            self.assertEqual(rule.get("ports"), ports)
            self.assertTrue(all("podSelector" in peer for peer in rule["from"]))
        # Who may reach the service is what the network policy selects.
        selector = objects["Service", "lab"]["spec"]["selector"]
        labels = objects["StatefulSet", "lab"]["spec"]["template"]["metadata"]["labels"]
        self.assertLessEqual(selector.items(), labels.items())

    def test_those_who_ask_for_workers_may_do_that_and_nothing_else(self):
        objects = render({"elasticPools": ELASTIC})
        self.assertEqual(
            objects["Role", "lab-pools"]["rules"],
            [
                {
                    "apiGroups": ["batch"],
                    "resources": ["jobs"],
                    "verbs": ["create", "list", "delete"],
                },
                {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
                {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
            ],
        )
        binding = objects["RoleBinding", "lab-pools"]
        self.assertEqual(binding["roleRef"]["name"], "lab-pools")
        (subject,) = binding["subjects"]
        self.assertEqual((subject["name"], subject["namespace"]), ("lab-pools", "ml"))
        with_token = {
            pod["serviceAccountName"]
            for pod in pods(objects)
            if pod["automountServiceAccountToken"]
        }
        self.assertEqual(with_token, {"lab-pools"})
        for name in ("spot", "small"):
            pod = objects["Deployment", "lab-pool-" + name]["spec"]["template"]["spec"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            for container in pod["containers"] + pod["initContainers"]:
                self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
                self.assertIn("memory", container["resources"]["limits"])
        policy = objects["NetworkPolicy", "lab-pool"]["spec"]
        self.assertNotIn("ingress", policy, "nobody reaches them")

    def test_elastic_pools_are_created_by_commands_that_there_are(self):
        objects = render({"elasticPools": ELASTIC, "image": {"pullSecrets": ["mine"]}})
        with tempfile.TemporaryDirectory() as folder:
            secret = objects["Secret", "lab"]["stringData"]
            for name in ("token", "ca.crt"):
                path = os.path.join(folder, name)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                    file.write(secret[name])
            for pool in ELASTIC:
                words = self.create_words(objects, pool["name"], folder)
                done = subprocess.run([*words, "--no-check"], capture_output=True, text=True)
                self.assertEqual(
                    (done.returncode, done.stdout), (0, pool["name"] + "\n"), done.stderr
                )
            with open(os.path.join(folder, "pools", "spot", "pool.json"), encoding="utf-8") as file:
                made = yaml.safe_load(file)
        self.assertEqual(made["coordinator"], "lab.ml.svc:7070")
        self.assertEqual((made["max_workers"], made["cpu_slots"], made["gpus"]), (8, 8, 1))
        self.assertEqual((made["until_idle"], made["time"]), ("5m", "1-00:00:00"))
        self.assertRegex(made["mark"], "^[0-9a-f]{8}$")
        kubernetes = made["kubernetes"]
        self.assertEqual(kubernetes["image"], "registry.example.org/braid-trainer-cuda:0.1.0")
        self.assertEqual(kubernetes["labels"], ["app.kubernetes.io/instance=lab"])
        self.assertEqual(kubernetes["tolerations"], ELASTIC[0]["tolerations"])
        self.assertEqual(kubernetes["node_selector"], ["kind=gpu"])
        self.assertEqual(kubernetes["pull_secrets"], ["mine"])
        self.assertEqual((kubernetes["queue"], made["memory"]), ("lab", "64Gi"))
        # Another start of the pod finds the jobs of the first; another release does not.
        self.assertEqual(self.mark(objects), self.mark(render({"elasticPools": ELASTIC})))

    def create_words(self, objects, pool, folder):
        """What the first container of an agent's pod runs, on this machine."""
        spec = objects["Deployment", "lab-pool-" + pool]["spec"]["template"]["spec"]
        (create,) = spec["initContainers"]
        words = [
            word.replace("/var/lib/braid", folder).replace("/etc/braid/secret", folder)
            for word in create["args"]
        ]
        self.assertEqual(create["command"][:2], ["sh", "-c"])
        return [by_hand.program("braid"), *words]

    def mark(self, objects):
        spec = objects["Deployment", "lab-pool-spot"]["spec"]["template"]["spec"]
        return [word for word in spec["initContainers"][0]["args"] if word.startswith("--mark=")]

    def test_files_of_artifacts_may_be_in_a_bucket(self):
        (plain,) = render({})["StatefulSet", "lab"]["spec"]["template"]["spec"]["containers"]
        self.assertNotIn("env", plain)
        self.assertFalse([word for word in plain["args"] if "blobs" in word])
        objects = render({"coordinator": {"blobs": BLOBS}})
        (coordinator,) = objects["StatefulSet", "lab"]["spec"]["template"]["spec"]["containers"]
        self.assertLess({"--blobs=s3://models/lab", "--blobs-cache=20GB"}, set(coordinator["args"]))
        keys = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in coordinator["env"]}
        self.assertEqual({one["name"] for one in keys.values()}, {"bucket"})
        self.assertEqual(
            [name for name, one in keys.items() if not one.get("optional")],
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        )

    def test_only_pools_with_gpus_have_the_image_with_cuda(self):
        objects = render({"pools": [*POOLS, {**POOLS[1], "name": "zero", "gpus": 0}]})
        images = {
            one["metadata"]["labels"]["braid/pool"]: pod["containers"][0]["image"]
            for one in objects.values()
            if one["kind"] == "Job"
            for pod in [one["spec"]["template"]["spec"]]
        }
        registry = "registry.example.org/braid-trainer"
        self.assertEqual(
            {name: image.rpartition(":")[0] for name, image in images.items()},
            {"gpus": registry + "-cuda", "cpus": registry, "zero": registry},
        )

    def test_another_pool_is_another_job(self):
        def names(pool):
            return {name for kind, name in render({"pools": [pool]}) if kind == "Job"}

        self.assertEqual(names(POOLS[0]), names(POOLS[0]))
        self.assertNotEqual(names(POOLS[0]), names({**POOLS[0], "cpus": 9}))
        (job,) = (one for (kind, _), one in render({"pools": POOLS[:1]}).items() if kind == "Job")
        self.assertEqual(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "lab")
        (worker,) = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual(worker["resources"]["limits"], {"memory": "64Gi", "nvidia.com/gpu": 1})
        self.assertLess(
            {"--gpus=all", "--kinds=train,joint", "--cache-limit=20GB"}, set(worker["args"])
        )

    def test_what_the_containers_run_trains_a_path(self):
        with Cluster(render({"pools": POOLS[1:]})) as cluster:
            cluster.wait_ready()
            self.assertEqual(
                os.stat(cluster.at("/var/lib/braid/coordinator/token")).st_mode & 0o777, 0o600
            )
            recipe = write_recipe(cluster.folder, by_hand.small_texts(), steps=4)
            braid = ["braid", "--dir", "/var/lib/braid"]
            run = cluster.run([*braid, "submit", recipe, "--only", "path_tales"]).strip()
            cluster.run([*braid, "wait", run, "--timeout", "240s"])
            self.assertIn("lab-cpus-0", cluster.run([*braid, "list", "jobs", run]))
            self.assertEqual(cluster.stop(), [0, 0])


@unittest.skipIf(helm_python is None, "" if helm_python else WHY)
class CloudTest(unittest.TestCase):
    """The examples for SkyPilot and dstack."""

    def test_examples_start_workers_with_options_that_there_are(self):
        words = [by_hand.program("braid-worker"), "--help"]
        known = set(
            re.findall("--[a-z-]+", subprocess.run(words, capture_output=True, text=True).stdout)
        )
        for path, part in (
            ("skypilot/workers.yaml", "run"),
            ("dstack/workers.dstack.yml", "commands"),
        ):
            with open(os.path.join(SOURCE_DIR, "deploy", path), encoding="utf-8") as file:
                lines = yaml.safe_load(file)[part]
            (start,) = re.findall(
                "exec.*braid-worker(.*)",
                " ".join([lines] if isinstance(lines, str) else lines),
                re.S,
            )
            options = set(re.findall("--[a-z-]+", start))
            self.assertLess(
                {"--coordinator", "--token-file", "--ephemeral", "--until-idle"}, options, path
            )
            self.assertLessEqual(options, known, path)


class Cluster:
    """The chart's coordinator and its one pool, each a process; volumes are folders, and names of services this
    machine."""

    def __init__(self, objects):
        self.objects, self.processes = objects, []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="braid-chart-")
        self.ports = HeldPorts(1)
        (self.port,) = self.ports.ports
        os.makedirs(self.at("/etc/braid/secret"))
        os.makedirs(self.at("/var/lib/braid"))
        os.makedirs(self.at("/var/lib/braid-worker"))
        for name, text in self.objects["Secret", "lab"]["stringData"].items():
            with open(self.at("/etc/braid/secret/" + name), "w", encoding="utf-8") as file:
                file.write(text)
        coordinator = self.objects["StatefulSet", "lab"]["spec"]["template"]["spec"]
        (worker,) = (one for (kind, _), one in self.objects.items() if kind == "Job")
        for container in coordinator["initContainers"]:
            self.run([*container["command"], *container["args"]])
        (self.coordinator,) = coordinator["containers"]
        for container in (self.coordinator, *worker["spec"]["template"]["spec"]["containers"]):
            with open(
                os.path.join(self.folder, container["name"] + ".log"), "w", encoding="utf-8"
            ) as log:
                words = self.words([*container["command"], *container["args"]])
                self.processes.append(subprocess.Popen(words, stdout=log, stderr=log))
        return self

    def at(self, path):
        return self.folder + path

    def words(self, words):
        """As this machine has it: folders, programs, ports, and the name of the pod."""
        here = [by_hand.program(words[0]) if words[0].startswith("braid") else words[0]]
        for word in words[1:]:
            for place in ("/var/lib/braid", "/etc/braid"):
                word = word.replace(place, self.folder + place)
            word = word.replace("0.0.0.0:7070", f"127.0.0.1:{self.port}")
            word = word.replace("127.0.0.1:7071", "127.0.0.1:0")
            word = word.replace("lab.ml.svc:7070", f"localhost:{self.port}")
            here.append(word.replace("$(POD_NAME)", "lab-cpus-0"))
        if here[0].endswith("braid-coordinator"):
            here.append("--tls")  # as it does anywhere but on loopback
        return here

    def run(self, words, code=0):
        done = subprocess.run(self.words(words), capture_output=True, text=True, timeout=300)
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{words}: {done.returncode}\n{done.stdout}{done.stderr}{self.logs()}"
            )
        return done.stdout if code is not None else done.returncode

    def logs(self):
        text = ""
        for name in ("coordinator", "worker"):
            path = os.path.join(self.folder, name + ".log")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    text += file.read()
        return text

    def wait_ready(self):
        def ready():
            if any(process.poll() is not None for process in self.processes):
                raise AssertionError("a container has ended: " + self.logs())
            return self.run(self.coordinator["readinessProbe"]["exec"]["command"], code=None) == 0

        wait_until(ready, "the coordinator to be ready", 60)

    def stop(self):
        codes = []
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            codes.append(process.wait(timeout=90))
        self.processes = []
        return codes

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        self.ports.close()
        shutil.rmtree(self.folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
