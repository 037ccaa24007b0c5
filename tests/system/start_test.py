#!/usr/bin/env python3
"""What cannot start says why at once, in one line, and leaves nothing behind."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from by_hand import program, wait_until
from service import Braid, Service

NOBODY = 65534


class Start(unittest.TestCase):
    def setUp(self):
        self.braid = Braid(tempfile.mkdtemp(prefix="braid-start-"))
        self.state = os.path.join(self.braid.folder, "state")

    def tearDown(self):
        left = self.left()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.braid.folder)
        self.assertEqual(left, [])

    def left(self):
        """Processes that do not end; those of --detach may do so a moment after the command."""
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.braid.processes(), "the last processes to end", 10)
        return self.braid.processes()

    def refused(self, *words, up=(), code=1, **more):
        """`up` in both ways ends by itself with all `words`, and nothing is left."""
        for detach in ((), ("--detach",)):
            done = self.braid.run("up", "--workers", "1", *detach, *up, code=code, **more)
            for word in words:
                self.assertIn(word, done.stderr)
            self.assertNotIn("is up already", done.stderr)
            self.assertNotIn("did not come up", done.stderr)
            self.assertEqual(self.left(), [])
            for name in ("up.json", "address.json"):
                self.assertFalse(os.path.exists(os.path.join(self.state, name)), name)

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            for flag in ("--listen", "--http"):
                self.refused(
                    "coordinator cannot start",
                    f"cannot listen on {address}",
                    "is another program using that port?",
                    up=(flag, address),
                )
        self.refused("10.1.2.3", "address of this machine?", up=("--listen", "10.1.2.3:0"))
        self.refused("10.1.2.3", "address of this machine?", up=("--http", "10.1.2.3:0"))
        # With a port that is free it comes up.
        self.braid.run("up", "--workers", "1", "--detach")
        self.braid.run("down")

    def test_a_lock_that_cannot_be_opened(self):
        os.makedirs(os.path.join(self.state, "up.lock"))
        self.refused(f"opening {self.state}/up.lock: Is a directory", "--dir")
        shutil.rmtree(self.state)
        for folder, name in (("coordinator", "coordinator.lock"), ("worker-1", "worker.lock")):
            os.makedirs(os.path.join(self.state, folder, name))
            self.refused("cannot start", f"{folder}/{name}: Is a directory")
            shutil.rmtree(self.state)

    def test_a_state_folder_that_may_not_be_written(self):
        """Another user's where this test may become another user, else one that is closed."""
        os.makedirs(self.state)
        other, whose = {}, "another --dir"
        if os.geteuid() == 0:
            os.chmod(self.braid.folder, 0o755)
            other, whose = (
                {"user": NOBODY, "group": NOBODY, "extra_groups": []},
                "belongs to user root",
            )
            if (
                subprocess.run(["test", "-x", program("braid")], **other, check=False).returncode
                != 0
            ):
                self.skipTest("the programs are in a folder that other users cannot enter")
        else:
            os.chmod(self.state, 0o500)
        try:
            self.refused(f"opening {self.state}/up.lock: Permission denied", whose, code=4, **other)
        finally:
            os.chmod(self.state, 0o700)
        address = os.path.join(self.state, "address.json")
        with open(address, "w", encoding="utf-8") as out:
            out.write('{"grpc": "127.0.0.1:1"}')
        os.chmod(address, 0o600 if other else 0o000)
        if other:
            os.chmod(self.state, 0o755)
        self.assertIn(
            f"{address}: Permission denied", self.braid.run("list", "runs", code=4, **other).stderr
        )

    def test_a_folder_that_cannot_be_written(self):
        for name in ("logs", "coordinator", "worker-1"):
            os.makedirs(self.state)
            path = os.path.join(self.state, name)
            with open(path, "w", encoding="utf-8"):
                pass
            self.refused(path, code=None)
            shutil.rmtree(self.state)
        os.makedirs(os.path.join(self.state, "coordinator", "token"))
        self.refused("coordinator/token", "cannot start")

    def test_programs_that_are_not_there(self):
        empty = os.path.join(self.braid.folder, "empty")
        os.makedirs(empty)
        self.refused(
            f"coordinator cannot start: starting {empty}/braid-coordinator: No such file or directory",
            up=("--bin", empty),
            code=3,
        )
        shutil.copy(program("braid-coordinator"), empty)
        self.refused(
            f"worker-1 cannot start: starting {empty}/braid-worker: No such file or directory",
            up=("--bin", empty),
            code=3,
        )
        shutil.copy(program("braid-worker"), empty)
        self.refused(
            "worker-1 cannot start: a task program is missing",
            f"{empty}/braid-prepare: No such file or directory",
            "--bin",
            up=("--bin", empty),
        )

    def test_a_disk_that_is_full(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        self.refused("coordinator cannot start", "braid.db", preexec_fn=small_files)

    def test_a_folder_in_use(self):
        with Service(workers=1) as service:
            done = service.run("up", "--detach", code=5)
            self.assertIn("is up already", done.stderr)

    def test_what_did_run_is_started_again(self):
        with Service(workers=1) as service:
            (pid,) = service.processes("braid-coordinator")
            os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda: service.processes("braid-coordinator") not in ([], [pid]),
                "the coordinator to be started again",
            )
            service.wait_ready()


if __name__ == "__main__":
    unittest.main(verbosity=2)
