#!/usr/bin/env python3
"""Every program on files and flags that are odd: it ends with an exit code and a sentence, whatever stands there."""

import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

from by_hand import program

# The tests of each format replace every value by one of every type; these are for the programs around them.
ODD = [
    "",
    "null",
    "[]",
    '"text"',
    '{"model": null}',
    '{"model": {"type": 3}}',
    '{"version": 1, "kind": null, "grpc": 3}',
    '{"a": "' + "é" * 200 + '"}',
    "[" * 200,
]


class OddFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid odd ")
        self.addCleanup(shutil.rmtree, self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.at(name)

    def sentence(self, *words, codes=(1,)):
        done = subprocess.run(
            [program(words[0]), *words[1:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        said = done.stderr.decode("utf-8", "replace")
        self.assertIn(done.returncode, codes, (words, said))
        self.assertNotIn("terminate called", said)
        self.assertNotIn("unexpected error", said)
        self.assertRegex(said, r"\w+ \w+", words)
        return said

    def test_programs_on_json_that_is_something_else(self):
        for text in ODD:
            odd = self.write("odd.json", text)
            self.write("model/config.json", text)
            self.write(
                "model/model.safetensors", struct.pack("<Q", len(text.encode())) + text.encode()
            )
            self.write(
                "hf/config.json",
                '{"model_type": "llama", "vocab_size": 300, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, '
                '"num_attention_heads": 2}',
            )
            self.write("hf/tokenizer.json", text)
            self.write("hf/model.safetensors.index.json", text)
            self.write("shards/shards.json", text)
            model, hf = self.at("model"), self.at("hf")
            self.sentence("braid-prepare", "encode", "--tokenizer", odd, "a")
            self.sentence("braid-prepare", "decode", "--tokenizer", odd, "1")
            self.sentence("braid-prepare", "inspect", self.at("shards"))
            if text not in ("[]",):
                self.sentence("braid-prepare", "check", odd)
            for name in ("braid-prepare", "braid-trainer", "braid-merge", "braid-report"):
                self.sentence(name, odd, codes=(2,))
            self.sentence("braid-trainer", "describe", model)
            self.sentence("braid-trainer", "import", model, self.at("out"))
            self.sentence("braid-trainer", "import", hf, self.at("out"))
            self.sentence("braid-trainer", "export", model, self.at("out"))
            self.sentence("braid-trainer", "generate", model, "a", "--tokenizer", odd)
            self.sentence("braid-merge", "plan", model, model)
            self.sentence("braid-merge", "plan", model, model, "--connect", text or "x")
            self.sentence("braid", "merge", "plan", model, model, codes=(1, 4, 5, 6, 7, 8))
            self.sentence("braid", "plan", odd)
            self.assertFalse(os.path.exists(self.at("out")))

    def test_an_address_that_is_none(self):
        for text in ODD:
            self.write("state/address.json", text)
            self.sentence("braid", "--dir", self.at("state"), "list", "runs", codes=(1, 6))

    def test_flags_out_of_their_ranges(self):
        shards = self.at("shards")
        for words in (
            ("braid", "eval", self.folder, "--shards", shards, "--threads", "0"),
            ("braid", "eval", self.folder, "--shards", shards, "--threads", "100000"),
            ("braid", "eval", self.folder, "--blimp", shards, "--pairs", "-1"),
            ("braid", "generate", self.folder, "a", "--tokens", "0"),
            ("braid", "generate", self.folder, "a", "--tokens", "1000000000"),
            ("braid", "generate", self.folder, "a", "--seed", "-1"),
            ("braid", "merge", "plan", self.folder, self.folder, "--seed", "-1"),
            ("braid", "events", "--since", "-1"),
            ("braid", "logs", "r", "j", "--rank", "-1"),
            ("braid", "up", "--workers", "100000"),
            ("braid-worker", "--dir", self.folder, "--slots", "0"),
            ("braid-coordinator", "--dir", self.folder, "--ttl-ms", "1"),
        ):
            self.sentence(*words, codes=(2,))
        for option, value in (
            ("--threads", "0"),
            ("--threads", "100000"),
            ("--threads", "99999999999999999999"),
            ("--threads", "two"),
        ):
            said = self.sentence("braid-trainer", "evaluate", self.folder, shards, option, value)
            self.assertIn(option, said)
        self.assertIn(
            "--seed: must be at least 0",
            self.sentence("braid-merge", "plan", self.folder, self.folder, "--seed", "-1"),
        )
        task = {
            "version": 1,
            "kind": "train",
            "job": "j",
            "output": self.at("o"),
            "work": self.at("w"),
            "spec": {},
            "threads": 100000,
        }
        self.assertIn(
            "threads: must be in 1 .. 4096",
            self.sentence("braid-trainer", self.write("task.json", json.dumps(task)), codes=(2,)),
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
