"""Reports of runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ._address import StrPath
from ._artifacts import Artifacts
from ._errors import NotFound


@dataclass(frozen=True)
class Report:
    """The report of a run: its parts as text, and where its files were written."""

    folder: Path
    numbers: dict[str, Any]
    markdown: str
    html: str

    def _repr_html_(self) -> str:
        """Notebooks show the page itself, in a frame of its own."""
        quoted = self.html.replace("&", "&amp;").replace('"', "&quot;")
        style = "width:100%;height:40em;border:0"
        return f'<iframe sandbox="" style="{style}" srcdoc="{quoted}"></iframe>'


class Reports(Artifacts):
    """Calls about reports."""

    def report(self, run: str, folder: Optional[StrPath] = None) -> Report:
        """The report of a run, whose files are written to `folder` (default: reports/RUN). NotFound
        while there is none."""
        found = self.run(run)
        made = [job for job in found.jobs if job.kind == "report"]
        artifact = next((job.outputs["report"] for job in made if "report" in job.outputs), "")
        if not artifact:
            state = made[0].state if made else "not part of it"
            raise NotFound(f"run {found.id} has no report yet: its report job is {state}")
        into = Path(folder) if folder is not None else Path("reports") / found.id
        self.download(artifact, into)

        def text(name: str) -> str:
            return (into / name).read_text(encoding="utf-8")

        return Report(into, json.loads(text("report.json")), text("report.md"), text("report.html"))
