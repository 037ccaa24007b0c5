"""Metrics of a run for other tools: CSV files, and event files that TensorBoard reads.

python -m braid_client.export --csv FOLDER RUN
python -m braid_client.export --tensorboard FOLDER RUN [--follow]
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Optional

from ._address import StrPath
from ._client import Client
from ._errors import BraidError, NotFound
from .types import MetricPoint, Run

_KINDS = ("train", "joint")


def to_csv(client: Client, run: str, folder: StrPath) -> list[Path]:
    """A file JOB.csv for each training of the run: the column step and one for each metric, empty
    where it was not measured. Numbers are exact: they read back as the same bits."""
    found = client.run(run)
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for job in _trainings(found):
        metrics = client.metrics(found.id, job)
        path = into / (_file_name(job) + ".csv")
        with open(path, "w", encoding="utf-8", newline="") as out:
            table = csv.writer(out)
            table.writerow(["step", *metrics.names])
            for point in metrics:
                values = (point.values.get(name) for name in metrics.names)
                table.writerow(
                    [point.step, *("" if value is None else repr(value) for value in values)]
                )
        written.append(path)
    return written


def to_tensorboard(
    client: Client, run: str, folder: StrPath, *, follow: bool = False
) -> list[Path]:
    """A folder JOB for each training of the run, with an event file that TensorBoard reads, at the
    steps of the training. `follow`: goes on until the run has ended, trainings that begin later
    included. A second call adds a second file: give it another folder."""
    make_writer = _tensorboard_writer()
    found = client.run(run)
    into = Path(folder)
    written: list[Path] = []
    failed: list[BaseException] = []
    threads: dict[str, threading.Thread] = {}

    def export(job: str) -> None:
        try:
            write, close = make_writer(into / _file_name(job))
            with client.follow_metrics(found.id, job, follow=follow) as points:
                for point in points:
                    write(point)
            close()
        except BaseException as error:
            failed.append(error)

    def begin(now: Run) -> None:
        for job in _trainings(now):
            if job not in threads:
                written.append(into / _file_name(job))
                threads[job] = threading.Thread(target=export, args=(job,), daemon=True)
                threads[job].start()

    begin(found)
    if follow and not found.ended:
        client.wait(found.id, on_progress=begin)
    for thread in threads.values():
        thread.join()
    if failed:
        raise failed[0]
    return written


def _trainings(run: Run) -> list[str]:
    """Jobs that have metrics: trainings that have begun."""
    return [job.name for job in run.jobs if job.kind in _KINDS and job.attempts]


def _file_name(job: str) -> str:
    return job.replace(":", "_")


def _tensorboard_writer() -> Callable[[Path], tuple[Callable[[MetricPoint], None], Any]]:
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ImportError(
            "to_tensorboard needs tensorboard: pip install 'braid-client[tensorboard]'"
        ) from error

    def make(folder: Path) -> tuple[Callable[[MetricPoint], None], Any]:
        writer = EventFileWriter(str(folder))

        def write(point: MetricPoint) -> None:
            values = [
                Summary.Value(tag=name, simple_value=value)
                for name, value in sorted(point.values.items())
                if not math.isnan(value)
            ]
            # The wall time of a step is not kept: TensorBoard's axes are steps.
            writer.add_event(Event(step=point.step, summary=Summary(value=values)))

        return write, writer.close

    return make


def main(words: Optional[list[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m braid_client.export", description="Metrics of a run for other tools."
    )
    parser.add_argument("run", help="id, its beginning, or name of a run")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--csv", metavar="FOLDER", help="a CSV file for each training")
    kind.add_argument("--tensorboard", metavar="FOLDER", help="event files for TensorBoard")
    parser.add_argument("--follow", action="store_true", help="go on until the run has ended")
    flags = parser.parse_args(words)
    client = Client()
    try:
        if flags.csv is not None:
            if flags.follow:
                client.wait(flags.run)
            written = to_csv(client, flags.run, flags.csv)
        else:
            written = to_tensorboard(client, flags.run, flags.tensorboard, follow=flags.follow)
        if not written:
            raise NotFound(f"no training of run {flags.run} has begun yet")
    except (BraidError, ImportError) as error:
        print(f"braid_client: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
