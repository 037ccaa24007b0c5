"""Runs of Weights & Biases, written to a folder and uploaded by wandb itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from .._address import StrPath
from .._client import Client
from .._errors import AlreadyExists
from ..types import MetricPoint, Run
from ._trainings import Training, export_each, missing


class _WandbRun:
    def __init__(self, folder: Path, project: str, training: Training) -> None:
        import wandb

        self._run: Any = wandb.init(
            dir=str(folder),
            project=project,
            id=_id(training.run, training.job),
            name=training.job,
            group=training.run.id,
            config={
                **training.settings,
                "braid.run": training.run.id,
                "braid.job": training.job,
            },
            mode="offline",
            reinit="create_new",
            # Nothing of the machine that exports belongs to the training.
            settings=wandb.Settings(
                console="off",
                disable_code=True,
                disable_git=True,
                silent=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )
        self.folder = Path(self._run.dir).parent

    def write(self, point: MetricPoint) -> None:
        self._run.log(dict(point.values), step=point.step)

    def close(self, state: str) -> None:
        self._run.finish(exit_code=1 if state in ("JOB_FAILED", "JOB_CANCELLED") else 0)


def to_wandb(
    client: Client,
    run: str,
    folder: StrPath,
    *,
    project: Optional[str] = None,
    follow: bool = False,
) -> list[Path]:
    """An offline run of Weights & Biases for each training, in FOLDER/wandb, of the project
    `project` or the run's name and the group of the run's id; `wandb sync` uploads it. Returns the
    folders. `follow`: goes on until the run has ended. AlreadyExists if a training of this run is in
    the folder."""
    try:
        import wandb  # noqa: F401
    except ImportError as error:
        raise missing("wandb") from error
    into, found = Path(folder), client.run(run)
    there = sorted(into.glob(f"wandb/offline-run-*-{_id(found, '*')}"))
    if there:
        raise AlreadyExists(
            f"run {found.id} is in {into} already, as {there[0].name}; give another folder"
        )
    into.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def make(training: Training) -> _WandbRun:
        made = _WandbRun(into, project or found.name, training)
        written.append(made.folder)
        return made

    export_each(client, found, make, follow=follow)
    return written


def _id(run: Run, job: str) -> str:
    """The id that wandb keeps: the same training has the same, wherever it is exported."""
    return f"{run.id}-{job}".replace(":", "-")
