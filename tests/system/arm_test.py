#!/usr/bin/env python3
"""The trainer's kernels compile for ARM: with a cross compiler, where there is one, up to the object file."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
COMPILER = shutil.which("aarch64-linux-gnu-g++")


@unittest.skipIf(COMPILER is None, "no aarch64-linux-gnu-g++ (package g++-aarch64-linux-gnu)")
class Arm(unittest.TestCase):
    def test_kernels_compile(self):
        torch = glob.glob(
            os.path.join(
                SOURCE_DIR, "build", "venv", "lib", "python3*", "site-packages", "torch", "include"
            )
        )
        if not torch:
            self.skipTest("no torch in build/venv")
        kernels = sorted(
            os.path.basename(path)
            for path in glob.glob(os.path.join(SOURCE_DIR, "trainer", "kernels", "*.cc"))
        )
        self.assertIn("products.cc", kernels)
        # The loops, which x86 compiles for more than this.
        kernels += ["simd/dispatch.cc", "simd/generic.cc"]
        with tempfile.TemporaryDirectory() as folder:
            source, out = os.path.join(folder, "kernels.cc"), os.path.join(folder, "kernels.o")
            with open(source, "w", encoding="utf-8") as file:
                file.writelines(f'#include "trainer/kernels/{name}"\n' for name in kernels)
            subprocess.run(
                [
                    COMPILER,
                    "-std=c++20",
                    "-O1",
                    "-fPIC",
                    "-Wall",
                    "-Wextra",
                    "-Wshadow",
                    "-Werror",
                    "-fsigned-char",
                    "-fopenmp",
                    "-c",
                    source,
                    "-o",
                    out,
                    "-I",
                    SOURCE_DIR,
                    "-isystem",
                    torch[0],
                    "-isystem",
                    os.path.join(torch[0], "torch", "csrc", "api", "include"),
                    # Headers that are the same for every processor, after the compiler's own.
                    "-idirafter",
                    "/usr/include",
                    "-idirafter",
                    "/usr/include/x86_64-linux-gnu",
                ],
                check=True,
            )
            self.assertGreater(os.path.getsize(out), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
