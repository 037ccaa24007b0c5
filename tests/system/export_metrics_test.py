#!/usr/bin/env python3
"""braid export --csv and --tensorboard of a real run, read back by csv and by TensorBoard itself; braid top and
braid watch in a terminal."""

import csv
import json
import os
import re
import signal
import struct
import sys
import unittest

import by_hand
from by_hand import small_texts
from hold import held_in, prepare_holds
from screen import Screen
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


TRAINING = '"phase":"training"'


class ExportAndTop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=2)
        prepare_holds(cls.service)
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

    def watching(self, run, columns, line):
        """`braid watch` in a terminal of this width that shows both trainings, each in such a line."""
        screen = Screen(
            self.service.command(["watch", run]), self.service.environment, columns, 24, True
        )
        self.addCleanup(screen.close)
        trainings = rf"^path_tales +{line}\npath_sums +{line}\nsmall +\[#+ *\] +\d+ %  .*\Z"
        screen.wait_for(
            lambda: re.search(trainings, screen.display.text(), re.MULTILINE), "both trainings"
        )
        return screen

    def assert_still(self, screen):
        """More is drawn, and everything stays where it is."""
        marks = [(row, line.find("]")) for row, line in enumerate(screen.display.lines)]
        drawn = screen.text.count("\x1b[J") + 5
        screen.wait_for(lambda: screen.text.count("\x1b[J") >= drawn, "five more frames")
        self.assertEqual(
            [(row, line.find("]")) for row, line in enumerate(screen.display.lines)], marks
        )
        self.assertEqual(screen.display.scrolled, 0)

    def test_watch_holds_still_in_a_terminal(self):
        wide = r"\[#* *\] +\d+ %  +[\d.]+( [kMG])? tokens/s  +\d.* left"
        narrow = r"\[#* *\] +\d+ %  +\d[\d. a-z]*"
        with (
            held_in(self.service, "path_tales", TRAINING) as tales,
            held_in(self.service, "path_sums", TRAINING) as sums,
        ):
            run = self.service.submit(self.recipe, "--only", "path_tales", "--only", "path_sums")
            tales.wait()
            sums.wait()
            logs = self.service.start_command("logs", run, "--follow")
            of_80, of_40 = self.watching(run, 80, wide), self.watching(run, 40, narrow)
            self.assert_still(of_80)
            self.assert_still(of_40)
            of_80.resize(40, 24)
            of_80.wait_for(
                lambda: re.search(
                    rf"^path_tales +{narrow}\npath_sums +{narrow}\nsmall .*\Z",
                    of_80.display.text(),
                    re.MULTILINE,
                ),
                "lines that fit 40 columns",
            )
            of_80.press("\x03")
            self.assertEqual(of_80.end(), -signal.SIGINT)
            self.assertNotIn(" %", of_80.display.text())
        self.assertEqual(of_40.end(), 0, of_40.text)
        shown = of_40.display.text()
        self.assertRegex(shown, r"s  SUCCEEDED  path_tales\n")
        self.assertTrue(shown.endswith("\nSUCCEEDED"), shown)
        self.assertNotIn(" %", shown)
        followed = self.service.finish_command(logs).splitlines()
        self.assertEqual(sorted(followed), sorted(self.logs(run)))

    def logs(self, *words):
        return self.service.run("logs", *words).stdout.splitlines()

    def test_logs_of_all_jobs_stand_in_the_order_of_time(self):
        lines = self.logs(self.run_id)
        jobs = {line.partition(" | ")[0].rstrip() for line in lines}
        self.assertLessEqual({"path_tales", "path_sums"}, jobs)
        times = [match[0] for line in lines if (match := re.search(r"(?<= \| )\d{4}-\S+Z", line))]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(len(times), 2)
        # Of one job alone, nothing stands before what the program wrote.
        alone = self.logs(self.run_id, "path_tales")
        self.assertEqual(
            alone,
            [line.partition(" | ")[2] for line in lines if line.startswith("path_tales ")],
        )
        two = self.logs(self.run_id, "path_tales", "path_sums", "--grep", "steps?", "--tail", "1")
        self.assertEqual(sorted(line.split()[0] for line in two), ["path_sums", "path_tales"])
        only = self.logs(self.run_id, "path_tales", "--grep", "steps?")
        self.assertEqual(only, [line for line in alone if "step" in line])
        self.assertEqual(self.logs(self.run_id, "--grep", "no such words"), [])
        (last,) = self.logs("-o", "json", self.run_id, "path_tales", "--grep", ".", "--tail", "1")
        document = json.loads(last)
        self.assertEqual((document["job"], document["text"]), ("path_tales", alone[-1]))

    def test_logs_say_what_is_not_there(self):
        def refused(*words):
            return self.service.run("logs", self.run_id, *words, code=None).stderr

        self.assertIn(
            f'has no job "path_tale"; did you mean path_tales? braid list jobs {self.run_id} has all',
            refused("path_tale"),
        )
        self.assertIn(
            "--rank 3: the most ranks that a job of the run has are 1", refused("--rank", "3")
        )
        self.assertIn('"(" is no regular expression as grep -E reads it: ', refused("--grep", "("))
        said = self.service.run("generate", self.run_id + "/tokenizer", "x", code=None).stderr
        self.assertIn(
            "jobs of kind train, joint and merge have one: braid list jobs " + self.run_id, said
        )
        self.assertIn(
            "has no report yet: its recipe was submitted without the report job",
            self.service.run("report", self.run_id, code=3).stderr,
        )

    def test_forms_of_output(self):
        self.assertEqual(
            self.service.run("-o", "name", "describe", self.run_id).stdout,
            self.service.run("-o", "name", "list", "jobs", self.run_id).stdout,
        )
        rows = list(
            csv.reader(self.service.run("describe", self.run_id, "-o", "csv").stdout.splitlines())
        )
        self.assertEqual(rows[0], ["JOB", "KIND", "STATE", "WORKERS", "DETAIL"])
        self.assertEqual(len(rows), 6)
        table = self.service.run("metrics", self.run_id, "path_tales", "-o", "csv").stdout
        read = {}
        for row in csv.DictReader(table.splitlines()):
            read.setdefault(row["METRIC"], []).append((int(row["STEP"]), float(row["VALUE"])))
        self.assertEqual(read, self.points("path_tales"))
        names = self.service.run("metrics", self.run_id, "path_tales", "-o", "name").stdout
        self.assertEqual(sorted(names.split()), sorted(read))
        jobs = list(
            csv.DictReader(self.service.run("plan", self.recipe, "-o", "csv").stdout.splitlines())
        )
        self.assertIn("path_tales", [job["JOB"] for job in jobs])
        self.assertEqual(
            self.service.run("plan", self.recipe, "-o", "name").stdout.split(),
            [job["JOB"] for job in jobs],
        )

    def complete(self, shell, typed, completed):
        """Types it and the tab, until bash has completed it. On a busy machine the coordinator may answer later than
        completion waits: then, as where several names begin so, bash rings the bell."""
        for _ in range(60):
            shell.press("\x15" + typed + "\t")
            shell.wait_for(lambda: completed in shell.text or "\a" in shell.text, completed)
            if completed in shell.text.replace("\a", ""):
                return
        raise AssertionError(f"{typed} was not completed to {completed}: {shell.text}")

    def test_bash_completes_names(self):
        """In a real shell: what follows the words that are typed is bash's, and of the coordinator."""
        environment = {
            **self.service.environment,
            "BRAID_DIR": os.path.join(self.service.folder, "state"),
            "PATH": os.path.join(by_hand.BINARY_DIR, "bin") + os.pathsep + os.environ["PATH"],
            "PS1": "ready> ",
        }
        shell = Screen(["bash", "--norc", "--noprofile", "-i"], environment)
        self.addCleanup(shell.close)
        shell.wait("ready> ")
        shell.press('eval "$(braid completion bash)"; echo do""ne\r')
        shell.wait("done")
        for typed, completed in (
            ("braid watch " + self.run_id[:-3], "braid watch " + self.run_id + " "),
            (f"braid logs {self.run_id} path_t", f"braid logs {self.run_id} path_tales "),
            (f"braid logs {self.run_id} prepare:t", f"braid logs {self.run_id} prepare:tales "),
            ("braid report smal", "braid report small "),
            ("braid worker drain work", "braid worker drain worker-"),
            (f"braid generate {self.run_id}/path_t", f"braid generate {self.run_id}/path_tales"),
            ("braid pau", "braid pause "),
        ):
            self.complete(shell, typed, completed)
        shell.press("\x15exit\r")
        self.assertEqual(shell.end(), 0)

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
