#!/usr/bin/env python3
"""docs/recipe.schema.json in a public validator: every example is valid, and what the schema refuses braid refuses too."""

import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

PROGRAMS = sys.argv[1] if len(sys.argv) > 1 else ""
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Loader(yaml.SafeLoader):
    """Numbers as YAML 1.2 has them, as editors do: 5e-4 is a number, 300_000 is text."""


Loader.yaml_implicit_resolvers = {
    first: [
        (tag, rule)
        for tag, rule in rules
        if tag not in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int")
    ]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789")
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)

GOOD = {
    "run": "small",
    "tokenizer": {"train": {"vocab": 400}},
    "corpora": {
        "tales": {"files": ["tales.jsonl"], "text": "text"},
        "sums": {"files": "sums/*.jsonl", "join": ["q", "a"]},
    },
    "paths": [
        {"name": "path_1", "corpus": "tales", "d": 64, "heads": 2, "blocks": 3},
        {"name": "path_2", "corpus": "sums", "d": 64, "heads": 2, "blocks": 3},
    ],
    "composites": [{"name": "c"}],
    "baselines": [{"name": "dense", "d": 128, "heads": 4, "blocks": 4}],
    "train": {"batch": 4, "optimizer": {"lr": 1e-3}},
}

# Where, and a value that must not stand there.
WRONG = [
    ("run", None),
    ("rnu", "small"),
    ("compat", "papre"),
    ("priority", 1001),
    ("priority", "high"),
    ("seed", -1),
    ("sequence", 1),
    ("sequence", 2.5),
    ("memory", {"train": "24 gigs"}),
    ("memory", {"train": -1}),
    ("memory", {"run": "24GB"}),
    ("tokenizer", None),
    ("tokenizer.train.vocab", 100),
    ("tokenizer.train.bytes", 0),
    ("corpora", None),
    ("corpora.tales.files", None),
    ("corpora.tales.files", []),
    ("corpora.tales.sample", 0),
    ("corpora.tales.sample", 1.5),
    ("corpora.tales.on_bad_row", "drop"),
    ("corpora.tales.max_bad_share", 1),
    ("corpora.tales.format", "csv"),
    ("corpora.tales.tokens", -1),
    ("corpora.tales.txet", "text"),
    ("validation.documents", 1),
    ("split.unit", "page"),
    ("split.paths", 0),
    ("arch.ffn_gate", "relu"),
    ("arch.norm_eps", 0),
    ("arch.rope_max_pos", -1),
    ("train.batch", 0),
    ("train.bacth", 4),
    ("train.epochs", "two"),
    ("train.optimizer.lr", 0),
    ("train.optimizer.lr", "fast"),
    ("train.optimizer.betas", [0.9]),
    ("train.optimizer.betas", [0.9, 1.0]),
    ("train.optimizer.kind", "sgd"),
    ("train.lr_schedule", "linear"),
    ("train.dropout_parallel", 1),
    ("train.checkpoint.steps", -1),
    ("train.checkpoint.minutes", 3),
    ("joint.freeze_paths", "long"),
    ("joint.ranks", 0),
    ("joint.device", "tpu"),
    ("joint.lr_factor", 0),
    ("paths.0.name", None),
    ("paths.0.d", None),
    ("paths.0.d", 1),
    ("paths.0.block", "moe"),
    ("paths.0.slots", 0),
    ("paths.0.start_moments", "keep"),
    ("composites.0.connect", "rooted"),
    ("composites.0.large", {"blocks": 3}),
    ("composites.0.paths", ["path_1"]),
    ("baselines.0.heads", 0),
    ("eval.loss_average", "mean"),
    ("export", {"format": "onnx"}),
    ("evaluate", "all"),
    ("evaluate", [{"blimb": {}}]),
    ("evaluate", [{"loss": "some"}]),
    ("evaluate", [{"loss": {"sequences": -1}}]),
    ("evaluate", [{"blimp": {"pairs": 3}}]),
    ("evaluate", [{"generate": {"prompts": ["a"], "top_p": 0}}]),
    ("evaluate", [{"glue": {"dir": "g", "tasks": ["boolq"]}}]),
    ("evaluate", [{"glue": {"dir": "g", "seeds": [3, 3]}}]),
    ("evaluate", [{"routing": {"prompts": "usual"}}]),
    ("evaluate", [{"routing": {"prompts": [{"text": "a"}]}}]),
    ("evaluate", [{"next_token": {"files": []}}]),
    ("evaluate", [{"resources": {"slots": 0}}]),
    ("evaluate", [{"loss": "all"}, {"resources": {"device": "tpu"}}]),
    ("run", ["a"]),
    ("paths.0.name", {"a": 1}),
]

# What stands in a recipe in several ways: where, and a value that may stand there.
RIGHT = [
    ("run", 5),
    ("run", "5"),
    ("run", 2.5),
    ("paths.0.name", 7),
    ("evaluate", [{"loss": "all"}]),
    ("evaluate", [{"loss": {"sequences": 4}}, {"generate": {"prompts": "Once", "tokens": 3}}]),
    ("evaluate", [{"generate": {"prompts": {"file": "p.txt"}}}]),
    ("evaluate", [{"glue": {"dir": "g", "tasks": "rte"}}, {"superglue": {"dir": "s"}}]),
    ("evaluate", [{"routing": {"prompts": "default", "correct": {"tales": 2}}}]),
    ("evaluate", [{"routing": {"prompts": [{"text": "a", "correct": 1}]}}]),
    ("evaluate", [{"next_token": {"files": "a.txt", "format": "text"}}]),
]


def changed(path, value):
    """The small recipe with another value at `path`; None takes it away."""
    recipe = copy.deepcopy(GOOD)
    at = recipe
    parts = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parts[:-1]:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
    if value is None:
        del at[parts[-1]]
    else:
        at[parts[-1]] = value
    return recipe


class RecipeSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(ROOT, "docs", "recipe.schema.json"), encoding="utf-8") as file:
            cls.schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def errors(self, recipe):
        return [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in self.validator.iter_errors(recipe)
        ]

    def braid_refuses(self, recipe):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "recipe.yaml")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(recipe, file)  # JSON is YAML
            program = os.path.join(PROGRAMS, "braid")
            return (
                subprocess.run(
                    [program, "plan", path], capture_output=True, text=True, check=False
                ).returncode
                == 1
            )

    def test_every_example_is_valid(self):
        examples = glob.glob(os.path.join(ROOT, "examples", "**", "*.yaml"), recursive=True)
        self.assertGreaterEqual(len(examples), 7)
        for path in examples:
            with self.subTest(path=path), open(path, encoding="utf-8") as file:
                self.assertEqual(self.errors(yaml.load(file, Loader)), [])

    def test_what_braid_takes_the_schema_takes(self):
        for path, value in RIGHT:
            with self.subTest(path=path, value=value):
                recipe = changed(path, value)
                self.assertEqual(self.errors(recipe), [])
                self.assertFalse(self.braid_refuses(recipe), "braid refuses it")

    def test_wrong_recipes_are_refused_as_braid_refuses_them(self):
        self.assertEqual(self.errors(GOOD), [])
        self.assertFalse(self.braid_refuses(GOOD))
        self.assertGreaterEqual(len(WRONG), 30)
        for path, value in WRONG:
            with self.subTest(path=path, value=value):
                recipe = changed(path, value)
                self.assertNotEqual(self.errors(recipe), [], "the schema takes it")
                self.assertTrue(self.braid_refuses(recipe), "braid takes it")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
