"""What jobs say while they run: numbers and logs."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Iterable, Sequence
from typing import Any, Optional

from ._metrics import Metrics
from ._runs import Runs
from ._transport import Query, Stream
from .types import MetricPoint


class JobOutput(Runs):
    """What a job has printed and measured, and what it will."""

    def metrics(
        self, run: str, job: str, names: Optional[Sequence[str]] = None, *, since_step: int = 0
    ) -> Metrics:
        """The numbers of a training so far, of these names or all."""
        points = list(self.follow_metrics(run, job, since_step=since_step, follow=False))
        if names is None:
            return Metrics(points)
        wanted = set(names)
        kept = [
            MetricPoint(
                step=point.step,
                values={name: value for name, value in point.values.items() if name in wanted},
                epoch=point.epoch,
            )
            for point in points
        ]
        return Metrics([point for point in kept if point.values], names)

    def follow_metrics(
        self, run: str, job: str, *, since_step: int = 0, follow: bool = True
    ) -> Stream[MetricPoint]:
        """The numbers of a training as they come, until the job has ended."""
        query: Query = {
            "runId": self.run(run).id,
            "job": job,
            "sinceStep": str(since_step),
            "follow": follow,
        }

        def decode(reply: Any) -> Iterable[MetricPoint]:
            return [MetricPoint.from_json(one) for one in reply.get("points", [])]

        return Stream(self._transport, "Jobs/ReadMetrics", query, decode)

    def logs(self, run: str, job: str, *, attempt: int = 0, rank: int = 0, tail: int = 0) -> str:
        """What a job has printed so far: its newest `attempt` (by its number) and rank 0 unless
        others are named, all of it or the last `tail` lines."""
        return "".join(
            self.follow_logs(run, job, attempt=attempt, rank=rank, tail=tail, follow=False)
        )

    def follow_logs(
        self,
        run: str,
        job: str,
        *,
        attempt: int = 0,
        rank: int = 0,
        tail: int = 0,
        follow: bool = True,
    ) -> Stream[str]:
        """What a job prints, as it comes, until the job has ended; not cut at the ends of lines."""
        query: Query = {
            "runId": self.run(run).id,
            "job": job,
            "epoch": str(attempt) if attempt else "",
            "rank": rank,
            "tailLines": str(tail) if tail else "",
            "follow": follow,
        }
        decoder = codecs.getincrementaldecoder("utf-8")("replace")

        def decode(reply: Any) -> Iterable[str]:
            text = decoder.decode(base64.b64decode(reply.get("data", "")))
            return [text] if text else []

        return Stream(self._transport, "Jobs/ReadLog", query, decode)
