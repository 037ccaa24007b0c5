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
    """A tokenizer.json of so many entries, the last of which ends documents."""
    vocab = {f"w{number}": number for number in range(entries - 1)}
    end = {
        "id": entries - 1,
        "content": "<|endoftext|>",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    write_lines(
        path,
        [
            json.dumps(
                {
                    "model": {"type": "BPE", "vocab": vocab, "merges": []},
                    "added_tokens": [end],
                    "pre_tokenizer": {
                        "type": "ByteLevel",
                        "add_prefix_space": False,
                        "trim_offsets": True,
                    },
                }
            )
        ],
    )


SMALL = """run: small%s
tokenizer: {%s}
corpora: {c: {files: [c.txt]}}
sequence: 16
paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1}]
train: {batch: 2, accumulate: 1, epochs: 1, %s}
"""


class Plans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-plan-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree(
            os.path.join(by_hand.SOURCE_DIR, "examples"), os.path.join(cls.folder, "examples")
        )
        data = os.path.join(cls.folder, "examples", "papaformer", "data")
        write_tokenizer(os.path.join(data, "gpt-neox-20b", "tokenizer.json"), 50277)
        write_tokenizer(os.path.join(data, "tinystories-3m", "tokenizer.json"), 50257)
        write_lines(
            os.path.join(data, "tinystories", "TinyStories-train.txt"), ["Once.", "<|endoftext|>"]
        )
        write_lines(
            os.path.join(data, "tinystories", "TinyStories-valid.txt"), ["Twice.", "<|endoftext|>"]
        )
        write_lines(
            os.path.join(data, "openmathinstruct-1", "train", "one.jsonl"),
            [json.dumps({"question": "1+1", "generated_solution": "2"})],
        )
        write_blimp(os.path.join(data, "blimp"))
        write_glue(os.path.join(data, "glue"))
        write_superglue(os.path.join(data, "superglue"))
        data = os.path.join(cls.folder, "examples", "dual_path", "data")
        write_tokenizer(os.path.join(data, "gpt2-padded", "tokenizer.json"), 50303)
        write_lines(os.path.join(data, "nemotron-cc", "one.jsonl.zst"), ["not read by a plan"])

    def plan(self, recipe):
        done = subprocess.run(
            [
                by_hand.program("braid"),
                "-o",
                "json",
                "plan",
                os.path.join(self.folder, "examples", recipe),
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def parameters(self, plan):
        return {model["name"]: int(model["parameters"]) for model in plan["models"]}

    def test_papaformer_has_the_models_of_its_phase_2(self):
        plan = self.plan("papaformer/recipe.yaml")
        self.assertEqual(
            self.parameters(plan),
            {
                "path_1": 13_610_880,
                "path_2": 13_610_880,
                "share_linear": 29_354_752,
                "gumbel_moe_1": 29_356_297,
                "gumbel_moe_2": 29_357_449,
                "llama_256": 33_619_200,
                "llama_192": 23_739_840,
            },
        )
        self.assertEqual(plan["compat"]["mode"], "paper")
        devices = {
            job["device"] for job in plan["jobs"] if job["kind"] in ("train", "joint", "evaluate")
        }
        self.assertEqual(devices, {"cuda"})

    def test_phase_1_takes_its_vocabulary_from_its_tokenizer(self):
        parameters = self.parameters(self.plan("papaformer/phase1.yaml"))
        self.assertEqual(
            parameters["llama_256"], 33_619_200 - 2 * 20 * 256
        )  # V = 50258, 20 rows less than phase 2
        self.assertEqual(len(parameters), 5)

    def test_the_sweep_has_its_thirteen_arms(self):
        plan = self.plan("dual_path/sweep_80m.yaml")
        self.assertGreaterEqual(len(plan["models"]), 13)
        for model in plan["models"]:
            # One budget of a block for all, 80 M operations of a token, but for the rounding of widths to 256.
            self.assertAlmostEqual(
                model["flopsPerBlock"]["projections"], 80e6, delta=0.05 * 80e6, msg=model["name"]
            )


class Elsewhere(unittest.TestCase):
    """Recipes on a machine that has little of what they name, or something odd."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid-plan-")
        self.addCleanup(shutil.rmtree, self.folder)

    def braid(self, *words):
        return subprocess.run([by_hand.program("braid"), *words], capture_output=True)

    def recipe(self, text):
        path = os.path.join(self.folder, "recipe.yaml")
        with open(path, "wb") as file:
            file.write(text)
        write_lines(os.path.join(self.folder, "c.txt"), ["word " * 400])
        return path

    def refusal(self, text):
        done = self.braid("plan", self.recipe(text))
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stderr.decode()

    def test_the_published_recipes_are_planned_without_their_data(self):
        for recipe, parameters in (
            (
                "papaformer/recipe.yaml",
                {"path_1": 13_610_880, "share_linear": 29_354_752, "llama_256": 33_619_200},
            ),
            ("papaformer/phase1.yaml", {"llama_256": 33_619_200 - 2 * 20 * 256}),
            ("dual_path/sweep_80m.yaml", {"pure_wide": 719_022_864}),
        ):
            shutil.copy(
                os.path.join(by_hand.SOURCE_DIR, "examples", recipe),
                os.path.join(self.folder, "recipe.yaml"),
            )
            path = os.path.join(self.folder, "recipe.yaml")
            done = self.braid("-o", "json", "plan", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            plan = json.loads(done.stdout)
            models = {model["name"]: model for model in plan["models"]}
            for name, count in parameters.items():
                self.assertEqual(int(models[name]["parameters"]), count, name)
                self.assertGreater(models[name]["flopsPerToken"]["projections"], 0)
            self.assertTrue(
                any("tokenizer.json" in line for line in plan["missing"]), plan["missing"]
            )
            for line in plan["missing"]:
                self.assertRegex(line, r"recipe\.yaml:\d+: ")
            text = self.braid("plan", path).stdout.decode()
            for line in plan["missing"]:
                self.assertIn(line, text)
            done = self.braid("--addr", "127.0.0.1:1", "submit", path)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(plan["missing"][0], done.stderr.decode())

    def test_a_field_is_explained_and_an_unknown_one_named(self):
        text = self.braid("explain", "train.optimizer.lr").stdout.decode()
        self.assertIn("type:     a number, above 0\n  default:  5e-04\n", text)
        self.assertIn("\n  corpora ", self.braid("explain").stdout.decode())
        explained = json.loads(
            self.braid("-o", "json", "explain", "recipe.train.accum_tail").stdout
        )
        self.assertEqual((explained["default"], explained["default_paper"]), ("drop", "carry"))
        unknown = self.braid("explain", "train.optimiser")
        self.assertEqual(unknown.returncode, 3)
        self.assertEqual(
            unknown.stderr.decode(),
            "braid: train.optimiser: train has no field optimiser; did you mean train.optimizer?\n",
        )

    def test_what_is_no_tokenizer_is_a_sentence(self):
        for text in (
            '{"model": null}',
            "null",
            "[]",
            '{"model": {"vocab": null}}',
            '{"model": {"vocab": {"a": "b"}}}',
            '{"added_tokens": 3}',
            "",
        ):
            write_lines(os.path.join(self.folder, "t.json"), [text])
            said = self.refusal((SMALL % ("", "file: t.json", "clip: 1")).encode())
            self.assertRegex(
                said, r"^braid: .*recipe\.yaml:2: tokenizer\.file: .*t\.json.*\n$", text
            )

    def test_odd_numbers_and_letters_are_named(self):
        self.assertIn(
            "recipe.yaml:6:61: train.optimizer.lr: must be finite",
            self.refusal((SMALL % ("", "train: {vocab: 300}", "optimizer: {lr: inf}")).encode()),
        )
        said = self.refusal(
            (SMALL % (" # caf\u00e9", "train: {vocab: 300}", "clip: 1")).encode("latin-1")
        )
        self.assertIn("recipe.yaml:1:17: byte 0xE9 is not UTF-8", said)
        done = self.braid(
            "--addr",
            "127.0.0.1:1",
            "submit",
            self.recipe(
                (SMALL % (" # caf\u00e9", "train: {vocab: 300}", "clip: 1")).encode("latin-1")
            ),
        )
        self.assertIn("recipe.yaml:1:17: byte 0xE9 is not UTF-8", done.stderr.decode())

    def test_trainings_that_come_to_nothing_are_warned_of(self):
        path = self.recipe((SMALL % ("", "train: {vocab: 300}", "warmup_steps: 100000")).encode())
        done = self.braid("plan", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(
            done.stdout.decode(),
            r"warnings:\n  p: warmup_steps 100000: the whole training has about \d+ steps",
        )
        path = self.recipe(
            (SMALL % ("", "train: {vocab: 300}", "clip: 1"))
            .replace("batch: 2", "batch: 200")
            .encode()
        )
        self.assertRegex(
            self.braid("plan", path).stdout.decode(),
            r"warnings:\n  p: an epoch of about \d+ tokens does not fill one step \(batch 200 x",
        )

    def test_text_set_aside_that_is_no_sequence_is_refused_by_submit(self):
        path = self.recipe(
            (SMALL % ("", "train: {vocab: 300}", "clip: 1"))
            .replace("sequence: 16", "sequence: 8192")
            .encode()
        )
        said = "recipe.yaml:3: corpora.c: at most 8005 tokens are set aside for validation, not one sequence of 8192; raise validation.documents"
        self.assertIn(said, self.braid("plan", path).stdout.decode())
        done = self.braid("--addr", "127.0.0.1:1", "submit", path)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(said, done.stderr.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
