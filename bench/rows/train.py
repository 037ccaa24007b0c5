"""Training steps: forward, loss, backward, clipping, AdamW, on random tokens."""

import json
import os
from typing import Any

from harness.row import Limit, Row, Setup
from harness.side import MemorySide, ProcessSide, Side

from rows import models, variants

#          V      d   blocks heads  T   B      as docs/performance.md names them
SHAPES = {
    "a": (4096, 128, 3, 4, 128, 8),
    "b": (4096, 64, 3, 2, 128, 8),
    "c": (50278, 128, 3, 4, 256, 8),
    "d": (50278, 256, 8, 8, 256, 4),
}
VOCABULARIES = {"small": (4096, 128), "large": (50278, 256)}  # with the tokens of a sequence
# Of the block kinds of the dual-path paper at the width of shape a.
DUAL = {
    "dual_path": {"loops": 3, "ffn_deep": 256, "ffn_wide": 512, "qk_norm": True},
    "loop": {"loops": 3, "ffn_deep": 512, "qk_norm": True},
    "wide": {"ffn_wide": 1024, "qk_norm": True},
}
NO_BF16 = "the processor has no bf16 (avx512_bf16 or amx_bf16); emulated, it is slower than fp32"


def tiny(spec: models.Spec) -> models.Spec:
    """The same model over a vocabulary that makes a step quick."""
    return {**spec, "vocab": 512, "pad_id": 511, "sequence": 32}


def products_limit(setup: Setup, threads: int, scale: float = 1.0, bf16=False) -> Limit:
    """at::mm on so many threads; `scale` makes GFLOP/s of braid's figure."""
    why = setup.peers.why_not("numpy")
    name, kind = ("at::mm in bf16", "mm.bf16") if bf16 else ("at::mm", "mm")
    side = ProcessSide(name, setup.peer("limits.py", kind, str(threads)), setup.env(threads), why)
    return Limit(side, name, "GFLOP/s", scale)


class TrainRow(Row):
    unit = "tokens/s"
    kind_of_side = ProcessSide

    def __init__(
        self, name: str, title: str, spec: models.Spec, batch: int, target: str, bf16=False
    ):
        self.name, self.title, self.target = name, title, target
        self.spec, self.batch, self.bf16 = spec, batch, bf16

    def model(self, setup: Setup) -> models.Spec:
        return tiny(self.spec) if setup.quick else self.spec

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            **models.text(self.model(setup)),
            "B": self.batch,
            "threads": setup.threads,
            "precision": "bf16; peers: autocast" if self.bf16 else self.precision(),
        }

    def precision(self) -> str:
        return "bf16" if self.bf16 else "fp32"

    def why_not(self, setup: Setup) -> str:
        if self.bf16 and not (setup.machine.has_bf16() and setup.isa in ("avx512", "amx")):
            return NO_BF16
        return ""

    def braid(self, setup: Setup) -> Side:
        path = os.path.join(setup.scratch, self.name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.model(setup), file)
        words = ["train", path, str(self.batch), str(setup.threads), self.precision()]
        return self.kind_of_side("braid", [setup.bench_program("model_turns"), *words], setup.env())

    def peer(self, setup: Setup, variant: variants.Variant) -> Side:
        asked = {
            "model": self.model(setup),
            "batch": self.batch,
            "threads": setup.threads,
            "compile": variant.compiled,
            "bf16": self.bf16,
        }
        dense = self.spec["kind"] == "dense" and self.spec["dense"]["block"] == "llama"
        return self.kind_of_side(
            variant.name("transformers" if dense else "PyTorch"),
            setup.peer("train.py", json.dumps(asked)),
            variant.env(setup),
            variant.why_not(setup),
        )

    def sides(self, setup: Setup) -> list[Side]:
        return [self.braid(setup), *(self.peer(setup, one) for one in variants.of_run(setup))]

    def limit(self, setup: Setup) -> Limit | None:
        scale = models.training_flop(self.model(setup)) / 1e9
        return products_limit(setup, setup.threads, scale, self.bf16)


class MemoryRow(TrainRow):
    unit, better, kind_of_side = "GB", "less", MemorySide

    def limit(self, setup: Setup) -> Limit | None:
        return None


class ProductsRow(TrainRow):
    """How fast linear layers run within a whole step, beside products alone."""

    unit = "GFLOP/s"

    def sides(self, setup: Setup) -> list[Side]:
        scale = models.training_flop(self.model(setup)) / 1e9
        self.products = products_limit(setup, setup.threads)
        return [ScaledSide(self.braid(setup), scale), self.products.side]

    def limit(self, setup: Setup) -> Limit | None:
        return self.products


class ScaledSide(Side):
    """Another side whose values are multiplied by a number."""

    def __init__(self, side: Side, scale: float):
        super().__init__(side.name, side.why_not)
        self.side, self.scale = side, scale
        self.open, self.close = side.open, side.close

    def turn(self, seconds: float):
        turn = self.side.turn(seconds)
        return type(turn)([self.scale * value for value in turn.values], turn.facts)


def dense(shape: str) -> tuple[models.Spec, int]:
    vocab, d, blocks, heads, sequence, batch = SHAPES[shape]
    return models.dense(vocab, d, blocks, heads, sequence), batch


def rows() -> list[Row]:
    made: list[Row] = []
    for precision, targets in (
        ("", dict(a="1.4", b="1.8", c="1.7", d="1.4")),
        (".bf16", dict(a="1.3", b="1.5", c="2", d="1.5")),
    ):
        for shape, target in targets.items():
            title = f"training, shape {shape}" + (", bf16" if precision else "")
            made.append(
                TrainRow(f"train.{shape}{precision}", title, *dense(shape), target, bool(precision))
            )
    for size, (vocab, sequence) in VOCABULARIES.items():
        for name, connection in models.CONNECTIONS.items():
            spec = models.composite(connection, vocab, 128, 3, 4, sequence)
            title = f"training, composite {name}, V {vocab}"
            made.append(TrainRow(f"composite.{name}.{size}", title, spec, 8, "1.7"))
    for name, dual in DUAL.items():
        spec = models.model(
            "bench", 4096, 128, dense=models.stack("bench", 128, 4, 3, name, **dual)
        )
        made.append(TrainRow(f"dual.{name}", f"training, {name} blocks", spec, 8, "1.5"))
    made.append(
        ProductsRow("linear.c", "linear layers of a step, shape c", *dense("c"), "0.75 of at::mm")
    )
    made.append(MemoryRow("memory.c", "peak memory, shape c", *dense("c"), "0.8 GB"))
    return made
