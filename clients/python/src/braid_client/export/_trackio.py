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
        self._run: Any = trackio.init(
            project=project,
            name=self.name,
            config=config,
            # Nothing of the machine that exports belongs to the training.
            auto_log_cpu=False,
            auto_log_gpu=False,
        )

    def write(self, point: MetricPoint) -> None:
        self._run.log(dict(point.values), step=point.step)

    def close(self, state: str) -> None:
        self._run.finish()


def to_trackio(
    client: Client, run: str, project: Optional[str] = None, *, follow: bool = False
) -> list[str]:
    """A run of trackio for each training, "RUN JOB" in the project `project` or the run's name, in
    trackio's database (TRACKIO_DIR), or where TRACKIO_SPACE_ID and TRACKIO_SERVER_URL send it.
    Returns the names. `follow`: goes on until the run has ended.
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

    # Of each run it prints how to look at it. The output is the process's, so that this is done in
    # one place and not by the threads of the trainings.
    with contextlib.redirect_stdout(io.StringIO()):
        export_each(client, found, make, follow=follow)
    return written


def _runs(trackio: Any, project: str) -> list[Any]:
    try:
        return list(trackio.Api().runs(project))
    except ValueError:  # there is no such project yet
        return []


def _name(run: Run, job: str) -> str:
    return f"{run.id} {job}"
