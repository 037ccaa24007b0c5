"""Runs, their jobs and their events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Optional

from ._calls import Calls, request_id, user_name, words
from ._errors import DeadlineExceeded, FailedPrecondition, RunFailed
from ._transport import PATIENCE_S, Stream
from .types import DeleteRunResponse, Event, Job, JobState, Run, ServerInfo

_WAIT_S = 30.0


class Runs(Calls):
    """Calls about runs."""

    def runs(self, limit: int = 50, *, tags: Sequence[str] = ()) -> list[Run]:
        """The newest runs, without their recipes and the settings of their jobs. `tags`: only those
        that have all of these tags."""
        request = {"tags": words(tags)}
        return list(
            self._pages("Runs/ListRuns", "runs", request, min(limit, 200), limit, Run.from_json)
        )

    def run(self, run: str) -> Run:
        """A run with its jobs and their attempts, by its id, the beginning of it, or its name."""
        return Run.from_json(self.call("Runs/GetRun", {"id": run}))

    def wait(
        self,
        run: str,
        timeout: Optional[float] = None,
        *,
        check: bool = False,
        on_progress: Optional[Callable[[Run], None]] = None,
    ) -> Run:
        """The run when it has ended. `check`: RunFailed unless it succeeded. `on_progress` hears of
        the run about once a second. DeadlineExceeded, which is a TimeoutError, after `timeout`
        seconds; FailedPrecondition if no worker can ever run a job of it. The coordinator may be
        away for a minute meanwhile."""
        until = None if timeout is None else time.monotonic() + timeout
        found, stuck = self.run(run), ""
        while not found.ended:
            if on_progress is not None:
                on_progress(found)
            left = _WAIT_S if until is None else min(_WAIT_S, until - time.monotonic())
            if left <= 0:
                raise DeadlineExceeded(f"run {found.id} has not ended after {timeout} s")
            before, stuck = stuck, _unschedulable(found)
            if stuck and stuck == before:
                raise FailedPrecondition(
                    f"{stuck}; start such a worker, or cancel the run", reason="UNSCHEDULABLE"
                )
            step = min(left, 1.0) if on_progress is not None else left
            found = Run.from_json(
                self._transport.post(
                    "/api/v1/Runs/WaitRun",
                    {"id": found.id, "timeoutMs": str(max(1, int(step * 1000)))},
                    timeout=step + 30.0,
                    retry_s=PATIENCE_S,
                )
            )
            if on_progress is not None and stuck and _unschedulable(found) == stuck:
                time.sleep(min(5.0, left))  # a worker that is only starting has its time
        if on_progress is not None:
            on_progress(found)
        if check and not found.succeeded:
            raise RunFailed(f"run {found.id} ({found.name}): {found.error or found.state}", found)
        return found

    def cancel(self, run: str) -> Run:
        """Asks all jobs of the run to end."""
        return Run.from_json(self.call("Runs/CancelRun", {"id": run, "requestId": request_id()}))

    def pause(self, run: str, reason: str = "") -> Run:
        """Lets the run wait: what runs stops with a checkpoint, and nothing of it begins. A run that
        is paused already stays as it is."""
        request = {"id": run, "requestId": request_id(), "reason": reason, "user": user_name()}
        return Run.from_json(self.call("Runs/PauseRun", request))

    def resume(self, run: str) -> Run:
        """Lets a paused run go on, from its newest checkpoints."""
        request = {"id": run, "requestId": request_id(), "user": user_name()}
        return Run.from_json(self.call("Runs/ResumeRun", request))

    def tag(self, run: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Run:
        """Gives the run tags, or takes them off; the run may have ended."""
        request = {
            "id": run,
            "requestId": request_id(),
            "add": words(add),
            "remove": words(remove),
            "user": user_name(),
        }
        return Run.from_json(self.call("Runs/TagRun", request))

    def retry(self, run: str) -> Run:
        """A new run of the same recipe, which takes over what succeeded."""
        return Run.from_json(self.call("Runs/RetryRun", {"id": run, "requestId": request_id()}))

    def delete(self, run: str, *, dry_run: bool = False) -> DeleteRunResponse:
        """Deletes an ended run with what it made and nothing else needs; `dry_run` counts."""
        request: dict[str, Any] = {"id": run, "validateOnly": dry_run}
        if not dry_run:
            request["requestId"] = request_id()
        return DeleteRunResponse.from_json(self.call("Keeping/DeleteRun", request, timeout=120.0))

    def jobs(self, run: str = "", states: Sequence[JobState] = ()) -> list[Job]:
        """The jobs of a run, or of all runs, in these states."""
        request = {"runId": self.run(run).id if run else "", "states": list(states)}
        return list(self._pages("Jobs/ListJobs", "jobs", request, 1000, None, Job.from_json))

    def job(self, run: str, job: str) -> Job:
        """A job with its attempts and settings."""
        return Job.from_json(self.call("Jobs/GetJob", {"runId": self.run(run).id, "name": job}))

    def events(self, run: str = "", limit: int = 200) -> list[Event]:
        """The newest events, of one run or of all, the oldest of them first."""
        request = {
            "runId": self.run(run).id if run else "",
            "newest": True,
            "pageSize": min(limit, 1000),
        }
        reply = self.call("Runs/ListEvents", request)
        return [Event.from_json(one) for one in reply.get("events", [])]

    def watch(self, run: str = "", since: Optional[int] = None) -> Stream[Event]:
        """Events as they happen, of one run or of all: those after the number `since` and then new
        ones, without gaps; only new ones if it is not given. Does not end by itself."""
        if since is None:
            since = ServerInfo.from_json(self.call("Admin/GetServerInfo")).last_seq
        query = {"runId": self.run(run).id if run else "", "sinceSeq": str(since)}

        def decode(reply: Any) -> Iterable[Event]:
            event = Event.from_json(reply)
            return [event] if event.kind else []  # others only say how far the stream is

        return Stream(self._transport, "Runs/WatchEvents", query, decode)


def _unschedulable(run: Run) -> str:
    """What no worker can ever run, where nothing else runs either."""
    stuck = ""
    for job in run.jobs:
        if job.state in ("JOB_ACTIVE", "JOB_CANCELLING"):
            return ""
        if job.state != "JOB_QUEUED":
            continue
        if job.pending != "UNSCHEDULABLE":
            return ""
        stuck = stuck or f"job {job.name}: {job.pending_detail}"
    return stuck
