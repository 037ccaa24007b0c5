#!/usr/bin/env python3
"""`braid doctor`: what it says of a healthy machine, and of one where something is wrong."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import by_hand
from service import Service


def doctor(folder, *words, code=0, program=None, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
    done = subprocess.run(
        [program or by_hand.program("braid"), "--dir", folder, *words, "doctor"],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        cwd=os.path.dirname(folder),
        timeout=280,
    )
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
    return done.stdout


def checks(folder, *words, **more):
    """Subject -> its checks."""
    found = {}
    for one in json.loads(doctor(folder, "-o", "json", *words, **more))["checks"]:
        found.setdefault(one["subject"], []).append(one)
    return found


class Alone(unittest.TestCase):
    """Without a coordinator. What the checks of the machine itself say depends on the machine."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="braid doctor ")
        self.addCleanup(shutil.rmtree, self.top)
        self.folder = os.path.join(self.top, "state")

    def test_a_machine_where_nothing_was_started(self):
        said = doctor(self.folder)
        self.assertRegex(said, r"(?m)^ok +programs +braid \d.* other programs start, in /")
        self.assertRegex(said, r"(?m)^(ok|warning) +machine +\d+ cores?, .* memory available$")
        self.assertRegex(
            said, r"(?m)^ok +state folder +.*/state is not there yet; braid up makes it$"
        )
        self.assertRegex(
            said, r"(?m)^warning +address +no coordinator: .*address\.json is not there"
        )
        self.assertRegex(said, r"(?m)^ +to do: +braid up starts a coordinator here; --dir")
        self.assertRegex(said, r"(?m)^0 errors, [1-9] warnings?$")

    def test_programs_that_are_missing(self):
        """The trainer may be: a machine with a coordinator alone needs none."""
        bin_folder = os.path.join(self.top, "bin")
        os.mkdir(bin_folder)
        here = os.path.join(bin_folder, "braid")
        shutil.copy(by_hand.program("braid"), here)
        for name in ("coordinator", "worker", "prepare", "merge", "report"):
            os.symlink(by_hand.program("braid-" + name), here + "-" + name)
        (found,) = checks(self.folder, program=here)["programs"]
        self.assertEqual(found["verdict"], "ok")
        self.assertRegex(found["found"], "its 5 other programs start, .* would need braid-trainer")
        with open(here + "-trainer", "w", encoding="utf-8") as file:
            file.write(
                "#!/bin/sh\necho x: cannot open libtorch_cpu.so: No such file >&2\nexit 127\n"
            )
        os.chmod(here + "-trainer", 0o755)
        (found,) = checks(self.folder, program=here, code=1)["programs"]
        self.assertIn("braid-trainer does not start: x: cannot open libtorch", found["found"])
        self.assertIn("of the Debian packages, braid-torch chooses it", found["advice"])
        os.remove(here + "-trainer")
        os.remove(here + "-merge")
        (found,) = checks(self.folder, program=here, code=1)["programs"]
        self.assertEqual(found["found"], f"braid-merge is not in {bin_folder}")
        self.assertEqual(found["verdict"], "error")

    def test_variables_that_nearly_say_something(self):
        found = checks(self.folder, BRAID_ADDRESS="127.0.0.1:1")["environment"][0]
        self.assertEqual(found["verdict"], "warning")
        self.assertEqual(
            found["found"], "BRAID_ADDRESS says nothing to braid; did you mean BRAID_ADDR?"
        )
        found = checks(self.folder, BRAID_OUTPUT="json")["environment"][0]
        self.assertEqual((found["verdict"], found["found"]), ("ok", "BRAID_OUTPUT=json"))

    def test_an_address_that_nobody_listens_at(self):
        found = checks(self.folder, "--addr", "127.0.0.1:1", code=1)
        self.assertEqual(found["token"][0]["verdict"], "error")
        self.assertIn("name it with --token-file", found["token"][0]["advice"])
        self.assertIn("no coordinator answers at 127.0.0.1:1", found["coordinator"][0]["found"])
        self.assertIn("does a firewall let the port through?", found["coordinator"][0]["advice"])
        self.assertEqual(
            doctor(self.folder, "-o", "name", "--addr", "127.0.0.1:1", code=1).split()[-2:],
            ["token", "coordinator"],
        )

    def test_what_is_left_of_a_coordinator_that_is_gone(self):
        os.makedirs(os.path.join(self.folder, "logs"))
        with open(os.path.join(self.folder, "address.json"), "w", encoding="utf-8") as file:
            json.dump({"grpc": "127.0.0.1:1", "http": "127.0.0.1:2", "token_file": "token"}, file)
        with open(os.path.join(self.folder, "token"), "w", encoding="ascii") as file:
            file.write("a" * 64)
        os.chmod(os.path.join(self.folder, "token"), 0o644)
        with open(
            os.path.join(self.folder, "logs", "coordinator.log"), "w", encoding="utf-8"
        ) as file:
            file.write("one\nthe disk is full\n")
        with open(os.path.join(self.folder, "up.json"), "w", encoding="utf-8") as file:
            json.dump({"pid": os.getpid(), "start": 1}, file)
        found = checks(self.folder, code=1)
        self.assertIn("can be read by its group and all others", found["token"][0]["found"])
        self.assertIn("chmod 600 ", found["token"][0]["advice"])
        self.assertIn(
            f"names process {os.getpid()}, which does not run", found["braid up"][0]["found"]
        )
        self.assertRegex(
            found["coordinator"][0]["advice"],
            r"^braid up starts it again; the last line of .*coordinator\.log: the disk is full$",
        )
        with open(os.path.join(self.folder, "address.json"), "w", encoding="utf-8") as file:
            file.write("[]")
        found = checks(self.folder, code=1)["address"][0]
        self.assertIn("address.json names no coordinator", found["found"])
        self.assertIn("mend the file", found["advice"])

    def test_a_file_in_the_place_of_the_folder(self):
        with open(self.folder, "w", encoding="utf-8"):
            pass
        found = checks(self.folder, code=1)["state folder"][0]
        self.assertEqual(found["found"], self.folder + " is a file")


