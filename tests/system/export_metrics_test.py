#!/usr/bin/env python3
"""braid export --csv and --tensorboard of a real run, read back by csv and by TensorBoard itself; braid top in a terminal."""

import contextlib
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unittest

from by_hand import small_texts
from service import Service, write_recipe

sys.dont_write_bytecode = True


def scalars(folder):
    """Tag -> [(step, value)] as TensorBoard reads the folder."""
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.util import tensor_util

    found = {}
    (name,) = os.listdir(folder)
    for event in event_file_loader.EventFileLoader(os.path.join(folder, name)).Load():
        for value in event.summary.value:
            number = tensor_util.make_ndarray(value.tensor).item()
            found.setdefault(value.tag, []).append((event.step, number))
    return found


class Screen:
    """A program in a pseudo terminal. `text` is what was printed since the last key."""

    def __init__(self, command, environment, columns=100, rows=30):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment, "TERM": "xterm"})
        self.size(columns, rows)
        self.text = ""

    def size(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, pattern, limit_s=120):
        """Reads until the pattern is there."""
        end = time.monotonic() + limit_s
        while not re.search(pattern, self.text):
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{pattern} did not appear:\n{self.text}")
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError as error:
                raise AssertionError(f"it ended before {pattern}:\n{self.text}") from error

    def press(self, keys):
        self.text = ""
        os.write(self.fd, keys.encode())

    def close(self):
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def end(self):
        """What is printed until it ends, and its exit code."""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode("utf-8", "replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class ExportAndTop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=2)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        cls.service.start()
        texts = {corpus: small_texts()[corpus] for corpus in ("tales", "sums")}
        cls.recipe = write_recipe(cls.service.folder, texts, 40, 20)
        cls.out = os.path.join(cls.service.folder, "out put")
        cls.run_id = cls.service.submit(cls.recipe, "--only", "path_tales", "--only", "path_sums")
        cls.following = cls.service.start_command(
            "export",
            cls.run_id,
            "--tensorboard",
            "--out",
            os.path.join(cls.out, "live"),
            "--follow",
        )
        cls.service.run("wait", cls.run_id)

    def exported(self, *words):
        return self.service.run("export", self.run_id, *words).stdout.split("\n")[:-1]

    def points(self, job):
        found = {}
        for step, values in self.service.metrics(self.run_id, job).items():
            for name, value in json.loads(values).items():
                found.setdefault(name, []).append((step, value))
        return found

    def test_tables_read_back_as_the_same_numbers(self):
        folder = os.path.join(self.out, "tables")
        files = self.exported("--csv", "--out", folder)
        self.assertEqual(sorted(map(os.path.basename, files)), ["path_sums.csv", "path_tales.csv"])
        for file in files:
            job = os.path.basename(file)[:-4]
            with open(file, newline="", encoding="utf-8") as text:
                rows = list(csv.DictReader(text))
            read = {}
            for row in rows:
                for name, value in row.items():
                    if name != "step" and value != "":
                        read.setdefault(name, []).append((int(row["step"]), float(value)))
            self.assertEqual(read, self.points(job))
            self.assertEqual(len(rows), 40)

    def test_event_files_are_those_of_tensorboard_followed_or_not(self):
        folder = os.path.join(self.out, "events")
        self.exported("--tensorboard", "--out", folder)
        self.service.finish_command(self.following, timeout_s=600)
        for job in ("path_tales", "path_sums"):
            wanted = {
                name: [
                    (step, struct.unpack("f", struct.pack("f", value))[0]) for step, value in points
                ]
                for name, points in self.points(job).items()
            }
            self.assertEqual(scalars(os.path.join(folder, job)), wanted)
            self.assertEqual(scalars(os.path.join(self.out, "live", job)), wanted)
        again = self.service.run("export", self.run_id, "--tensorboard", "--out", folder, code=None)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("is there already, and TensorBoard would draw both", again.stderr)

    def test_top_in_a_terminal(self):
        screen = Screen(
            self.service.command(["top", "--interval", "0.2"]), self.service.environment
        )
        self.addCleanup(screen.close)
        screen.wait(r"0 runs active, 2 workers ready")
        screen.wait(re.escape(self.run_id))
        screen.press("\r")
        screen.wait(r"run small: ")
        screen.wait(r"path_tales.*SUCCEEDED")
        screen.wait("[\u2801-\u28ff]{20}")  # a curve
        screen.press("j" * 20)  # to the last job
        screen.wait(r"\[7mpath_sums")
        screen.press("k" * 20 + "jjj")
        screen.wait(r"\[7mpath_tales")
        screen.press("\r")
        screen.wait(r"log of ")
        screen.wait(r"\d{4}-\d\d-\d\dT")  # a line of the log
        screen.size(60, 12)
        os.kill(screen.pid, signal.SIGWINCH)
        screen.wait(r"\x1b\[12;1H")
        screen.press("\x1b[D")
        screen.wait(r"esc: back")
        screen.press("h")
        screen.press("\t")
        screen.wait(r"worker-1")
        screen.press("q")
        self.assertEqual(screen.end(), 0)
        self.assertTrue(screen.text.rstrip("\r\n").endswith("\x1b[?25h\x1b[?1049l"), screen.text)

    def test_top_without_a_terminal(self):
        done = self.service.run("top", code=None)
        self.assertIn("this is no terminal: --once prints one frame", done.stderr)
        frame = self.service.run("top", self.run_id, "--once").stdout
        self.assertIn("run small: ", frame)
        self.assertRegex(frame, r"path_tales +train +SUCCEEDED +[\d.]+ +[\u2801-\u28ff]+")
        self.assertNotIn("\x1b", frame)

    def test_top_ends_by_a_signal_as_by_a_key(self):
        screen = Screen(self.service.command(["top"]), self.service.environment)
        screen.wait(r"workers ready")
        os.kill(screen.pid, signal.SIGTERM)
        self.assertEqual(screen.end(), 0)
        self.assertIn("\x1b[?1049l", screen.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
