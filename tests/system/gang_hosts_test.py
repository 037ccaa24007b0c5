#!/usr/bin/env python3
"""Gangs across hosts, through the real programs: ranks on two hosts give the bits of two ranks on one, through cuts and
lost hosts; hosts that do not reach each other are not put together, and the job says why."""

import hashlib
import os
import re
import shutil
import signal
import tempfile
import unittest

import by_hand
import network_bed
from by_hand import program, wait_until
from hold import held_at, prepare_holds
from network_bed import Bed
from service import Braid, wait_job, write_recipe

STEPS = 1500
JOINT = (
    "{ranks: 2, batch: 4, accumulate: 1, epochs: 10000000, optimizer: {lr: 2e-3}, "
    "checkpoint: {steps: 50, seconds: 0}, steps: %d%s}"
)
JOB = "joint:composite"
BEAT_MS, TTL_MS, PATIENCE_MS = 100, 2000, 2000


class Lab(Braid):
    """A coordinator on a host of its own; workers on others reach it through proxies on their own loopback, as through
    `ssh -L`."""

    def __init__(self, bed, network):
        super().__init__(tempfile.mkdtemp(prefix="braid-hosts-"))
        prepare_holds(self)
        self.bed, self.head = bed, bed.host(network)
        self.workers, self.lines, self.logs = {}, {}, []
        self.coordinator = self.start(
            self.head,
            "coordinator",
            ["braid-coordinator", "--dir", os.path.join(self.folder, "state", "coordinator")]
            + ["--address-file", os.path.join(self.folder, "state", "address.json")]
            + ["--listen", "127.0.0.1:0", "--site", "head"]
            + ["--heartbeat-interval-ms", str(BEAT_MS), "--ttl-ms", str(TTL_MS)]
            + ["--gang-patience-ms", str(PATIENCE_MS)],
        )
        wait_until(
            lambda: self.run("list", "runs", code=None).returncode == 0, "the coordinator", 60
        )

    def command(self, words):
        return self.head.command(super().command(words))

    def start(self, host, name, words):
        log = open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8")  # noqa: SIM115
        self.logs.append(log)
        return host.popen(
            [program(words[0]), *words[1:]], env=self.environment, stdout=log, stderr=log
        )

    def line(self, host):
        """The tunnel of a host to the coordinator."""
        if host.name not in self.lines:
            port = int(self.endpoint()["grpc"].rpartition(":")[2])
            self.lines[host.name] = self.bed.proxy(host, self.head, port)
        return self.lines[host.name]

    def worker(self, name, host, *words, site="lab"):
        self.workers[name] = self.start(
            host,
            name,
            ["braid-worker", "--coordinator", self.line(host).address, "--slots", "1"]
            + ["--token-file", self.endpoint()["token_file"], "--site", site]
            + ["--dir", os.path.join(self.folder, name), "--id", name, *words],
        )
        wait_until(lambda: self.listed(name).get("link") == "WORKER_READY", f"worker {name}", 60)

    def stop_worker(self, name):
        process = self.workers.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        wait_until(lambda: self.listed(name).get("link") != "WORKER_READY", f"the end of {name}")

    def listed(self, name):
        workers = self.json("worker", "list").get("workers", [])
        return next((worker for worker in workers if worker["id"] == name), {})

    def close(self):
        for process in [*self.workers.values(), self.coordinator]:
            process.send_signal(signal.SIGTERM)
        for process in [*self.workers.values(), self.coordinator]:
            process.wait(timeout=60)
        for log in self.logs:
            log.close()
        shutil.rmtree(self.folder)

    def weights(self, run):
        """File -> digest of the tensors that the joint phase made."""
        folder = tempfile.mkdtemp(dir=self.folder)
        self.run("artifact", "get", self.job(run, JOB)["outputs"]["model"], "--out", folder)
        found = {}
        for name in os.listdir(folder):
            if name.endswith(".safetensors"):
                with open(os.path.join(folder, name), "rb") as file:
                    found[name] = hashlib.sha256(file.read()).hexdigest()
        assert found, os.listdir(folder)
        return found


