#!/usr/bin/env python3
"""The results in README.md are those that scripts/quickstart prints: of its recipe's models, in the form of today's reports."""

import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import by_hand

README = os.path.join(by_hand.SOURCE_DIR, "README.md")


def script():
    loader = importlib.machinery.SourceFileLoader(
        "readme_results", os.path.join(by_hand.SOURCE_DIR, "scripts", "readme_results")
    )
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def models_of_the_recipe():
    """(name, role, history, composite) in the order of a report."""
    text = read(os.path.join(by_hand.SOURCE_DIR, "examples", "quickstart", "recipe.yaml"))
    sections = {
        key: re.findall(r"^  - \{name: (\w+)", body, re.M)
        for key, body in re.findall(
            r"^(paths|composites|baselines):(.*\n(?:(?:  .*)?\n)*)", text, re.M
        )
    }
    models = [(name, "path", name, "") for name in sections["paths"]] + [
        (name, "dense", name, "") for name in sections["baselines"]
    ]
    for name in sections["composites"]:
        models += [
            (name + "@start", "composite_start", "", name),
            (name, "composite", "joint:" + name, name),
        ]
    return models, sections


def a_report(folder):
    """results.md of a run of these models whose every number is made up."""
    models, sections = models_of_the_recipe()
    inputs, jobs = {}, []

    def put(role, file, text):
        inputs[role] = os.path.join(folder, "inputs", role)
        os.makedirs(inputs[role])
        with open(os.path.join(inputs[role], file), "w", encoding="utf-8") as out:
            out.write(text)

    def add_job(name, seconds, tokens=0, ranks=1):
        jobs.append(
            {
                "name": name,
                "kind": "train",
                "state": "succeeded",
                "slots": 1,
                "ranks": ranks,
                "started_ms": 1000,
                "ended_ms": 1000 + 1000 * seconds,
                "summary": {"tokens": tokens},
            }
        )

    for name, role, history, composite in models:
        loss = {
            corpus: {"loss": 4.0, "perplexity": 54.6, "tokens": 100, "bits_per_byte": 2.0}
            for corpus in ("all", "mathematics", "speeches")
        }
        put(
            "evaluation." + name,
            "evaluation.json",
            json.dumps(
                {"name": name, "model": {"kind": "dense", "parameters": 1000}, "loss": loss}
            ),
        )
        if history:
            put(
                "history." + history,
                "history.jsonl",
                "".join(
                    json.dumps(
                        {
                            "step": step,
                            "tokens": 1000 * step,
                            "gradient_norm": 1.0,
                            "validation/speeches": 4,
                            "validation/mathematics": 4,
                        }
                    )
                    + "\n"
                    for step in (1, 2)
                ),
            )
            add_job(history, 10, 1000 if role != "dense" else 3000, 2 if composite else 1)
    for name in sections["composites"]:
        add_job("merge:" + name, 1)
        add_job("gate:" + name, 1)
        put(
            "merge." + name,
            "merge.json",
            json.dumps(
                {
                    "parents": sections["paths"],
                    "seed": 1,
                    "proof": "bit-equal",
                    "dropped": [],
                    "tensors": [],
                }
            ),
        )
    spec = {
        "title": "quickstart",
        "models": [
            {
                "name": name,
                "evaluation": name,
                "history": history,
                "role": role,
                "composite": composite,
            }
            for name, role, history, composite in models
        ],
        "facts": {"run": {"id": "r-1", "created_ms": 1}, "jobs": jobs},
    }
    by_hand.must(by_hand.run(os.path.join(folder, "task"), "report", spec, inputs))
    return read(os.path.join(folder, "task", "output", "report", "results.md"))


def shape(block):
    """Of a table its headings and the names in its first column; of sentences how they begin."""
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block]
    return (
        (cells[0], [row[0] for row in cells[2:]])
        if block[0].strip().startswith("|")
        else "sentences"
    )


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.script = script()
        with tempfile.TemporaryDirectory() as folder:
            cls.results = a_report(folder)

    def part(self):
        text = read(README)
        self.assertEqual((text.count(self.script.BEGIN), text.count(self.script.END)), (1, 1))
        return text[
            text.index(self.script.BEGIN) : text.index(self.script.END) + len(self.script.END)
        ]

    def test_its_tables_have_the_models_of_the_recipe_and_the_columns_of_a_report(self):
        here = self.script.blocks("\n".join(line.strip() for line in self.part().splitlines()))
        self.assertEqual(
            [shape(block) for block in here],
            [shape(block) for block in self.script.blocks(self.results)],
        )

    def test_every_verdict_is_of_one_training(self):
        for line in self.part().splitlines():
            if not line.lstrip().startswith("|") and re.search(
                r" (better|worse|equal|differ|times as) ", line
            ):
                self.assertIn("n this one training", line)

    def test_the_machine_is_named(self):
        self.assertRegex(self.part(), r"The main job took \d+ s on \d+ cores of \S.* \(\w+\)\.\n")

    def test_a_part_is_put_in_the_place_of_the_last_and_nothing_else_changes(self):
        text = read(README)
        part = self.script.render(self.results, "2 cores of a test (x86_64)", 7)
        changed = self.script.placed(text, part)
        self.assertIn("    | model ", part)
        self.assertRegex(
            part, r"\n    \| preserving +\| +[-+]?0\.0000"
        )  # its losses less those of the others
        self.assertRegex(part, r"\n    In this one training preserving ")
        self.assertIn("The main job took 7 s on 2 cores of a test (x86_64).", part)
        self.assertNotIn("Losses are mean cross-entropies", part)
        self.assertEqual(self.script.placed(changed, part), changed)
        self.assertEqual(changed.replace(part, ""), text.replace(self.part(), ""))
        with self.assertRaises(SystemExit):
            self.script.placed("a page without marks", part)

    def test_check_tells_whether_the_readme_has_the_results_that_are_there(self):
        """The script itself, in a folder of its own with results that are made up."""
        with tempfile.TemporaryDirectory(prefix="braid readme ") as folder:
            os.mkdir(os.path.join(folder, "scripts"))
            tool = shutil.copy(
                os.path.join(by_hand.SOURCE_DIR, "scripts", "readme_results"),
                os.path.join(folder, "scripts"),
            )
            readme = shutil.copy(README, folder)

            def run(*words):
                return subprocess.run(
                    [sys.executable, tool, *words], capture_output=True, text=True
                )

            without = run("--check")
            self.assertNotEqual(without.returncode, 0)
            self.assertRegex(
                without.stderr,
                r"results\.md: No such file or directory; run scripts/quickstart --again first",
            )
            here = os.path.join(folder, "build", "quickstart")
            os.makedirs(os.path.join(here, "report"))
            for name, text in (
                (os.path.join("report", "results.md"), self.results),
                ("machine", "2 cores of a test (x86_64)\n"),
                ("took", "7\n"),
            ):
                with open(os.path.join(here, name), "w", encoding="utf-8") as out:
                    out.write(text)
            self.assertEqual(run("--check").returncode, 1)  # other results than those in README.md
            self.assertEqual(read(readme), read(README))
            self.assertEqual(run().returncode, 0)
            self.assertIn("took 7 s on 2 cores of a test (x86_64).", read(readme))
            self.assertEqual(run("--check").returncode, 0)
            with open(os.path.join(here, "took"), "w", encoding="utf-8") as out:
                out.write("8\n")
            self.assertEqual(run("--check").returncode, 1)
            self.assertNotEqual(run("--chek").returncode, 0)


if __name__ == "__main__":
    unittest.main()
