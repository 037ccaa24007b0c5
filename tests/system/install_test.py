#!/usr/bin/env python3
"""`cmake --install`: the programs stand together below a prefix, and find there, or where they were linked, what they load."""

import os
import shutil
import subprocess
import tempfile
import unittest

from by_hand import BINARY_DIR, program

PROGRAMS = (
    "braid braid-coordinator braid-worker braid-prepare braid-merge braid-report braid-trainer"
).split()


class Install(unittest.TestCase):
    def test_installed_programs_run(self):
        prefix = tempfile.mkdtemp(prefix="braid-install-")
        self.addCleanup(shutil.rmtree, prefix)
        subprocess.run(
            ["cmake", "--install", BINARY_DIR, "--prefix", prefix],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        folder = os.path.join(prefix, "bin")
        built = os.path.dirname(program("braid"))
        plugins = [name for name in os.listdir(built) if name.startswith("libbraid_")]
        self.assertEqual(sorted(os.listdir(folder)), sorted(PROGRAMS + plugins))
        self.assertEqual(os.listdir(prefix), ["bin"])
        for name in PROGRAMS:
            said = subprocess.run(
                [os.path.join(folder, name), "--help"], capture_output=True, text=True, timeout=120
            )
            self.assertEqual(said.returncode, 0, name + ": " + said.stderr)
        version = subprocess.run(
            [os.path.join(folder, "braid"), "--version"], capture_output=True, text=True
        ).stdout
        self.assertEqual(
            version, subprocess.run([program("braid"), "--version"], capture_output=True, text=True).stdout
        )  # fmt: skip


if __name__ == "__main__":
    unittest.main(verbosity=2)
