"""Runs of MLflow."""

from __future__ import annotations

import time
from typing import Any, Optional

from .._client import Client
from .._errors import AlreadyExists
from ..types import MetricPoint
from ._trainings import Training, export_each, missing

# How MLflow calls the ends of a job; a job that has not ended is left as running.
_ENDS = {"JOB_SUCCEEDED": "FINISHED", "JOB_FAILED": "FAILED", "JOB_CANCELLED": "KILLED"}
# What MLflow takes in one request, and of a parameter.
_METRICS, _PARAMETERS, _LENGTH = 1000, 100, 6000


class _MlflowRun:
    def __init__(self, tracking: Any, experiment: str, training: Training) -> None:
        from mlflow.entities import Param

        self._tracking = tracking
        self._pending: list[Any] = []
        tags = {"braid.run": training.run.id, "braid.job": training.job}
        self.id: str = tracking.create_run(experiment, run_name=training.job, tags=tags).info.run_id
        params = [
            Param(name, str(value)[:_LENGTH]) for name, value in sorted(training.settings.items())
        ]
        for at in range(0, len(params), _PARAMETERS):
            tracking.log_batch(self.id, params=params[at : at + _PARAMETERS])
        if training.run.recipe:
            tracking.set_tag(self.id, "braid.recipe", training.run.recipe)

    def write(self, point: MetricPoint) -> None:
        from mlflow.entities import Metric

        # The wall time of a step is not kept: it is that of the export.
        now = int(time.time() * 1000)
        self._pending += [
            Metric(name, value, now, point.step) for name, value in sorted(point.values.items())
        ]
        if len(self._pending) >= _METRICS:
            self._flush()

    def close(self, state: str) -> None:
        self._flush()
        if state in _ENDS:
            self._tracking.set_terminated(self.id, _ENDS[state])

    def _flush(self) -> None:
        for at in range(0, len(self._pending), _METRICS):
            self._tracking.log_batch(self.id, metrics=self._pending[at : at + _METRICS])
        self._pending = []


def to_mlflow(
    client: Client, run: str, uri: Optional[str] = None, *, follow: bool = False
) -> list[str]:
    """A run of MLflow for each training, in the experiment of the run's name, at the tracking
    server or store `uri` (MLflow's own default where it is None). Settings are its parameters, the
    tags braid.run and braid.job say where it comes from, and it ends as the job did. Returns the
    ids. `follow`: goes on until the run has ended. AlreadyExists if a training of this run is there."""
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise missing("mlflow") from error
    tracking = MlflowClient(tracking_uri=uri)
    found = client.run(run)
    experiment = _experiment(tracking, found.name)
    there = tracking.search_runs([experiment], f"tags.`braid.run` = '{found.id}'", max_results=1)
    if there:
        raise AlreadyExists(
            f"run {found.id} is in MLflow already, as run {there[0].info.run_id} and perhaps others "
            f"of experiment {found.name}; delete them there to export it anew"
        )
    written: list[str] = []

    def make(training: Training) -> _MlflowRun:
        made = _MlflowRun(tracking, experiment, training)
        written.append(made.id)
        return made

    export_each(client, found, make, follow=follow)
    return written


def _experiment(tracking: Any, name: str) -> str:
    """The id of the experiment, which is made if nobody has it."""
    known = tracking.get_experiment_by_name(name)
    made: str = known.experiment_id if known else tracking.create_experiment(name)
    return made
