"""The quickstart's composite beside its dense model on equal cores: read from its report."""

import json
import os
from typing import Any

from harness.row import Row, Setup
from harness.side import ActionSide, Side, Turn

COMPOSITE, DENSE = "preserving", "dense"


class QuickstartRow(Row):
    name = "quickstart"
    title = f"critical path of {COMPOSITE} against {DENSE} on equal cores"
    unit = "s"
    better = "less"
    target = "1.33 (at most 0.75 of its time)"

    def folder(self, setup: Setup) -> str:
        return os.path.join(setup.root, "build", "quickstart")

    def report(self, setup: Setup) -> dict[str, Any]:
        path = os.path.join(self.folder(setup), "report", "report.json")
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def why_not(self, setup: Setup) -> str:
        if setup.quick:
            return "is not quick"
        try:
            self.pair(setup)
        except (OSError, ValueError, KeyError, StopIteration):
            return "build/quickstart has no report; run scripts/quickstart"
        return ""

    def pair(self, setup: Setup) -> dict[str, Any]:
        found = self.report(setup)["speed"]
        return next(one for one in found if one["composite"] == COMPOSITE and one["dense"] == DENSE)

    def losses(self, setup: Setup) -> dict[str, float]:
        found = self.report(setup)["models"]
        return {one["name"]: one["loss"]["all"]["loss"] for one in found if one.get("loss")}

    def settings(self, setup: Setup) -> dict[str, Any]:
        try:
            with open(os.path.join(self.folder(setup), "machine"), encoding="utf-8") as file:
                machine = file.read().strip()
            losses = self.losses(setup)
            text = f"{losses[COMPOSITE]:.3f} against {losses[DENSE]:.3f}"
        except (OSError, ValueError, KeyError):
            return {}
        return {
            "read from": "the report of scripts/quickstart, each model trained once",
            "on": machine,
            "loss on all text": text,
        }

    def sides(self, setup: Setup) -> list[Side]:
        found = self.pair(setup)
        composite, dense = found["critical_path_s"], found["dense_equal_cores_s"]
        return [
            ActionSide(COMPOSITE, lambda: Turn([composite])),
            ActionSide(f"{DENSE}, on equal cores", lambda: Turn([dense])),
        ]


def rows() -> list[Row]:
    return [QuickstartRow()]
