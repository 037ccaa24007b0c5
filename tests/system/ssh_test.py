#!/usr/bin/env python3
"""Workers that are put on a host by ssh: what keeps one from it is said, and what there is runs, through a tunnel that
comes back, until it is removed and nothing is left."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import unittest

import by_hand
from by_hand import program, wait_until
from service import Service, write_recipe
from slurm_bed import PATIENCE_S
from ssh_bed import SshBed, shell_is_usable


def site_of_torch():
    """The folder of Python packages with the torch that the programs load."""
    said = subprocess.run(
        ["ldd", program("braid-trainer")], capture_output=True, text=True, check=True
    ).stdout
    (line,) = [line for line in said.splitlines() if "libtorch_cpu.so =>" in line]
    return line.split("=> ")[1].split("/torch/lib/")[0]


class Lab(Service):
    def __init__(self):
        super().__init__(workers=0)
        self.bed = SshBed(self.folder, self.mark)
        self.home = os.path.join(self.folder, "the host")
        self.environment["TMPDIR"] = self.folder  # of commands that the test kills

    def __enter__(self):
        try:
            self.bed.__enter__()
            self.python = self.bed.at("programs/python-with-torch")
            self.write_python(self.python, f"PYTHONPATH='{site_of_torch()}'")
            self.write_python(self.bed.at("programs/python-without"), "PYTHONPATH=/nowhere", "-S")
            return super().__enter__()
        except BaseException:
            self.bed.__exit__()
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder)
            raise

    def write_python(self, path, environment, *words):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n{environment} exec "{sys.executable}" {" ".join(words)} "$@"\n')
        os.chmod(path, 0o755)

    def __exit__(self, *error):
        self.bed.__exit__()
        super().__exit__(*error)

    def add(self, *words, code=0, python=None):
        return self.run(
            "worker", "add", "box", "--ssh-config",
            self.bed.config, "--id", "w1", "--no-unit", "--slots", "1", "--dir", self.home,
            "--python", python or self.python, *words, code=code,
        )  # fmt: skip


class SshTest(unittest.TestCase):
    def setUp(self):
        if not shell_is_usable():
            self.skipTest("this user has no shell that a session of ssh could run")

    def refused(self, lab, words, *more, **named):
        done = lab.add(*more, code=None, **named)
        self.assertNotEqual(done.returncode, 0, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(os.path.join(lab.folder, "state", "hosts", "w1")))

    def test_what_keeps_a_worker_from_a_host_is_said(self):
        with Lab() as lab:
            bed = lab.bed
            self.refused(
                lab,
                ["box: ", "its host key is not known here", "connect once by hand with `ssh box`"],
            )
            self.assertFalse(os.path.exists(bed.at("known")), "no key was taken unseen")
            bed.know()
            os.rename(bed.at("authorized"), bed.at("authorized.away"))
            self.refused(lab, ["Permission denied", "`ssh-copy-id box` brings a key there"])
            os.rename(bed.at("authorized.away"), bed.at("authorized"))
            self.refused(
                lab,
                ["python-without has no torch that can be used", "another Python with --python"],
                python=bed.at("programs/python-without"),
            )
            self.refused(lab, ["it has no python-of-nobody"], python="python-of-nobody")
            bed.say("uname", "Linux")
            self.refused(lab, ["its processor is Linux, and the programs here are for "])
            bed.say("uname", None)
            bed.say("df", "/dev/disk 1000 990 10 99% /")
            self.refused(lab, [" KiB left, and ", "name another folder with --dir"])
            bed.say("df", None)
            self.refused(
                lab,
                ["it does not reach the coordinator at 127.0.0.1:1 ", "leave it out for a tunnel"],
                "--address",
                "127.0.0.1:1",
            )
            self.refused(
                lab, ["the coordinator speaks no TLS"], "--address", "login.example.org:7070"
            )
            os.makedirs(lab.home, exist_ok=True)
            with open(os.path.join(lab.home, ".braid-worker"), "w", encoding="utf-8") as file:
                file.write("login:/home/eve/.braid\n")
            self.refused(lab, ["is of a worker that was added from login:/home/eve/.braid"])
            shutil.rmtree(lab.home)
            bed.stop()
            self.refused(lab, ["Connection refused", "is sshd running"])
            self.assertIn(
                "no worker w1 was added", lab.run("worker", "tunnel", "w1", code=3).stderr
            )

    def test_a_worker_by_ssh_through_a_tunnel_that_breaks(self):
        with Lab() as lab:
            lab.bed.know()
            said = lab.add()
            self.assertEqual(said.stdout, "w1\n")
            self.assertIn("copying programs", said.stderr)
            self.assertIn("w1: connected", said.stderr)
            (host,) = lab.json("worker", "hosts")
            self.assertEqual((host["id"], host["host"], host["link"]), ("w1", "box", "READY"))
            self.assertTrue(host["tunnel_kept"])
            self.assertEqual(host["folder"], lab.home)

            # The connection dies, and the worker dies: both come back.
            (tunnel,) = lab.processes("ssh", ("-R",))
            os.kill(tunnel, signal.SIGKILL)
            wait_until(
                lambda: set(lab.processes("ssh", ("-R",))) - {tunnel}, "another tunnel", PATIENCE_S
            )
            (worker,) = lab.processes("braid-worker")
            os.kill(worker, signal.SIGKILL)
            wait_until(
                lambda: set(lab.processes("braid-worker")) - {worker}, "another worker", PATIENCE_S
            )
            recipe = write_recipe(lab.folder, by_hand.small_texts(), steps=10)
            run = lab.submit(recipe, "--only", "path_tales")
            done = lab.run("wait", run, "--timeout", "280s")
            self.assertEqual(done.stdout, "SUCCEEDED\n")
            self.assertEqual(lab.job(run, "path_tales")["attempts"][-1]["workers"], ["w1"])

            # Again: what is there is not copied, and the worker is another process with another token.
            # So is the tunnel: the host or the options of ssh may be others now.
            (worker,) = lab.processes("braid-worker")
            (tunnel,) = lab.processes("ssh", ("-R",))
            again = lab.add("--label", "room=12")
            self.assertNotIn("copying", again.stderr)
            wait_until(
                lambda: worker not in lab.processes("braid-worker")
                and tunnel not in lab.processes("ssh", ("-R",)),
                "the worker and the tunnel of before to end",
                PATIENCE_S,
            )
            tokens = [
                one for one in lab.json("token", "list")["credentials"] if one["name"] == "w1"
            ]
            self.assertEqual(len([one for one in tokens if "endedMs" not in one]), 1)

            # It cannot be removed while its host is away, but for its membership.
            lab.bed.stop()
            refused = lab.run("worker", "remove", "w1", code=None).stderr
            self.assertIn("worker w1 is not removed (with --force its membership ends", refused)
            lab.bed.start()
            self.assertEqual(lab.run("worker", "remove", "w1").stdout, "w1\n")
            self.assertFalse(os.path.exists(lab.home))
            wait_until(
                lambda: not lab.processes("braid-worker") and not lab.processes("ssh"),
                "the worker and its tunnel to end",
                PATIENCE_S,
            )
            self.assertEqual(lab.json("worker", "hosts"), [])

    def test_a_host_that_lets_nothing_through(self):
        with Lab() as lab:
            lab.bed.stop()
            lab.bed.start(forwarding="no")
            lab.bed.know()
            # Nobody waits for the worker to connect, which it cannot.
            add = lab.start_command(
                "worker", "add", "box", "--ssh-config", lab.bed.config, "--id", "w1", "--no-unit",
                "--dir", lab.home, "--python", lab.python,
            )  # fmt: skip
            log = os.path.join(lab.folder, "state", "hosts", "w1", "tunnel.log")

            def said():
                if not os.path.exists(log):
                    return False
                with open(log, encoding="utf-8") as file:
                    return "its sshd lets nothing through (AllowTcpForwarding" in file.read()

            wait_until(said, "the trouble in the tunnel's log", PATIENCE_S)
            add[0].kill()
            add[0].wait()
            add[1].close()
            lab.bed.stop()
            forced = lab.run("worker", "remove", "w1", "--force")
            self.assertIn("what is on the host stays: " + lab.home, forced.stderr)
            self.assertEqual(lab.json("worker", "hosts"), [])
            for pid in lab.processes("sh", ("./keep",)) + lab.processes("braid-worker"):
                with contextlib.suppress(ProcessLookupError):  # its keeper may have ended it
                    os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not lab.processes("braid-worker"), "the worker to end", PATIENCE_S)
            wait_until(
                lambda: not lab.processes("sh", ("./keep",)), "its keeper to end", PATIENCE_S
            )


if __name__ == "__main__":
    unittest.main(verbosity=2)
