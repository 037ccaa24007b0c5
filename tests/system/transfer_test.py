#!/usr/bin/env python3
"""Bytes on poor lines and in crowds: what is cut goes on where it stopped, and two who move one thing both succeed."""

import hashlib
import json
import os
import random
import socket
import subprocess
import threading
import unittest

from by_hand import program, wait_until
from service import Service, write_recipe

MIB = 1 << 20
# What the kernels and gRPC may hold of one direction of a connection when it ends: the largest buffers of both ends of the line.
UNDER_WAY = 12 * MIB


class CutLine:
    """A TCP proxy that ends each connection after so many bytes in one direction, and counts what came through.

    The first `dead` connections are not ended: they stay open, and nothing moves on them any more."""

    def __init__(self, target, cut_every, dead=0):
        host, port = target.rsplit(":", 1)
        self.target, self.cut_every = (host, int(port)), cut_every
        self.carried = {"up": 0, "down": 0}
        self.cuts, self.dead, self.kept = 0, dead, []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            for ends in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()
            del client, server, ends  # so that the pumps' ends close them

    def pump(self, source, sink, way):
        carried = 0
        try:
            while carried < self.cut_every:
                data = source.recv(1 << 16)
                if not data:
                    break
                sink.sendall(data)
                carried += len(data)
                with self.lock:
                    self.carried[way] += len(data)
            else:
                with self.lock:
                    self.cuts += 1
                    if self.cuts <= self.dead:
                        self.kept += [source, sink]
                        return
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for end in (self.listener, *self.kept):
            end.close()


class Transfers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=0)
        cls.service.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def payload(self, name, size):
        folder = os.path.join(self.service.folder, name)
        os.makedirs(folder)
        with open(os.path.join(folder, "payload.bin"), "wb") as out:
            out.write(random.Random(name).randbytes(size))
        return folder

    def braid(self, *words):
        return [program("braid"), "--dir", os.path.join(self.service.folder, "state"), *words]

    def test_a_worker_goes_on_where_a_cut_ended_it(self):
        """The source of a corpus comes over a line that is cut every few MiB: all that comes down is little more than it."""
        size, cut = 48 * MIB, 14 * MIB
        line = CutLine(self.service.endpoint()["grpc"], cut)
        path = write_recipe(
            self.service.folder, {"tales": [], "sums": ["a few words to learn from"] * 50}, steps=5
        )
        rows = random.Random(1)
        with open(os.path.join(self.service.folder, "tales.jsonl"), "w", encoding="utf-8") as out:
            while out.tell() < size:
                out.write(json.dumps({"text": rows.randbytes(2000).hex()}) + "\n")
        run = self.service.submit(path, "--only", "tokenizer")
        folder = os.path.join(self.service.folder, "far")
        with open(folder + ".log", "w", encoding="utf-8") as log:
            worker = subprocess.Popen(
                [
                    program("braid-worker"),
                    "--coordinator",
                    line.address,
                    "--token-file",
                    self.service.endpoint()["token_file"],
                    "--dir",
                    folder,
                    "--id",
                    "far",
                    "--slots",
                    "1",
                ],
                env=self.service.environment,
                stderr=log,
            )
        try:
            self.service.run("wait", run, "--timeout", "250s")
        finally:
            worker.terminate()
            worker.wait(timeout=60)
            line.close()
        self.assertGreaterEqual(line.cuts, 3)
        # What was under way when a connection ended comes again.
        self.assertLess(line.carried["down"], size + (line.cuts + 1) * UNDER_WAY)

    def test_a_command_goes_on_where_a_cut_ended_it(self):
        size = 48 * MIB
        folder = self.payload("cut", size)
        artifact = ""
        for way, words in (("up", ("artifact", "put", folder)), ("down", ("artifact", "get"))):
            line = CutLine(self.service.endpoint()["grpc"], 14 * MIB)
            if way == "down":
                words += (artifact, "--out", folder + "-back")
            done = subprocess.run(
                [
                    program("braid"),
                    "--addr",
                    line.address,
                    "--token-file",
                    self.service.endpoint()["token_file"],
                    *words,
                ],
                capture_output=True,
                text=True,
                env=self.service.environment,
                timeout=250,
            )
            line.close()
            self.assertEqual(done.returncode, 0, done.stderr)
            artifact = done.stdout.strip()
            self.assertGreaterEqual(line.cuts, 2)
            self.assertLess(line.carried[way], size + (line.cuts + 1) * UNDER_WAY)
        with (
            open(os.path.join(folder, "payload.bin"), "rb") as was,
            open(os.path.join(folder + "-back", "payload.bin"), "rb") as came,
        ):
            self.assertEqual(
                hashlib.sha256(came.read()).digest(), hashlib.sha256(was.read()).digest()
            )

    def test_a_line_that_is_dead_without_being_cut_is_left(self):
        line = CutLine(self.service.endpoint()["grpc"], 14 * MIB, dead=1)
        done = subprocess.run(
            [
                program("braid"),
                "--addr",
                line.address,
                "--token-file",
                self.service.endpoint()["token_file"],
                "artifact",
                "put",
                self.payload("dead", 20 * MIB),
            ],
            capture_output=True,
            text=True,
            env=self.service.environment,
            timeout=250,
        )
        line.close()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(line.cuts, 1)

    def test_two_who_send_or_fetch_one_thing_both_succeed(self):
        folder = self.payload("both", 60 * MIB)
        said = []
        for words in (("artifact", "put", folder), ("artifact", "get")):
            if said:
                words += (said[0], "--out", folder + "-back")
            both = [
                subprocess.Popen(
                    self.braid(*words),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=self.service.environment,
                )
                for _ in range(3)
            ]
            for process in both:
                out, errors = process.communicate(timeout=250)
                self.assertEqual(process.returncode, 0, errors)
                if not said or words[1] == "put":
                    said.append(out.strip())
        self.assertEqual(len(set(said)), 1)
        self.assertEqual(os.listdir(folder + "-back"), ["payload.bin"])
        uploads = os.path.join(self.service.folder, "state", "coordinator", "store", "uploads")
        wait_until(lambda: not os.listdir(uploads), "the uploads of all to be gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)
