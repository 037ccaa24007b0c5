"""The real API server of Kubernetes, with its etcd, on loopback and in a folder of its own:
scripts/kubernetes-server builds it. It validates, keeps quotas and asks for rights as that of any
cluster does. What else belongs to a cluster (the controllers and the nodes) is played by
kubernetes_bed.py.
"""

import base64
import contextlib
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request

from by_hand import SOURCE_DIR, wait_until
from kubernetes_bed import NAMESPACE, Cluster
from pod_process import now
from slurm_bed import HeldPorts

PROGRAMS = os.path.join(
    os.environ.get("BRAID_BUILD_ROOT", os.path.join(SOURCE_DIR, "build")), "kubernetes"
)
ADMIN = "admin-token-of-a-test"
# It is on loopback, and its certificate is its own.
UNVERIFIED = ssl._create_unverified_context()
GROUPS = {"jobs": "/apis/batch/v1", "rolebindings": "/apis/rbac.authorization.k8s.io/v1"}


def path_of(name):
    return os.path.join(PROGRAMS, name)


def why_no_server():
    """Why there is no real API server to test with; empty if there is one."""
    missing = [
        name for name in ("kube-apiserver", "kubectl", "etcd") if not os.path.exists(path_of(name))
    ]
    if not missing:
        return ""
    return f"there is no {' and no '.join(missing)} in {PROGRAMS}: scripts/kubernetes-server builds it in 20 minutes"


class Refused(Exception):
    """What the API server says no with."""


