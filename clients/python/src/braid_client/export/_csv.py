"""Tables."""

from __future__ import annotations

import csv
from pathlib import Path

from .._address import StrPath
from .._client import Client
from ._trainings import trainings


def to_csv(client: Client, run: str, folder: StrPath) -> list[Path]:
    """A file JOB.csv for each training of the run: the column step and one for each metric, empty
    where it was not measured. Numbers are exact: they read back as the same bits."""
    found = client.run(run)
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for job in trainings(found):
        metrics = client.metrics(found.id, job)
        path = into / (job.replace(":", "_") + ".csv")
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
