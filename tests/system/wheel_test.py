#!/usr/bin/env python3
"""The wheel: made, installed by pip into a new environment, used, and removed."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import by_hand
from by_hand import ARROW_PYTHON, BINARY_DIR, SOURCE_DIR
from service import write_recipe


def torch_folder():
    """The torch with which the trainer was linked."""
    words = ["patchelf", "--print-rpath", by_hand.program("braid-trainer")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (found,) = {path for path in said.strip().split(":") if path.endswith("/torch/lib")}
    return os.path.dirname(found)


@unittest.skipIf(
    shutil.which("patchelf") is None, "there is no patchelf: scripts/setup installs it"
)
class WheelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-wheel-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run(
            [os.path.join(SOURCE_DIR, "scripts", "package"), "wheel", "--no-build", cls.folder],
            env={**os.environ, "BRAID_BINARY_DIR": BINARY_DIR},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (cls.wheel,) = glob.glob(os.path.join(cls.folder, "*.whl"))
        cls.venv = os.path.join(cls.folder, "venv")
        subprocess.run([sys.executable, "-m", "venv", cls.venv], check=True)
        (cls.site,) = glob.glob(os.path.join(cls.venv, "lib", "python3*", "site-packages"))
        # The torch that is here, as if it was installed for this environment: it has 4 GB.
        with open(os.path.join(cls.site, "torch-elsewhere.pth"), "w", encoding="utf-8") as file:
            file.write(os.path.dirname(torch_folder()) + "\n")

    def run_words(self, *words, code=0, **more):
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "LANG": "C.UTF-8"}
        done = subprocess.run(
            words, capture_output=True, text=True, env=environment, timeout=300, **more
        )
        if code is not None:
            self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def pip(self, *words):
        return self.run_words(self.venv + "/bin/pip", "--disable-pip-version-check", *words)

    def test_installed_used_and_removed(self):
        before = set(os.listdir(self.site))
        commands = set(os.listdir(self.venv + "/bin"))
        # Without an index: what the wheel needs beside torch would be missed.
        self.assertIn(
            "Successfully installed braid-service", self.pip("install", "--no-index", self.wheel)
        )
        self.assertIn("No broken requirements", self.pip("check"))
        page = os.path.join(self.venv, "share", "man", "man1", "braid-submit.1")
        self.assertTrue(os.path.exists(page), "man finds it beside bin/")
        self.check_libraries()
        self.check_parquet()
        self.train()
        self.pip("uninstall", "--yes", "braid-service")
        self.assertEqual(set(os.listdir(self.site)) - {"__pycache__"}, before)
        self.assertEqual(set(os.listdir(self.venv + "/bin")), commands)
        self.assertFalse(os.path.exists(page))

    def check_libraries(self):
        """Programs load what the wheel brings, and nothing of this machine but the C and C++ library."""
        package = os.path.join(self.site, "braid_service")
        for name in ("braid", "braid-coordinator", "braid-worker", "braid-prepare", "braid-merge"):
            for line in self.run_words("ldd", f"{package}/bin/{name}").splitlines():
                library, _, path = line.strip().partition(" => ")
                usual = library.split(".so")[0] in (
                    "libc",
                    "libm",
                    "libgcc_s",
                    "libstdc++",
                    "libresolv",
                )
                if path and not usual:
                    self.assertTrue(path.startswith(os.path.realpath(package)), f"{name}: {line}")
        # Beside torch, where pip puts both, the trainer needs no help; elsewhere it has to be told.
        trainer = os.path.join(package, "bin", "braid-trainer")
        self.assertIn("libtorch_cpu.so", self.run_words(trainer, "--help", code=127))
        os.symlink(torch_folder(), os.path.join(self.site, "torch"))
        self.run_words(trainer, "--help")
        os.remove(os.path.join(self.site, "torch"))
        licences = os.path.join(package, "licenses")
        if shutil.which("dpkg"):
            self.assertIn("libgrpc", " ".join(os.listdir(licences)))

    def check_parquet(self):
        """With the pyarrow that the wheel's extra names, Parquet files are read."""
        (metadata,) = glob.glob(self.site + "/braid_service-*.dist-info/METADATA")
        with open(metadata, encoding="utf-8") as file:
            self.assertRegex(file.read(), r'Requires-Dist: pyarrow==[\d.]+ ; extra == "parquet"')
        if not os.path.exists(by_hand.program("libbraid_arrow.so")):
            return
        table = os.path.join(self.folder, "tales.parquet")
        script = (
            f"import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({{'text': ['a fox ' * 40] * 300}}), {table!r}); "
            "print(pa.__path__[0])"
        )
        done = subprocess.run(
            [ARROW_PYTHON, "-c", script], capture_output=True, text=True, check=True
        )
        braid = os.path.join(self.venv, "bin", "braid")
        words = (braid, "init", table, "--out")
        out = os.path.join(self.folder, "tales-")
        said = self.run_words(*words, out + "1", code=None)
        self.assertIn("cannot be loaded (libarrow.so", said)
        self.assertIn("Arrow's libraries come with Python's package pyarrow", said)
        beside = os.path.join(self.site, "pyarrow")
        os.symlink(done.stdout.strip(), beside)
        self.assertIn("rows with their text in field text", self.run_words(*words, out + "2"))
        os.remove(beside)
        # Elsewhere, as torch is.
        elsewhere = os.path.join(self.site, "arrow-elsewhere.pth")
        with open(elsewhere, "w", encoding="utf-8") as file:
            file.write(os.path.dirname(done.stdout.strip()) + "\n")
        self.assertIn("rows with their text in field text", self.run_words(*words, out + "3"))
        os.remove(elsewhere)

    def train(self):
        braid = os.path.join(self.venv, "bin", "braid")
        state = ["--dir", os.path.join(self.folder, "state")]
        recipe = write_recipe(self.folder, by_hand.small_texts(), steps=4)
        self.run_words(braid, *state, "up", "--workers", "1", "--detach")
        try:
            run = self.run_words(braid, *state, "submit", recipe, "--only", "path_tales").strip()
            said = self.run_words(braid, *state, "wait", run, "--timeout", "240s", code=None)
            listed = self.run_words(braid, *state, "-o", "json", "list", "jobs", run)
            states = [job["state"] for job in json.loads(listed)["jobs"]]
            self.assertEqual(set(states), {"JOB_SUCCEEDED"}, said + listed)
        finally:
            self.run_words(braid, *state, "down")


if __name__ == "__main__":
    unittest.main(verbosity=2)
