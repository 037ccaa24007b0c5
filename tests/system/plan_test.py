#!/usr/bin/env python3
"""The published recipes, with miniature files where they name the real ones: what `braid plan` says of them."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import by_hand
from evaluation_files import write_blimp, write_glue, write_lines, write_superglue


def write_tokenizer(path, entries):
    """A tokenizer.json of so many entries, which is all that a plan reads of it."""
    vocab = {f"w{number}": number for number in range(entries)}
    write_lines(path, [json.dumps({"model": {"type": "BPE", "vocab": vocab, "merges": []}, "added_tokens": []})])


class Plans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-plan-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree(os.path.join(by_hand.SOURCE_DIR, "examples"), os.path.join(cls.folder, "examples"))
        data = os.path.join(cls.folder, "examples", "papaformer", "data")
        write_tokenizer(os.path.join(data, "gpt-neox-20b", "tokenizer.json"), 50277)
        write_tokenizer(os.path.join(data, "tinystories-3m", "tokenizer.json"), 50257)
        write_lines(os.path.join(data, "tinystories", "TinyStories-train.txt"), ["Once.", "<|endoftext|>"])
        write_lines(os.path.join(data, "tinystories", "TinyStories-valid.txt"), ["Twice.", "<|endoftext|>"])
        write_lines(os.path.join(data, "openmathinstruct-1", "train", "one.jsonl"), [json.dumps({"question": "1+1", "generated_solution": "2"})])
        write_blimp(os.path.join(data, "blimp"))
        write_glue(os.path.join(data, "glue"))
        write_superglue(os.path.join(data, "superglue"))
        data = os.path.join(cls.folder, "examples", "dual_path", "data")
        write_tokenizer(os.path.join(data, "gpt2-padded", "tokenizer.json"), 50303)
        write_lines(os.path.join(data, "nemotron-cc", "one.jsonl.zst"), ["not read by a plan"])

    def plan(self, recipe):
        done = subprocess.run([by_hand.program("braid"), "-o", "json", "plan", os.path.join(self.folder, "examples", recipe)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def parameters(self, plan):
        return {model["name"]: int(model["parameters"]) for model in plan["models"]}

    def test_papaformer_has_the_models_of_its_phase_2(self):
        plan = self.plan("papaformer/recipe.yaml")
        self.assertEqual(self.parameters(plan), {
            "path_1": 13_610_880, "path_2": 13_610_880, "share_linear": 29_354_752, "gumbel_moe_1": 29_356_297,
            "gumbel_moe_2": 29_357_449, "llama_256": 33_619_200, "llama_192": 23_739_840})
        self.assertEqual(plan["compat"]["mode"], "paper")
        devices = {job["device"] for job in plan["jobs"] if job["kind"] in ("train", "joint", "evaluate")}
        self.assertEqual(devices, {"cuda"})

    def test_phase_1_takes_its_vocabulary_from_its_tokenizer(self):
        parameters = self.parameters(self.plan("papaformer/phase1.yaml"))
        self.assertEqual(parameters["llama_256"], 33_619_200 - 2 * 20 * 256)  # V = 50258, 20 rows less than phase 2
        self.assertEqual(len(parameters), 5)

    def test_the_sweep_has_its_thirteen_arms(self):
        plan = self.plan("dual_path/sweep_80m.yaml")
        self.assertGreaterEqual(len(plan["models"]), 13)
        for model in plan["models"]:
            # One budget of a block for all, 80 M operations of a token, but for the rounding of widths to 256.
            self.assertAlmostEqual(model["flopsPerBlock"]["projections"], 80e6, delta=0.05 * 80e6, msg=model["name"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