class Up(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=1)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        cls.service.start()
        cls.folder = os.path.join(cls.service.folder, "state")

    def test_everything_that_is_right(self):
        found = checks(self.folder)
        for subject in ("state folder", "braid up", "token", "coordinator", "version", "clock", "role",
                        "workers"):  # fmt: skip
            self.assertEqual([one["verdict"] for one in found[subject]], ["ok"], found[subject])
        self.assertRegex(found["braid up"][0]["found"], r"^runs in .*state, process \d+$")
        self.assertRegex(found["coordinator"][0]["found"], r"^answers at 127\.0\.0\.1:\d+ within ")
        self.assertRegex(found["clock"][0]["found"], r"^as the coordinator's, within ")
        self.assertEqual(found["workers"][0]["found"], "1 of 1 are connected")
        self.assertRegex(found["role"][0]["found"], r", role ADMIN$")

    def test_a_token_of_another_coordinator(self):
        wrong = os.path.join(self.service.folder, "wrong")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("b" * 64)
        os.chmod(wrong, 0o600)
        found = checks(self.folder, "--token-file", wrong, code=1)["coordinator"][0]
        self.assertIn("the token is not this coordinator's", found["found"])
        self.assertIn("copy the coordinator's present token file", found["advice"])

    def test_a_worker_that_takes_nothing(self):
        self.service.run("worker", "cordon", "worker-1")
        self.addCleanup(self.service.run, "worker", "cordon", "--open", "worker-1")
        found = checks(self.folder)["worker worker-1"][0]
        self.assertEqual((found["verdict"], found["found"]), ("warning", "takes no new jobs"))
        self.assertEqual(found["advice"], "braid worker cordon --open worker-1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
