#!/usr/bin/env python3
"""Every evaluation and both directions of Hugging Face, from a recipe and by hand, with the real programs."""

import json
import os
import unittest

import by_hand
from evaluation_files import write_blimp, write_glue, write_superglue
from service import RECIPE, Service, write_recipe

EVALUATE = """evaluate:
  - loss: all
  - generate: {prompts: ["The red fox"], tokens: 8}
  - blimp: {dir: blimp}
  - glue: {dir: glue, epochs: 1, batch: 8, seeds: [3, 12]}
  - superglue: {dir: superglue, epochs: 1, batch: 8, seeds: [3, 12]}
export: true
"""
TASKS = ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "boolq", "wsc", "multirc"]


class Evaluation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.service.__enter__()
        folder = cls.service.folder
        write_blimp(os.path.join(folder, "blimp"))
        write_glue(os.path.join(folder, "glue"))
        write_superglue(os.path.join(folder, "superglue"))
        text = (
            RECIPE[: RECIPE.index("evaluate:")].replace("sequence: 32", "sequence: 64") + EVALUATE
        )
        cls.recipe = write_recipe(folder, by_hand.small_texts(), steps=10, text=text)
        cls.submitted = cls.service.run("submit", cls.recipe, "--watch", code=None)
        cls.run_id = cls.submitted.stdout.strip()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def folder(self, name):
        return os.path.join(self.service.folder, name)

    def output(self, job, role):
        """An output of a job of the run as a folder."""
        folder = self.folder(f"{job}-{role}".replace(":", "-"))
        self.service.run(
            "artifact", "get", self.service.job(self.run_id, job)["outputs"][role], "--out", folder
        )
        return folder

    def test_the_run_succeeds(self):
        self.assertEqual(self.submitted.returncode, 0, self.submitted.stderr)

    def test_every_task_has_both_seeds(self):
        with open(
            os.path.join(self.output("evaluate:both", "evaluation"), "evaluation.json"),
            encoding="utf-8",
        ) as file:
            evaluation = json.load(file)
        tasks = evaluation["glue"]["tasks"]
        self.assertEqual(sorted(tasks), sorted(TASKS))
        for name, task in tasks.items():
            self.assertEqual(len(task["seeds"]), 2, name)
            self.assertAlmostEqual(task["score"], sum(task["seeds"]) / 2, places=6)
        self.assertEqual(len(evaluation["blimp"]["paradigms"]), 2)

    def test_the_report_has_the_tables_of_the_scores(self):
        text = self.service.run("report", self.run_id).stdout
        for heading in ("BLiMP", "GLUE", "SuperGLUE"):
            self.assertIn(heading, text)

    def test_models_are_evaluated_by_hand(self):
        """The same numbers as in the run, from RUN/JOB, from an artifact's id and from a folder."""
        model = self.service.job(self.run_id, "joint:both")["outputs"]["model"]
        names = [self.run_id + "/joint:both", model, self.output("joint:both", "model")]
        shown = [
            self.service.run("eval", name, "--blimp", self.folder("blimp")).stdout for name in names
        ]
        self.assertEqual(len(set(shown)), 1)
        self.assertIn("wh_island", shown[0])
        losses = self.service.run(
            "eval", names[0], "--shards", self.output("prepare:tales", "shards")
        ).stdout
        self.assertIn("perplexity", losses)
        self.assertIn("bits a byte", losses)
        routing = self.service.run(
            "eval",
            names[0],
            "--shards",
            self.output("prepare:tales", "shards"),
            "--routing",
            "default",
        ).stdout
        for line in ("prompts", "tales"):
            self.assertRegex(routing, rf"(?m)^{line} .*path_tales [0-9.]+ %  path_sums [0-9.]+ %")
        said = self.service.run(
            "adapt", names[0], self.folder("blimp"), "--out", self.folder("glue"), code=None
        )
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("exists already; name a folder that does not", said.stderr)
        said = self.service.run("eval", names[0], "--dual", "published", code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("has no loop or dual_path block; --dual is about those", said.stderr)

    def test_models_are_exported_and_imported_by_hand(self):
        out, back = self.folder("tales-hf"), self.folder("tales-back")
        self.service.run("export", self.run_id + "/path_tales", "--out", out)
        with open(os.path.join(out, "config.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["architectures"], ["LlamaForCausalLM"])
        self.assertTrue(os.path.exists(os.path.join(out, "tokenizer.json")))
        self.service.run("import", out, "--out", back)
        words = ("The red fox", "--tokens", "6")
        self.assertEqual(
            self.service.run("generate", back, *words).stdout,
            self.service.run("generate", self.run_id + "/path_tales", *words).stdout,
        )
        said = self.service.run("generate", out, *words, code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn(
            out + " is a Hugging Face folder; braid import makes a checkpoint of a Llama",
            said.stderr,
        )
        again = self.service.run("import", out, "--out", back, code=None)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn(back, again.stderr)

    def test_files_of_evaluations_are_checked_before_anything_is_trained(self):
        folder = self.folder("wrong")
        os.makedirs(os.path.join(folder, "glue", "SST-2"))
        for split in ("train", "dev"):
            with open(
                os.path.join(folder, "glue", "SST-2", split + ".tsv"), "w", encoding="utf-8"
            ) as out:
                out.write("sentence\tlabel\ngood\t1\nbetter\t1\n")
        runs = self.service.json("list", "runs")
        text = (
            RECIPE[: RECIPE.index("evaluate:")] + "evaluate: [{glue: {dir: glue, tasks: [sst2]}}]\n"
        )
        said = self.service.run(
            "submit", write_recipe(folder, by_hand.small_texts(), steps=4, text=text), code=1
        ).stderr
        self.assertIn("SST-2/train.tsv has one class only", said)
        text = RECIPE[: RECIPE.index("evaluate:")] + "evaluate: [{blimp: {dir: glue}}]\n"
        said = self.service.run(
            "submit", write_recipe(folder, by_hand.small_texts(), steps=4, text=text), code=1
        ).stderr
        self.assertIn("no <paradigm>.jsonl here", said)
        self.assertEqual(self.service.json("list", "runs"), runs)

    def test_hugging_face_folders_join_a_merge_and_begin_a_training(self):
        folder = self.folder("guests")
        os.makedirs(folder)
        for name in ("tales", "sums"):
            self.service.run(
                "export", f"{self.run_id}/path_{name}", "--out", os.path.join(folder, name + "-hf")
            )
        text = RECIPE.replace("{train: {vocab: 400}}", "{file: tales-hf/tokenizer.json}").replace(
            "sequence: 32", "sequence: 64"
        )
        text = text.replace("name: path_tales,", "name: path_tales, from: ./tales-hf,").replace(
            "name: path_sums,", "name: path_sums, start: ./sums-hf,"
        )
        recipe = write_recipe(folder, by_hand.small_texts(), steps=4, text=text)
        run = self.service.run("submit", recipe, "--only", "merge:both", "--watch").stdout.strip()
        self.assertEqual(
            {job["name"] for job in self.service.json("describe", run)["jobs"]},
            {"tokenizer", "prepare:sums", "path_sums", "merge:both"},
        )
        # It went on from what the export holds: the first loss is not that of weights drawn anew.
        first = [
            json.loads(self.service.metrics(of, "path_sums")[1])["loss"]
            for of in (self.run_id, run)
        ]
        self.assertLess(first[1], first[0] - 0.05)
        other = text.replace(
            "name: path_sums, start: ./sums-hf, corpus: sums, d: 16",
            "name: path_sums, start: ./sums-hf, corpus: sums, d: 32",
        )
        failed = self.service.run(
            "submit",
            write_recipe(folder, by_hand.small_texts(), steps=4, text=other),
            "--only",
            "path_sums",
            code=1,
        )
        self.assertIn(
            "path_sums is not what the recipe says of it: d is 16, the recipe says 32",
            failed.stderr,
        )

    def test_parts_of_speech_of_a_dual_path_model(self):
        folder = self.folder("tagged")
        os.makedirs(folder)
        rows = [
            {
                "text": "The fox saw a hen",
                "tags": [
                    [0, 3, "DET"],
                    [4, 7, "NOUN"],
                    [8, 11, "VERB"],
                    [12, 13, "DET"],
                    [14, 17, "NOUN"],
                ],
            }
        ] * 40
        tagged = os.path.join(folder, "talk.jsonl")
        with open(tagged, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        model = "block: dual_path, dual: {loops: 2, ffn_deep: 16, ffn_wide: 32, scale_init: 0}}"
        text = RECIPE[: RECIPE.index("evaluate:")].replace(
            "{name: dense, d: 32, heads: 4, blocks: 2}",
            "{name: dense, d: 32, heads: 4, blocks: 2, " + model,
        )
        text += "evaluate: [{dual: {tagged: [talk.jsonl], interventions: published}}]\n"
        recipe = write_recipe(folder, by_hand.small_texts(), steps=6, text=text)
        run = self.service.run(
            "submit", recipe, "--only", "evaluate:dense", "--watch"
        ).stdout.strip()
        out = self.folder("tagged-evaluation")
        self.service.run(
            "artifact",
            "get",
            self.service.job(run, "evaluate:dense")["outputs"]["evaluation"],
            "--out",
            out,
        )
        with open(os.path.join(out, "evaluation.json"), encoding="utf-8") as file:
            dual = json.load(file)["dual"]
        self.assertLessEqual({"DET", "NOUN", "VERB"}, set(dual["readouts"]["talk"]))
        words = [
            one for one in dual["interventions"] if one["name"] == "ADJ, ADV, PART, PRON, VERB deep"
        ]
        self.assertEqual(list(words[0]["loss"]), ["talk"])
        by_hand_too = self.service.run(
            "eval",
            run + "/dense",
            "--shards",
            self.output("prepare:tales", "shards"),
            "--dual",
            "published",
        ).stdout
        self.assertRegex(by_hand_too, r"(?m)^deep only +tales +loss [0-9.]+  change [+-][0-9.]+$")
        with open(tagged, "a", encoding="utf-8") as out:
            out.write('{"text": "The fox", "tags": [[0, 3, "DT"]]}\n')
        said = self.service.run("submit", recipe, "--only", "evaluate:dense", code=1).stderr
        self.assertIn(
            'talk.jsonl:41: field "tags" (column 29): item 0: "DT" is no Universal POS tag', said
        )

    def test_the_recipe_exports_every_model(self):
        exported = self.output("export:both", "model")
        for name in (
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "modeling_braid.py",
            "README.md",
        ):
            self.assertTrue(os.path.exists(os.path.join(exported, name)), name)
        with open(os.path.join(exported, "README.md"), encoding="utf-8") as file:
            card = file.read()
        self.assertIn(f"({self.run_id})", card)
        for path in ("path_tales", "path_sums"):
            self.assertIn(self.service.job(self.run_id, path)["outputs"]["model"], card)
        self.assertRegex(card, r"\| tales \| [0-9]+ \| [0-9]+ \|")
        self.assertIn(
            "| trained on | 7680 tokens |", card
        )  # two paths and the joint training, 10 steps of 4 sequences of 64 each


if __name__ == "__main__":
    unittest.main(verbosity=2)
