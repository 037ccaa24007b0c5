"""The joint phase: two ranks on two cores beside one process on one core."""

import os
import tempfile
from typing import Any

from harness.row import Row, Setup
from harness.side import ActionSide, Side, Turn

from rows import models, tasks

BATCH, FIRST = 4, 10  # steps before FIRST are left out: memory is touched for the first time


class JointRow(Row):
    unit = "tokens/s"
    target = "1.8"

    def __init__(self, connection: str):
        self.name = f"joint.{connection}"
        self.title = f"joint phase of {connection}: 2 ranks of 1 core against 1 process on 1 core"
        self.spec = models.composite(models.CONNECTIONS[connection], 4001, 64, 3, 2, 128)

    def steps(self, setup: Setup) -> int:
        return 14 if setup.quick else 60

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            **models.text(self.spec),
            "B": BATCH,
            "steps": f"{FIRST} to {self.steps(setup)}",
            "precision": "fp32",
        }

    def why_not(self, setup: Setup) -> str:
        return "" if setup.machine.cores > 1 else "the machine has one core"

    def turn(self, setup: Setup, ranks: int) -> Turn:
        with tempfile.TemporaryDirectory(dir=setup.scratch) as folder:
            files = []
            for rank in range(ranks):
                files.append(
                    tasks.write_task(
                        os.path.join(folder, str(rank)),
                        "train",
                        tasks.training(self.spec, self.steps(setup)),
                        tasks.corpus(setup),
                        rank=rank,
                        world=ranks,
                        rendezvous=os.path.join(folder, "rendezvous"),
                    )
                )
            cores = sorted(os.sched_getaffinity(0))
            started = [
                tasks.start(setup, "braid-trainer", file, core=cores[rank])
                for rank, file in enumerate(files)
            ]
            # Rank 0 reports; the others print next to nothing.
            events = [tasks.follow(*pair) for pair in zip(started, files, strict=True)]
            tokens = BATCH * self.spec["sequence"]
            return Turn([events[0].tokens_per_second(FIRST, self.steps(setup), tokens)])

    def sides(self, setup: Setup) -> list[Side]:
        tasks.corpus(setup)
        return [
            ActionSide("braid, 2 ranks", lambda: self.turn(setup, 2)),
            ActionSide("braid, 1 process", lambda: self.turn(setup, 1)),
        ]


def rows() -> list[Row]:
    return [JointRow("preserving"), JointRow("share_linear")]
