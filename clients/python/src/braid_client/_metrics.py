"""The numbers of a training as lists, or as tables of pandas and Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Optional, Union, overload

from .types import MetricPoint


class Metrics(Sequence[MetricPoint]):
    """The points of a job's metrics in the order of their steps; of a step that was run twice, the
    later one."""

    def __init__(
        self, points: Sequence[MetricPoint], names: Optional[Sequence[str]] = None
    ) -> None:
        self._points = list(points)
        seen = sorted({name for point in points for name in point.values})
        self.names: list[str] = list(names) if names is not None else seen

    @overload
    def __getitem__(self, index: int) -> MetricPoint: ...
    @overload
    def __getitem__(self, index: slice) -> Metrics: ...
    def __getitem__(self, index: Union[int, slice]) -> Union[MetricPoint, Metrics]:
        if isinstance(index, slice):
            return Metrics(self._points[index], self.names)
        return self._points[index]

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[MetricPoint]:
        return iter(self._points)

    def __repr__(self) -> str:
        return f"<Metrics of {len(self)} steps: {', '.join(self.names)}>"

    @property
    def steps(self) -> list[int]:
        return [point.step for point in self._points]

    def column(self, name: str) -> list[Optional[float]]:
        """The values of one metric, one for each of `steps`; None where it was not measured."""
        if name not in self.names:
            raise KeyError(f"there is no metric {name}; there are {', '.join(self.names)}")
        return [point.values.get(name) for point in self._points]

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one metric, of those steps alone where it was measured."""
        self.column(name)
        found = [point for point in self._points if name in point.values]
        return [point.step for point in found], [point.values[name] for point in found]

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a column for each metric, by step; NaN where it has no value."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_pandas needs pandas: pip install 'braid-client[pandas]'"
            ) from error
        return pandas.DataFrame(
            {name: self.column(name) for name in self.names},
            index=pandas.Index(self.steps, name="step", dtype="int64"),
            dtype="float64",
        )

    def to_arrow(self) -> Any:
        """A pyarrow.Table with the column step and one for each metric; null where it was not
        measured."""
        try:
            import pyarrow
        except ImportError as error:
            raise ImportError(
                "to_arrow needs pyarrow: pip install 'braid-client[arrow]'"
            ) from error
        columns = {"step": pyarrow.array(self.steps, pyarrow.int64())}
        for name in self.names:
            columns[name] = pyarrow.array(self.column(name), pyarrow.float64())
        return pyarrow.table(columns)
