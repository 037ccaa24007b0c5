"""The trainings of a run, each written by a tool as its points come."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol, Union

from .._client import Client
from ..types import MetricPoint, Run

_KINDS = ("train", "joint")

Setting = Union[str, int, float, bool]


@dataclass(frozen=True)
class Training:
    """A job that has metrics, with the run that it belongs to."""

    run: Run
    job: str
    # What the job was told, by names such as "train.optimizer.lr".
    settings: dict[str, Setting]

    @property
    def file_name(self) -> str:
        return self.job.replace(":", "_")


class Writer(Protocol):
    """What one tool makes of one training. Used by one thread."""

    def write(self, point: MetricPoint) -> None: ...

    def close(self, state: str) -> None:
        """Everything is written; `state` is that of the job, such as "JOB_SUCCEEDED"."""


def trainings(run: Run) -> list[str]:
    """Jobs that have metrics: trainings that have begun."""
    return [job.name for job in run.jobs if job.kind in _KINDS and job.attempts]


def export_each(
    client: Client, run: Run, make: Callable[[Training], Writer], *, follow: bool
) -> list[str]:
    """Writes each training by the writer that `make` gives, and returns their names. `follow`: goes
    on until the run has ended, trainings that begin later included. `make` is called by one thread
    at a time; the first error ends the export and is raised."""
    one_at_a_time = threading.Lock()
    failed: list[BaseException] = []
    threads: dict[str, threading.Thread] = {}

    def export(job: str) -> None:
        try:
            training = Training(run, job, _settings(client, run, job))
            with one_at_a_time:
                writer = make(training)
            with client.follow_metrics(run.id, job, follow=follow) as points:
                for point in points:
                    writer.write(point)
            writer.close(client.job(run.id, job).state)
        except BaseException as error:
            failed.append(error)

    def begin(now: Run) -> None:
        if failed:
            raise failed[0]
        for job in trainings(now):
            if job not in threads:
                threads[job] = threading.Thread(target=export, args=(job,), daemon=True)
                threads[job].start()

    begin(run)
    if follow and not run.ended:
        client.wait(run.id, on_progress=begin)
    for thread in threads.values():
        thread.join()
    if failed:
        raise failed[0]
    return list(threads)


def _settings(client: Client, run: Run, job: str) -> dict[str, Setting]:
    text = client.job(run.id, job).spec_json
    flat: dict[str, Setting] = {}
    if text:
        _flatten(json.loads(text), "", flat)
    return flat


def _flatten(value: Any, name: str, flat: dict[str, Setting]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else key, flat)
    elif isinstance(value, list):
        flat[name] = json.dumps(value)
    elif value is not None:
        flat[name] = value


def missing(tool: str, package: Optional[str] = None) -> ImportError:
    """The error where a tool's package is not installed."""
    return ImportError(f"to_{tool} needs {package or tool}: pip install 'braid-client[{tool}]'")
