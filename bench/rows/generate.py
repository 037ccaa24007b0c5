"""Greedy generation with kept keys: tokens/s of one sequence and of 32."""

import json
import os
from typing import Any

from harness.row import Limit, Row, Setup
from harness.side import ProcessSide, Side

from rows import models, variants
from rows.train import tiny

PROMPT = 32
TOKENS = {1: 96, 32: 24}  # by batch: a turn is all of them


class GenerateRow(Row):
    unit = "tokens/s"
    target = "2"

    def __init__(self, name: str, what: str, spec: models.Spec, batch: int):
        self.name = f"generate.{name}.{batch}"
        self.title = f"generation, {what}, batch {batch}"
        self.spec, self.batch = spec, batch

    def model(self, setup: Setup) -> models.Spec:
        return tiny(self.spec) if setup.quick else self.spec

    def lengths(self, setup: Setup) -> tuple[int, int]:
        return (8, 8) if setup.quick else (PROMPT, TOKENS[self.batch])

    def settings(self, setup: Setup) -> dict[str, Any]:
        prompt, tokens = self.lengths(setup)
        return {
            **models.text(self.model(setup)),
            "batch": self.batch,
            "prompt": prompt,
            "new tokens": tokens,
            "threads": setup.threads,
            "precision": "fp32",
        }

    def sides(self, setup: Setup) -> list[Side]:
        prompt, tokens = self.lengths(setup)
        path = os.path.join(setup.scratch, self.name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.model(setup), file)
        words = ["generate", path, *map(str, (self.batch, setup.threads, prompt, tokens))]
        braid = ProcessSide("braid", [setup.bench_program("model_turns"), *words], setup.env())
        return [braid, *(self.peer(setup, one) for one in variants.of_run(setup))]

    def peer(self, setup: Setup, variant: variants.Variant) -> Side:
        prompt, tokens = self.lengths(setup)
        asked = {
            "model": self.model(setup),
            "batch": self.batch,
            "threads": setup.threads,
            "prompt": prompt,
            "tokens": tokens,
            "compile": variant.compiled,
        }
        return ProcessSide(
            variant.name("transformers" if self.spec["kind"] == "dense" else "PyTorch"),
            setup.peer("generate.py", json.dumps(asked)),
            variant.env(setup),
            variant.why_not(setup),
        )

    def limit(self, setup: Setup) -> Limit | None:
        if self.batch > 1:
            return None
        # One sequence reads every weight for each token.
        bytes_a_token = 4 * models.weights(self.model(setup))
        side = ProcessSide(
            "memory", setup.peer("limits.py", "memory", str(setup.threads)), setup.env()
        )
        return Limit(side, "reading all weights once a token", "GB/s", bytes_a_token / 1e9)


def rows() -> list[Row]:
    dense = models.dense(50278, 256, 8, 8, 256)
    composite = models.composite(models.CONNECTIONS["preserving"], 50278, 128, 3, 4, 256)
    return [
        GenerateRow(name, what, spec, batch)
        for name, what, spec in (
            ("dense", "dense shape d", dense),
            ("composite", "composite preserving", composite),
        )
        for batch in (1, 32)
    ]
