"""Event files of TensorBoard."""

from __future__ import annotations

import math
from pathlib import Path

from .._address import StrPath
from .._client import Client
from ..types import MetricPoint
from ._trainings import Training, export_each, missing


class _EventFile:
    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._file = EventFileWriter(str(folder))

    def write(self, point: MetricPoint) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in sorted(point.values.items())
            if not math.isnan(value)
        ]
        # The wall time of a step is not kept: TensorBoard's axes are steps.
        self._file.add_event(Event(step=point.step, summary=Summary(value=values)))

    def close(self, state: str) -> None:
        self._file.close()


def to_tensorboard(
    client: Client, run: str, folder: StrPath, *, follow: bool = False
) -> list[Path]:
    """A folder JOB for each training of the run, with an event file that TensorBoard reads, at the
    steps of the training. `follow`: goes on until the run has ended, trainings that begin later
    included. A second call adds a second file: give it another folder."""
    try:
        import tensorboard.summary.writer.event_file_writer  # noqa: F401
    except ImportError as error:
        raise missing("tensorboard") from error
    into = Path(folder)
    written: list[Path] = []

    def make(training: Training) -> _EventFile:
        written.append(into / training.file_name)
        return _EventFile(written[-1])

    export_each(client, client.run(run), make, follow=follow)
    return written