class RealCluster(Cluster):
    def begin(self):
        self.servers, self.told, self.ports = {}, set(), HeldPorts(3)
        self.etcd_port, peer, self.port = self.ports.ports
        self.start_etcd(peer)
        subprocess.run(
            ["openssl", "genrsa", "-out", self.at("account.key"), "2048"],
            check=True,
            capture_output=True,
        )
        with open(self.at("tokens.csv"), "w", encoding="utf-8") as file:
            file.write(f'{ADMIN},admin,admin,"system:masters"\n')
        self.start_server()
        self.admin = self.write_config("admin", ADMIN)
        # No pod is made that is not as harmless as Kubernetes can demand.
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": labels}})
        # As the controller of service accounts does.
        self.call("POST", self.place("serviceaccounts"), {"metadata": {"name": "default"}})
        self.environment = {
            "PATH": PROGRAMS + os.pathsep + os.environ["PATH"],
            "KUBECONFIG": self.admin,
        }

    def at(self, name):
        return os.path.join(self.folder, name)

    # Its programs.

    def launch(self, name, words):
        # However this test ends, they end with it.
        command = ["setpriv", "--pdeathsig", "KILL", path_of(name), *words]
        with open(self.at(name + ".log"), "a", encoding="utf-8") as log:
            self.servers[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def start_etcd(self, peer):
        client, other = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peer}"
        self.launch(
            "etcd",
            [
                "--data-dir=" + self.at("etcd"),
                "--listen-client-urls=" + client,
                "--advertise-client-urls=" + client,
                "--listen-peer-urls=" + other,
                "--initial-advertise-peer-urls=" + other,
                "--initial-cluster=default=" + other,
            ],
        )

    def start_server(self):
        key = self.at("account.key")
        self.launch(
            "kube-apiserver",
            [
                f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--cert-dir=" + self.at("certificates"),
                "--service-cluster-ip-range=10.0.0.0/24",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + key,
                "--service-account-signing-key-file=" + key,
                "--token-auth-file=" + self.at("tokens.csv"),
                "--authorization-mode=RBAC",
                "--endpoint-reconciler-type=none",
            ],
        )
        wait_until(self.is_ready, "the API server to be ready", 240)

    def is_ready(self):
        for name, server in self.servers.items():
            assert server.poll() is None, f"{name} has ended: see {self.at(name + '.log')}"
        # The rights that Kubernetes comes with are made behind its start.
        roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:discovery"
        try:
            return all(self.call("GET", path) for path in (roles, "/api/v1/namespaces/default"))
        except (OSError, Refused):
            return False

    def stop(self, name):
        server = self.servers.pop(name)
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    @contextlib.contextmanager
    def away(self):
        """Inside the block there is no API server. The nodes go on, and hear nothing."""
        with self.playing:
            self.servers["kube-apiserver"].kill()
            self.stop("kube-apiserver")
            try:
                yield
            finally:
                self.start_server()

    def finish(self):
        for name in reversed(list(self.servers)):
            self.stop(name)
        self.ports.close()

    def write_config(self, name, token, port=None):
        """A kubeconfig, as JSON, which is YAML; its path."""
        address = f"https://127.0.0.1:{port or self.port}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": address, "insecure-skip-tls-verify": True}}
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": "test", "user": name}}],
            "current-context": name,
        }
        path = self.at(name + ".kubeconfig")
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(config, file)
        os.rename(path + ".new", path)
        return path

    # Requests, of the administrator unless a token is given.

    def kubectl(self, *words, text=None):
        done = subprocess.run(
            [path_of("kubectl"), "--kubeconfig=" + self.admin, "--namespace=" + NAMESPACE, *words],
            input=None if text is None else json.dumps(text),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"kubectl {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def apply(self, objects):
        """Server-side, with strict validation: an unknown or a doubled field is an error."""
        return self.kubectl(
            "apply",
            "--server-side",
            "--validate=strict",
            "--filename=-",
            text={"kind": "List", "apiVersion": "v1", "items": list(objects)},
        )

    def call(self, method, path, body=None, kind="application/json", token=ADMIN):
        """What the server answers; None if there is no such object."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + token, "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, timeout=60, context=UNVERIFIED) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise Refused(json.loads(error.read())["message"]) from None

    @staticmethod
    def place(kind, *parts):
        return "/".join((GROUPS.get(kind, "/api/v1"), "namespaces", NAMESPACE, kind, *parts))

    def patch(self, change, *where):
        return self.call("PATCH", self.place(*where), change, "application/merge-patch+json")

    def token_of(self, account):
        """As a pod of this service account has it."""
        made = self.call("POST", self.place("serviceaccounts", account, "token"), {"spec": {}})
        return made["status"]["token"]

    def may(self, token, verb, resource, group="", namespace=NAMESPACE):
        """Whether whoever has the token may do that, as the server itself says."""
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
        review = {"spec": {"resourceAttributes": attributes}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return self.call("POST", path, review, token=token)["status"]["allowed"]

    # What the controllers and the node ask for (kubernetes_bed.py).

    def step(self):
        # As the garbage collector: the list of jobs is the newer one, so that no Secret of a new job is taken.
        secrets = self.secrets()
        super().step()
        there = {job["metadata"]["name"] for job in self.jobs()}
        for secret in secrets:
            if secret["metadata"]["ownerReferences"][0]["name"] not in there:
                self.call("DELETE", self.place("secrets", secret["metadata"]["name"]))

    def own(self, kind):
        """The objects of pools, not those of the chart."""
        return self.call("GET", self.place(kind) + "?labelSelector=braid/job")["items"]

    def jobs(self):
        return self.own("jobs")

    def pods(self):
        return self.own("pods")

    def secrets(self):
        return self.own("secrets")

    def secret(self, name):
        found = self.call("GET", self.place("secrets", name))
        if found is None:
            return None
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    def create_pod(self, pod):
        try:
            self.call("POST", self.place("pods") + "?fieldValidation=Strict", pod)
        except Refused as error:
            return str(error)
        return None

    def set_pod_status(self, name, status):
        self.patch({"status": status}, "pods", name, "status")

    def delete_pod(self, name):
        self.call("DELETE", self.place("pods", name))

    def remove_pod(self, name):
        self.call("DELETE", self.place("pods", name) + "?gracePeriodSeconds=0")

    def set_job_status(self, job, status):
        self.patch({"status": status}, "jobs", job["metadata"]["name"], "status")

    def remove_job(self, job):
        self.patch({"metadata": {"finalizers": None}}, "jobs", job["metadata"]["name"])

    def tell_failure(self, job, message):
        name = job["metadata"]["name"]
        if (name, message) in self.told:
            return
        self.told.add((name, message))
        involved = {"kind": "Job", "name": name, "namespace": NAMESPACE, "apiVersion": "batch/v1"}
        event = {
            "metadata": {"generateName": "failure-"},
            "involvedObject": {**involved, "uid": job["metadata"]["uid"]},
            "reason": "FailedCreate",
            "message": message,
            "type": "Warning",
            "lastTimestamp": now(),
        }
        self.call("POST", self.place("events"), event)

    def evict(self, pod):
        name = pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        self.call("POST", self.place("pods", name, "eviction"), eviction)

    def delete_job(self, name):
        """As somebody does with kubectl."""
        self.kubectl("delete", "job", name, "--wait=false")

    def is_full(self, kind):
        """Whether a quota refuses one more object of this kind."""
        pod = {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "one",
                    "image": "one",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "restartPolicy": "Never",
        }
        one = {"metadata": {"name": "one"}, "spec": pod}
        if kind == "jobs":
            one["spec"] = {"template": {"spec": pod}}
        try:
            self.call("POST", self.place(kind) + "?dryRun=All", one)
        except Refused as error:
            return "exceeded quota" in str(error)
        return False

    def no_more_pods(self):
        return self.used_up("pods")

    @contextlib.contextmanager
    def used_up(self, resource):
        """Inside the block, a quota of the namespace leaves nothing of it."""
        none = {resource: "0"}
        quota = {"metadata": {"name": "spent"}, "spec": {"hard": none}}
        self.call("POST", self.place("resourcequotas"), quota)
        # As the controller of quotas does.
        self.patch({"status": {"hard": none, "used": none}}, "resourcequotas", "spent", "status")
        # The server looks at quotas by what it was told of them, a moment later.
        kind = resource.removeprefix("count/").partition(".")[0]
        wait_until(lambda: self.is_full(kind), f"the quota of {kind} to hold", 60)
        try:
            yield
        finally:
            self.call("DELETE", self.place("resourcequotas", "spent"))
