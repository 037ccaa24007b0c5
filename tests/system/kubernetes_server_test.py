#!/usr/bin/env python3
"""The Helm chart and pools at a real API server of Kubernetes: it takes every object of the chart,
the agent of a pool has the rights that it needs and no others, and all that kubernetes_pool_test.py
asks of pools holds there, too; also while the server is gone, slow, full, or says no."""

import contextlib
import os
import socket
import unittest

import kubernetes_pool_test as pools
from by_hand import wait_until
from helm_test import BLOBS, ELASTIC, POOLS, helm_python, render
from kubernetes_bed import NAMESPACE
from kubernetes_server import RealCluster, Refused, why_no_server

WHY_NOT = why_no_server() or (
    "" if helm_python else "Helm's library is missing: scripts/setup installs it"
)

CHARTS = (
    {},
    {"pools": POOLS, "image": {"pullSecrets": ["mine"]}},
    {"existingSecret": "mine"},
    {"elasticPools": ELASTIC, "coordinator": {"blobs": BLOBS}},
)
# What the agents of pools may do, and what else there is to be done.
MAY = {
    ("create", "jobs"),
    ("list", "jobs"),
    ("delete", "jobs"),
    ("list", "pods"),
    ("list", "events"),
    ("create", "secrets"),
}
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = {
    "": "pods pods/exec pods/log pods/eviction secrets events configmaps services nodes namespaces serviceaccounts "
    "serviceaccounts/token resourcequotas persistentvolumeclaims",
    "batch": "jobs jobs/status cronjobs",
    "apps": "deployments statefulsets",
    "rbac.authorization.k8s.io": "roles rolebindings clusterroles clusterrolebindings",
}


def allowed(cluster, account, namespace=NAMESPACE):
    token = cluster.token_of(account)
    return {
        (verb, resource)
        for group, resources in RESOURCES.items()
        for resource in resources.split()
        for verb in VERBS
        if cluster.may(token, verb, resource, group, namespace)
    }


class ChartCluster(RealCluster):
    """The API server with the chart, and the agents of pools as whom the chart has for it."""

    def begin(self):
        super().begin()
        self.apply(render(CHARTS[-1]).values())
        self.token = self.token_of("lab-pools")
        self.environment["KUBECONFIG"] = self.write_config("agent", self.token)

    @contextlib.contextmanager
    def silent(self):
        """Inside the block, the agents find a server that takes connections and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.write_config("agent", self.token, listener.getsockname()[1])
            try:
                yield
            finally:
                self.write_config("agent", self.token)

    @contextlib.contextmanager
    def no_rights(self):
        """Inside the block, nobody has given the agents the chart's role."""
        binding = self.call("GET", self.place("rolebindings", "lab-pools"))
        self.call("DELETE", self.place("rolebindings", "lab-pools"))
        wait_until(
            lambda: not self.may(self.token, "list", "jobs", "batch"), "the rights to be gone"
        )
        try:
            yield
        finally:
            wanted = {key: binding[key] for key in ("roleRef", "subjects")}
            wanted["metadata"] = {"name": "lab-pools"}
            self.call("POST", self.place("rolebindings"), wanted)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class KubernetesServerTest(pools.KubernetesPoolTest):
    new_cluster = ChartCluster

    def test_the_server_takes_the_whole_chart(self):
        cluster = self.cluster
        for values in CHARTS:
            objects = render(values)
            for _ in range(2):  # the second time as of an upgrade
                said = cluster.apply(objects.values())
                self.assertEqual(said.count("serverside-applied"), len(objects), said)
            for (kind, name), one in objects.items():
                if "template" not in one.get("spec", {}):
                    continue
                # Its controller makes such a pod, in a namespace that takes none but harmless ones.
                template = one["spec"]["template"]
                pod = {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "one", "labels": template["metadata"]["labels"]},
                    "spec": template["spec"],
                }
                if kind == "StatefulSet":
                    volume = {"name": "state", "persistentVolumeClaim": {"claimName": "state"}}
                    pod["spec"] = {**pod["spec"], "volumes": [*pod["spec"]["volumes"], volume]}
                path = cluster.place("pods") + "?dryRun=All&fieldValidation=Strict"
                made = cluster.call("POST", path, pod)
                self.assertEqual(
                    made["spec"]["serviceAccountName"], template["spec"]["serviceAccountName"], name
                )

    def test_an_agent_may_do_what_it_does_and_nothing_else(self):
        cluster = self.cluster
        self.assertEqual(allowed(cluster, "lab-pools"), MAY)
        self.assertEqual(allowed(cluster, "lab-pools", "default"), set())
        for account in ("lab", "lab-coordinator"):
            self.assertEqual(allowed(cluster, account), set(), account)
        # The server does as it says.
        token = cluster.token_of("lab-pools")
        for path in (cluster.place("secrets", "lab"), cluster.place("secrets")):
            with self.assertRaises(Refused) as refused:
                cluster.call("GET", path, token=token)
            self.assertIn("is forbidden", str(refused.exception))

    def check_manifests(self, jobs, secrets):
        """The server has checked them against its schema; what its pods know is in Secrets alone."""
        token = self.lab.token()
        self.assertTrue(jobs)
        for job in jobs:
            self.assertNotIn(token, str(job))
        for secret in secrets:
            (owner,) = secret["metadata"]["ownerReferences"]
            self.assertEqual(owner["name"], secret["metadata"]["name"])

    def wait_trouble(self, words):
        """What the pool complains about now, not at some time before; the text of it."""

        def said():
            trouble = self.lab.pool("odd").get("trouble", "")
            return trouble if words in trouble else None

        return wait_until(said, f"pool odd to say: {words}", pools.PATIENCE_S)

    def through_refusals(self, submit):
        lab, cluster = self.lab, self.cluster
        # Whoever has no rights hears which, and no pool is left behind.
        nobody = cluster.write_config("nobody", cluster.token_of("lab"))
        refused = lab.create("odd", "--kubeconfig", nobody, code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(
            'cannot create resource "jobs" in API group "batch" in the namespace', refused.stderr
        )
        self.assertIn(": whoever the agent is in the cluster needs a Role in ml", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(lab.folder, "state", "pools", "odd")))
        lab.create("odd", "--max-workers", "1", "--until-idle", "10m")
        with cluster.away():
            lab.serve("odd", "--command-timeout-ms", "15000")
            self.wait_trouble("the API server is not reached")
        lab.wait_told("well", "the API server of Kubernetes answers again")
        with cluster.used_up("count/jobs.batch"):
            run = submit()
            said = self.wait_trouble("exceeded quota: spent, requested: count/jobs.batch=1")
            self.assertIn(": a quota of namespace ml is used up", said)
            with cluster.no_rights():
                said = self.wait_trouble('cannot list resource "jobs" in API group "batch"')
                self.assertIn("needs a Role in ml", said)
            with cluster.silent():
                said = self.wait_trouble("no answer of kubectl in 15 s")
                self.assertIn("the API server is slow or not ready", said)
        return run


if __name__ == "__main__":
    unittest.main(verbosity=2)