@network_bed.needs_bed
class GangHostsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bed = Bed().__enter__()
        cls.addClassCleanup(cls.bed.__exit__)
        cls.lan = cls.bed.network("10.77.1.0/24")
        cls.lab = Lab(cls.bed, cls.lan)
        cls.addClassCleanup(cls.lab.close)
        cls.one, cls.two, cls.three = (cls.bed.host(cls.lan) for _ in range(3))
        # The paths, and the joint phase by two ranks on one host.
        cls.lab.worker("w1", cls.one)
        cls.lab.worker("w1b", cls.one)
        recipe = write_recipe(cls.lab.folder, by_hand.small_texts(), steps=20)
        cls.paths = cls.lab.submit(
            recipe, *[word for name in ("path_tales", "path_sums") for word in ("--only", name)]
        )
        cls.lab.run("wait", cls.paths, "--timeout", "120s")
        cls.reference = cls.submit()
        cls.lab.run("wait", cls.reference, "--timeout", "120s")
        cls.expected = cls.lab.weights(cls.reference)
        cls.lab.stop_worker("w1b")

    @classmethod
    def submit(cls, joint=""):
        """Merge, gate and joint phase of the two paths."""
        lab = cls.lab
        words = [
            lab.job(cls.paths, name)["outputs"]["model"] for name in ("path_tales", "path_sums")
        ]
        for corpus in ("tales", "sums"):
            shards = lab.job(cls.paths, "prepare:" + corpus)["outputs"]["shards"]
            words += ["--data", f"{corpus}={shards}"]
        words += ["--joint", JOINT % (STEPS, joint)]
        return lab.run("merge", "start", *words).stdout.strip()

    def attempts(self, run):
        return self.lab.job(run, JOB).get("attempts", [])

    def trains(self, run, hold):
        """Waits until an attempt of the joint phase stands still behind a checkpoint of its own, which is stored; gives
        their number."""
        hold.wait()

        def check(job):
            tries = job.get("attempts", [])
            return (
                tries
                and tries[-1]["state"] == "ATTEMPT_RUNNING"
                and int(job.get("checkpointStep", 0)) > int(tries[-1].get("resumedStep", 0))
            )

        return len(wait_job(self.lab, run, JOB, check, "training")["attempts"])

    def test_1_hosts_that_reach_each_other_give_the_bits_of_one_host_through_a_cut(self):
        self.lab.worker("w2", self.two)
        with held_at(self.lab, JOB) as hold:
            run = self.submit()
            begun = self.trains(run, hold)
            listed = self.lab.listed("w2")
            self.assertEqual(listed["address"], self.two.address)
            self.assertEqual(listed["interface"], "eth0")
            self.assertTrue(listed["reach"][0]["reached"])
            wait_until(
                lambda: "rank 1 of 2" in self.lab.run("logs", run, JOB, "--rank", "1").stdout,
                "the log of the second rank",
            )
            self.lab.line(self.two).cut()
            if not self.two.reset_connections():
                (rank,) = self.lab.processes("braid-trainer", (os.sep + "w2" + os.sep,))
                os.kill(rank, signal.SIGKILL)
        wait_until(lambda: len(self.attempts(run)) > begun, "another attempt")
        self.lab.run("wait", run, "--timeout", "120s")
        attempts = self.attempts(run)
        for attempt in attempts:
            self.assertEqual(sorted(attempt["workers"]), ["w1", "w2"])
        self.assertGreater(int(attempts[-1]["resumedStep"]), 0)
        self.assertEqual(self.lab.weights(run), self.expected)
        self.assertEqual(self.lab.metrics(run, JOB), self.lab.metrics(self.reference, JOB))

    def test_2_a_host_that_falls_silent_frees_its_peer_for_another(self):
        if "w2" not in self.lab.workers:
            self.lab.worker("w2", self.two)
        with held_at(self.lab, JOB) as hold:
            run = self.submit()
            self.trains(run, hold)
            self.lab.worker("w3", self.three)
            self.lab.line(self.two).half_open()
            self.two.unplug()
        again = wait_until(
            lambda: [a for a in self.attempts(run) if sorted(a["workers"]) == ["w1", "w3"]],
            "a gang without the silent host",
        )
        self.assertGreater(int(again[0]["resumedStep"]), 0)
        lost = [a["error"] for a in self.attempts(run) if "w2 (rank" in a.get("error", "")]
        self.assertRegex(
            lost[-1],
            r"^nothing is heard of worker w2 \(rank \d\), and no rank has made a step for \d+ s$",
        )
        self.lab.run("wait", run, "--timeout", "120s")
        self.assertEqual(self.lab.weights(run), self.expected)
        # It comes back, and its rank, which has waited all the time, is stopped.
        self.assertTrue(self.lab.processes("braid-trainer"))
        self.two.plug()
        self.lab.line(self.two).heal()
        wait_until(lambda: not self.lab.processes("braid-trainer"), "the end of the lost rank", 60)
        self.lab.stop_worker("w3")

    def test_3_hosts_that_do_not_reach_each_other_are_not_put_together(self):
        for name in ("w2", "w3"):
            if name in self.lab.workers:
                self.lab.stop_worker(name)
        # The same private addresses at another place: what is dialled there is another machine.
        elsewhere = self.bed.network("10.77.1.0/24")
        next(elsewhere.free)
        far = self.bed.host(elsewhere)
        self.assertEqual(far.address, self.one.address)
        self.lab.worker("w4", far, site="far")
        run = self.submit()
        wait_until(
            lambda: "the ranks of a job stay within one site unless its recipe says"
            in self.pending(run),
            "the reason",
        )
        self.lab.run("cancel", run)
        run = self.submit(", across_sites: true")
        pair = re.compile(
            r"1 at most on workers that can reach each other: w[14] cannot reach w[14] at "
            r"10\.77\.1\.\d+ port \d+: "
        )
        wait_until(lambda: pair.search(self.pending(run)), "a reason that names the pair")
        wait_until(lambda: pair.search(self.lab.run("list", "jobs", run).stdout), "it in the list")
        self.lab.run("cancel", run)

    def test_4_ranks_that_agree_by_outer_steps_go_on_after_one_was_lost(self):
        for name in [name for name in self.lab.workers if name != "w1"]:
            self.lab.stop_worker(name)
        self.lab.worker("w5", self.two, site="far")
        joint = ", across_sites: true, sync: {every: 40, exchange: bf16}"
        whole = self.submit(joint)
        self.lab.run("wait", whole, "--timeout", "120s")
        with held_at(self.lab, JOB) as hold:
            run = self.submit(joint)
            self.trains(run, hold)
            (rank,) = self.lab.processes("braid-trainer", (os.sep + "w5" + os.sep,))
            os.kill(rank, signal.SIGKILL)
        self.lab.run("wait", run, "--timeout", "120s")
        attempts = self.attempts(run)
        self.assertGreater(int(attempts[-1]["resumedStep"]), 0)
        self.assertEqual(int(attempts[-1]["resumedStep"]) % 40, 0)
        self.assertEqual(sorted(attempts[-1]["workers"]), ["w1", "w5"])
        self.assertEqual(self.lab.weights(run), self.lab.weights(whole))
        self.assertEqual(self.lab.metrics(run, JOB), self.lab.metrics(whole, JOB))

    def pending(self, run):
        job = self.lab.job(run, JOB)
        return job.get("pendingDetail", "") if job.get("pending") == "GANG_INCOMPLETE" else ""


if __name__ == "__main__":
    network_bed.main()
