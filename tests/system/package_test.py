#!/usr/bin/env python3
"""The Debian packages: made, checked, installed in a copy of this machine, used as their units say, removed, purged."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import by_hand
from by_hand import BINARY_DIR, SOURCE_DIR, wait_until
from package_bed import Machine
from service import write_recipe

TOOLS = ("dh", "help2man", "patchelf", "dpkg-buildpackage")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
VENV_LIBRARIES = "lib/python3/site-packages"


def site_packages():
    """The folder with the torch that the trainer was linked with."""
    said = subprocess.run(
        ["patchelf", "--print-rpath", by_hand.program("braid-trainer")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (torch,) = {path for path in said.split(":") if path.endswith("/torch/lib")}
    return os.path.dirname(os.path.dirname(torch))


@unittest.skipIf(MISSING, f"there is no {', '.join(MISSING)}: scripts/setup installs them")
class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-package-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run(
            [os.path.join(SOURCE_DIR, "scripts", "package"), "deb", "--no-build", cls.folder],
            env={
                **os.environ,
                "BRAID_BINARY_DIR": BINARY_DIR,
                "DEBFULLNAME": "Ada",
                "DEBEMAIL": "ada@example.net",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        cls.packages = sorted(glob.glob(os.path.join(cls.folder, "*.deb")))

    def test_two_packages_that_lintian_accepts(self):
        names = {os.path.basename(path).split("_")[0] for path in self.packages}
        self.assertEqual(names, {"braid", "braid-trainer"})
        if shutil.which("lintian") is None:
            self.skipTest("there is no lintian: scripts/setup installs it")
        done = subprocess.run(
            ["lintian", "--fail-on", "error,warning", *self.packages],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_pages_for_man_and_completion_are_in_them(self):
        """Of the packages themselves: dpkg may be told to leave pages out where they are installed."""
        listed = "".join(
            subprocess.run(
                ["dpkg-deb", "-c", path], capture_output=True, text=True, check=True
            ).stdout
            for path in self.packages
        )
        for path in (
            "man/man1/braid.1.gz",
            "man/man1/braid-submit.1.gz",
            "man/man1/braid-worker.1.gz",
            "man/man8/braid-worker.8.gz",
            "bash-completion/completions/braid",
            "zsh/vendor-completions/_braid",
            "fish/vendor_completions.d/braid.fish",
        ):
            self.assertIn("/usr/share/" + path + "\n", listed)

    def test_programs_look_for_libraries_in_their_own_places(self):
        places = set()
        for path in self.packages:
            out = os.path.join(self.folder, "files")
            subprocess.run(["dpkg-deb", "-x", path, out], check=True)
            for program in glob.glob(out + "/usr/lib/braid/bin/*"):
                words = ["patchelf", "--print-rpath", program]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                places.update(done.stdout.strip().split(":"))
            shutil.rmtree(out)
        self.assertIn("/usr/lib/braid/torch/lib", places)
        self.assertEqual(
            [place for place in places if place and not place.startswith("/usr/lib/braid/")], []
        )

    def test_installed_used_removed_and_purged(self):
        binds = {"/opt/torch/" + VENV_LIBRARIES: site_packages()}
        with Machine(binds) as machine:
            self.assertEqual(machine.new_files(), [])
            for path in self.packages:
                shutil.copy(path, machine.at("/tmp"))
            inside = ["/tmp/" + os.path.basename(path) for path in self.packages]
            machine.run("dpkg", "-i", *inside)
            self.check_units(machine)
            machine.run("bash", "-n", "/usr/share/doc/braid/examples/worker.sh")
            self.check_choice_of_torch(machine)
            with self.assertRaisesRegex(
                AssertionError, "no torch is chosen: braid-torch /opt/torch"
            ):
                machine.run("mv", "/etc/braid/torch", "/etc/braid/away")
                machine.start_service("braid-worker")
            machine.run("mv", "/etc/braid/away", "/etc/braid/torch")
            self.run_example(machine)
            machine.run("dpkg", "-r", "braid-trainer", "braid")
            left = machine.new_files()
            self.assertIn("var/lib/braid/coordinator/braid.db", left, "state stays")
            self.assertIn("etc/default/braid-coordinator", left, "settings stay")
            self.assertEqual([path for path in left if path.startswith(("usr/", "lib/"))], [])
            machine.run("dpkg", "-P", "braid-trainer", "braid")
            self.assertEqual(machine.new_files(), [])
            machine.run("id", "braid", code=1)

    def check_units(self, machine):
        """systemd understands the units, and every program and page that they name is there."""
        if shutil.which("systemd-analyze") is None:
            return
        units = ["braid-coordinator.service", "braid-worker.service"]
        said = machine.run("systemd-analyze", "verify", *units)
        self.assertEqual(said.stdout + said.stderr, "")
        user = [
            os.path.basename(path) for path in glob.glob(machine.at("/usr/lib/systemd/user/braid*"))
        ]
        self.assertEqual(len(user), 3)
        user = [unit.replace("@.", "@one.") for unit in user]
        runtime = ("env", "XDG_RUNTIME_DIR=/tmp")
        said = machine.run(*runtime, "systemd-analyze", "--user", "verify", *user)
        self.assertEqual(said.stdout + said.stderr, "")
        for unit, most in zip(units, ("20", "25"), strict=True):
            words = (
                "security",
                "--offline=true",
                "--threshold=" + most,
                "/lib/systemd/system/" + unit,
            )
            machine.run("systemd-analyze", *words)

    def check_choice_of_torch(self, machine):
        def refused(*words, user="root"):
            done = machine.run("braid-torch", *words, code=1, user=user)
            return done.stderr

        machine.run("rm", "-f", "/etc/braid/torch")
        self.assertIn("no torch is chosen: braid-torch /opt/torch", refused())
        self.assertIn("/nowhere is no Python, no virtual environment", refused("/nowhere"))
        machine.run("mkdir", "-p", "/opt/other/torch/lib")
        machine.run("touch", "/opt/other/torch/lib/libtorch_cpu.so")
        machine.run("sh", "-c", "echo \"__version__ = '1.0.0+cpu'\" > /opt/other/torch/version.py")
        self.assertIn("is torch 1.0.0, and braid was built with", refused("/opt/other/torch"))
        version = machine.run(
            "sed",
            "-n",
            "s/^__version__ = '\\([0-9.]*\\).*/\\1/p",
            f"/opt/torch/{VENV_LIBRARIES}/torch/version.py",
        ).stdout.strip()
        machine.run("sh", "-c", f"echo \"__version__ = '{version}'\" > /opt/other/torch/version.py")
        self.assertIn(
            "braid-trainer does not start with /opt/other/torch", refused("/opt/other/torch")
        )
        machine.run("chmod", "700", "/opt/other")
        self.assertIn(
            "as only some accounts may enter /opt/other: chmod o+x", refused("/opt/other/torch")
        )
        machine.run("rm", "-r", "/opt/other")
        self.assertFalse(os.path.lexists(machine.at("/etc/braid/torch.new")), "nothing half made")
        torch = f"/opt/torch/{VENV_LIBRARIES}/torch"
        self.assertIn("only root can", refused(torch, user="braid"))
        self.assertIn("braid-trainer uses " + torch, machine.run("braid-torch", torch).stdout)
        self.assertIn(torch + " (torch ", machine.run("braid-torch").stdout)

    def run_example(self, machine):
        machine.start_service("braid-coordinator")
        self.assertEqual(machine.run("stat", "-c", "%a %U", "/var/lib/braid").stdout, "700 braid\n")
        worker = machine.start_service("braid-worker")

        def braid(*words, code=0):
            return machine.run("braid", "--dir", "/var/lib/braid", *words, code=code, user="braid")

        def connected():
            self.assertIsNone(worker.poll(), machine.log("braid-worker"))
            done = braid("worker", "list", code=None)
            return done.returncode == 0 and "READY" in done.stdout

        wait_until(connected, "the worker to be connected")
        os.mkdir(machine.at("/tmp/example"), 0o755)
        write_recipe(machine.at("/tmp/example"), by_hand.small_texts(), steps=4)
        run = braid("submit", "/tmp/example/recipe.yaml", "--only", "path_tales").stdout.strip()
        ended = braid("wait", run, "--timeout", "240s", code=None)
        self.assertEqual(
            ended.returncode, 0, ended.stdout + ended.stderr + braid("list", "jobs", run).stdout
        )
        self.assertEqual(machine.stop_services(), {"braid-coordinator": 0, "braid-worker": 0})


if __name__ == "__main__":
    # A mount namespace can be made by a process of one thread alone, as this one is.
    sys.exit(unittest.main(verbosity=2))
