"""From the start of a task program to the end of its first step, with files that were read before."""

import json
import os
import subprocess
import tempfile
import time
from typing import Any

from harness.row import Row, Setup
from harness.side import ActionSide, Side, SideError, Turn

from rows import models, tasks

BATCH = 4


class StartRow(Row):
    name = "start"
    title = "from the start of a training to the end of its first step"
    unit = "s"
    better = "less"
    target = "1 s"
    spec = models.dense(4001, 128, 4, 4, 128)

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {**models.text(self.spec), "B": BATCH, "threads": 1, "files": "warm"}

    def braid(self, setup: Setup) -> Turn:
        with tempfile.TemporaryDirectory(dir=setup.scratch) as folder:
            task = tasks.write_task(
                folder, "train", tasks.training(self.spec, 3), tasks.corpus(setup)
            )
            events = tasks.follow(tasks.start(setup, "braid-trainer", task), task)
        return Turn([dict(events.steps())[1]])

    def peer(self, setup: Setup) -> Turn:
        asked = json.dumps({"model": self.spec, "batch": BATCH, "threads": 1})
        start = time.perf_counter()
        with subprocess.Popen(
            setup.peer("first_step.py", asked),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **setup.env(1)},
        ) as process:
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
        if not line:
            raise SideError(f"exit code {process.returncode}")
        return Turn([seconds])

    def sides(self, setup: Setup) -> list[Side]:
        tasks.corpus(setup)
        why = setup.peers.why_not("transformers")
        return [
            ActionSide("braid", lambda: self.braid(setup)),
            ActionSide("transformers", lambda: self.peer(setup), why),
        ]


def rows() -> list[Row]:
    return [StartRow()]
