#!/usr/bin/env python3
"""scripts/gpu-bundle and scripts/gpu-check on the CPU: that the check works before there is a GPU to check."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from by_hand import BINARY_DIR, SOURCE_DIR

PARTS = [
    "the machine",
    "kernels, models, optimizers, NCCL",
    "a path and its resumption",
    "gate, joint phase, evaluation",
    "out of memory",
    "limits of the device",
    "speed",
]


class GpuCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid gpu-check-")  # a path with a space
        cls.bundle = os.path.join(cls.folder, "bundle")
        subprocess.run(
            [os.path.join(SOURCE_DIR, "scripts", "gpu-bundle"), "--no-build", cls.bundle],
            check=True,
            env={**os.environ, "BRAID_BINARY_DIR": BINARY_DIR},
            stdout=subprocess.DEVNULL,
        )

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def check(self, *options, bundle=None):
        bundle = bundle or self.bundle
        return subprocess.run(
            [os.path.join(self.bundle, "gpu-check"), bundle, "--quick", *options],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""},
        )

    def test_every_part_holds_on_the_cpu(self):
        done = self.check("--device", "cpu", "--page", "page.md")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("every part held", done.stdout)
        with open(os.path.join(self.folder, "gpu-check.json"), encoding="utf-8") as file:
            result = json.load(file)
        self.assertEqual([part["name"] for part in result["parts"]], PARTS)
        self.assertGreater(result["unit_tests"]["passed"], 45)
        self.assertEqual(result["path"]["resumed"], "the same bits")
        (row,) = result["speed"].values()
        self.assertGreater(row["tokens_per_s"], 0)
        self.assertTrue(any(name.startswith("aten::") for name in row["most_time"]), row)
        with open(os.path.join(self.folder, "page.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("| a path and its resumption | ok |", page)
        self.assertIn(f"| {row['tokens_per_s']:,.0f} |", page)

    def test_without_a_gpu_it_says_so_and_ends(self):
        done = self.check()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("torch sees no GPU; look at nvidia-smi and CUDA_VISIBLE_DEVICES", done.stdout)
        self.assertIn("1 parts failed: the machine", done.stdout)

    def test_what_fails_is_named_and_the_rest_goes_on(self):
        broken = os.path.join(self.folder, "broken")
        shutil.copytree(self.bundle, broken)
        os.remove(os.path.join(broken, "bin", "device_step"))
        with open(os.path.join(broken, "bin", "device_device_test"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho the driver is gone >&2\nexit 134\n")
        done = self.check("--device", "cpu", bundle=broken)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("device_device_test ended with 134:\n    the driver is gone", done.stdout)
        self.assertRegex(done.stdout, r"ok +\S+ s  a path and its resumption")
        self.assertIn("2 parts failed: kernels, models, optimizers, NCCL, speed", done.stdout)

    def test_a_folder_that_is_no_bundle(self):
        done = self.check(bundle=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no bundle of scripts/gpu-bundle: it has no VERSION", done.stderr)


if __name__ == "__main__":
    unittest.main()
