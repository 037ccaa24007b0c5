#!/usr/bin/env python3
"""scripts/bench --quick with the real programs and peers: a model, a tokenizer, task programs and a merge."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
BUILD = os.environ.get("BRAID_BINARY_DIR", os.path.join(ROOT, "build", "release"))
PEERS = os.environ.get("BRAID_PEERS_PYTHON", os.path.join(ROOT, "build", "venv-peers/bin/python"))


def bench(*words):
    return subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts", "bench"), "--build", BUILD, *words],
        capture_output=True,
        text=True,
    )


class QuickTest(unittest.TestCase):
    def test_rows_run_from_start_to_end_and_come_together_in_one_file(self):
        with tempfile.TemporaryDirectory(prefix="braid bench ") as folder:
            path = os.path.join(folder, "results.json")
            text = os.path.join(folder, "some text")
            with open(text, "w", encoding="utf-8") as file:
                file.write(
                    "".join(f"Line {i} of a text, naïve: {i * i} words.\n" for i in range(3000))
                )
            common = ["--quick", "--json", path, "--text", text]
            common += ["--environment", os.path.dirname(os.path.dirname(PEERS))]
            for rows in (["train.b", "tokenizer"], ["merge", "checkpoint"]):
                done = bench(*common, *rows)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(path, encoding="utf-8") as file:
                machines = json.load(file)["machines"]
        self.assertEqual(len(machines), 1)
        (records,) = machines[0]["runs"].values()
        self.assertEqual(
            sorted(records),
            ["checkpoint", "merge", "merge.weights", "tokenizer", "train.b", "train.b.bf16"],
        )
        for name, peer in (
            ("train.b", "transformers eager"),
            ("tokenizer", "tokenizers"),
            ("merge", "cp"),
            ("checkpoint", "braid, none"),
        ):
            record = records[name]
            self.assertEqual((record["reason"], record["peer"]), ("", peer), name)
            self.assertGreater(record["ratio"]["of_medians"], 0, name)
        self.assertRegex(records["tokenizer"]["verified"], r"^\d+ merges$")
        self.assertRegex(records["tokenizer"]["missing"]["gigatoken"], "^is not in .*venv-peers$")
        self.assertGreater(records["merge"]["share"], 0)

    def test_what_a_machine_lacks_is_a_row_with_a_reason(self):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = file.read()
            if "amx_bf16" in flags and "avx512_bf16" in flags:
                self.skipTest("this machine has everything")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.json")
            environment = os.path.dirname(os.path.dirname(PEERS))
            done = bench(
                "--quick", "--json", path, "--isa", "amx", "--environment", environment, "start"
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("not measured: this machine has no AVX-512 and AMX", done.stdout)

    def test_says_what_is_missing_or_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            done = bench("--build", folder, "start")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{folder} lacks bench/model_turns, ", done.stderr)
            self.assertIn("run scripts/build release", done.stderr)
        done = bench("no-such-row")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no row no-such-row", done.stderr)


if __name__ == "__main__":
    unittest.main()
