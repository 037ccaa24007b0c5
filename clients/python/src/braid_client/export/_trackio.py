"""Runs of trackio, in its database on this machine."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Optional

from .._client import Client
from .._errors import AlreadyExists
from ..types import MetricPoint, Run
from ._trainings import Training, export_each, missing


class _TrackioRun:
    def __init__(self, project: str, training: Training) -> None:
        import trackio

        self.name = _name(training.run, training.job)
        config = {**training.settings, "braid.run": training.run.id, "braid.job": training.job}
        # It prints how to look at it, once a run; the command says that once.
        with contextlib.redirect_stdout(io.StringIO()):
            self._run: Any = trackio.init(project=project, name=self.name, config=config)

    def write(self, point: MetricPoint) -> None:
        self._run.log(dict(point.values), step=point.step)

    def close(self, state: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self._run.finish()


def to_trackio(
    client: Client, run: str, project: Optional[str] = None, *, follow: bool = False
) -> list[str]:
    """A run of trackio for each training, "RUN JOB" in the project `project` or the run's name, in
    trackio's database (TRACKIO_DIR). Returns the names. `follow`: goes on until the run has ended.
    AlreadyExists if a training of this run is there."""
    try:
        import trackio
    except ImportError as error:
        raise missing("trackio") from error
    found = client.run(run)
    into = project or found.name
    there = [one.name for one in _runs(trackio, into) if one.name.startswith(_name(found, ""))]
    if there:
        raise AlreadyExists(
            f"run {found.id} is in project {into} of trackio already, as {there[0]}; give another "
            "project"
        )
    written: list[str] = []

    def make(training: Training) -> _TrackioRun:
        made = _TrackioRun(into, training)
        written.append(made.name)
        return made

    export_each(client, found, make, follow=follow)
    return written


def _runs(trackio: Any, project: str) -> list[Any]:
    try:
        return list(trackio.Api().runs(project))
    except ValueError:  # there is no such project yet
        return []


def _name(run: Run, job: str) -> str:
    return f"{run.id} {job}"
