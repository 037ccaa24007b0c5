"""What a checkpoint every 50 steps costs a training."""

import tempfile
from typing import Any

from harness.row import Row, Setup
from harness.side import ActionSide, Side, Turn

from rows import models, tasks

FIRST, EVERY, BATCH = 10, 50, 4


class CheckpointRow(Row):
    name = "checkpoint"
    title = "training with a checkpoint every 50 steps against without"
    unit = "tokens/s"
    target = "0.99"
    spec = models.dense(4001, 128, 4, 4, 128)

    def steps(self, setup: Setup) -> int:
        return FIRST + (4 if setup.quick else 100)

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            **models.text(self.spec),
            "B": BATCH,
            "steps": f"{FIRST} to {self.steps(setup)}",
            "threads": setup.threads,
            "precision": "fp32",
        }

    def turn(self, setup: Setup, every: int) -> Turn:
        with tempfile.TemporaryDirectory(dir=setup.scratch) as folder:
            spec = tasks.training(
                self.spec, self.steps(setup), checkpoint={"steps": every, "seconds": 0}
            )
            task = tasks.write_task(
                folder, "train", spec, tasks.corpus(setup), threads=setup.threads
            )
            events = tasks.follow(
                tasks.start(setup, "braid-trainer", task, threads=setup.threads), task
            )
        tokens = BATCH * self.spec["sequence"]
        return Turn([events.tokens_per_second(FIRST, self.steps(setup), tokens)])

    def sides(self, setup: Setup) -> list[Side]:
        tasks.corpus(setup)
        every = 2 if setup.quick else EVERY
        return [
            ActionSide("braid, checkpoints", lambda: self.turn(setup, every)),
            ActionSide("braid, none", lambda: self.turn(setup, 0)),
        ]


def rows() -> list[Row]:
    return [CheckpointRow()]
