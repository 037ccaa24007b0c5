"""Tables."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from .._address import StrPath
from .._client import Client
from ..types import MetricPoint
from ._trainings import Training, export_each


class _Table:
    """A CSV file that is whole after each point. It is written anew when a metric is met for the first
    time, whose column is empty in the rows before, or a step is run again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: list[MetricPoint] = []
        self._names: list[str] = []
        self._write_anew()

    def write(self, point: MetricPoint) -> None:
        names = sorted({*self._names, *point.values})
        kept = len(self._points)
        while kept > 0 and self._points[kept - 1].step >= point.step:
            kept -= 1
        anew = names != self._names or kept < len(self._points)
        self._points[kept:] = [point]
        self._names = names
        if anew:
            self._file.close()
            self._write_anew()
        else:
            self._row(point)
            self._file.flush()

    def close(self, state: str) -> None:
        self._file.close()

    def _write_anew(self) -> None:
        part = self._path.with_name(self._path.name + ".part")
        self._file = open(part, "w", encoding="utf-8", newline="")
        try:
            self._rows = csv.writer(self._file)
            self._rows.writerow(["step", *self._names])
            for point in self._points:
                self._row(point)
            self._file.flush()
            os.replace(part, self._path)  # what is written later goes to the same file
        except BaseException:
            self._file.close()
            part.unlink(missing_ok=True)
            raise

    def _row(self, point: MetricPoint) -> None:
        values = (point.values.get(name) for name in self._names)
        self._rows.writerow(
            [point.step, *("" if value is None else repr(value) for value in values)]
        )


def to_csv(client: Client, run: str, folder: StrPath, *, follow: bool = False) -> list[Path]:
    """A file JOB.csv for each training of the run: the column step and one for each metric, empty
    where it was not measured. Numbers are exact: they read back as the same bits. `follow`: rows are
    written as they come, until the run has ended, trainings that begin later included."""
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def make(training: Training) -> _Table:
        written.append(into / (training.file_name + ".csv"))
        return _Table(written[-1])

    export_each(client, client.run(run), make, follow=follow)
    return written
