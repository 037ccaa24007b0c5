"""The client. Every method says what it asks for; `call` reaches what has no method."""

from __future__ import annotations

import base64
import codecs
import getpass
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional, Union

from . import _files
from ._address import StrPath, source
from ._errors import (
    BraidError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RecipeRefused,
    RunFailed,
)
from ._files import Progress, StoredFile
from ._metrics import Metrics
from ._transport import PATIENCE_S, Query, Stream, Transport
from .types import (
    Artifact,
    Check,
    Credential,
    DeleteRunResponse,
    Event,
    Finding,
    Job,
    JobState,
    MetricPoint,
    PlanMergeResponse,
    Run,
    ServerInfo,
    VerifyArtifactResponse,
    Worker,
)

_WAIT_S = 30.0
_LONG_S = 600.0


@dataclass(frozen=True)
class Report:
    """The report of a run: its parts as text, and where its files were written."""

    folder: Path
    numbers: dict[str, Any]
    markdown: str
    html: str

    def _repr_html_(self) -> str:
        """Notebooks show the page itself, in a frame of its own."""
        quoted = self.html.replace("&", "&amp;").replace('"', "&quot;")
        style = "width:100%;height:40em;border:0"
        return f'<iframe sandbox="" style="{style}" srcdoc="{quoted}"></iframe>'


class Client:
    """A coordinator, spoken to over HTTP. May be used by several threads.

    Without arguments it is the one that the command line would find: `dir` (BRAID_DIR, default
    .braid) is the folder where `braid up` keeps its state, whose address file names address and
    token. Otherwise `url` (BRAID_HTTP) is HOST:PORT or a whole URL, and `token` or `token_file`
    (BRAID_TOKEN_FILE) what proves who calls. `ca` (BRAID_CA) is the authority of https.

    `retry_s`: for how long a call is repeated while nobody answers, as during a restart. Nothing is
    sent before the first call.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        token: Optional[str] = None,
        token_file: Optional[StrPath] = None,
        dir: Optional[StrPath] = None,
        ca: Optional[StrPath] = None,
        retry_s: float = 5.0,
    ) -> None:
        self._transport = Transport(
            source(url=url, token=token, token_file=token_file, dir=dir, ca=ca), retry_s
        )

    def __repr__(self) -> str:
        try:
            return f"<braid_client.Client of {self._transport.endpoint().url}>"
        except BraidError as error:
            return f"<braid_client.Client: {error}>"

    # The API itself.

    def call(
        self, method: str, request: Optional[Mapping[str, Any]] = None, *, timeout: float = 30.0
    ) -> Any:
        """A call by its name, "Runs/GetRun", with the fields of its request; the reply as JSON."""
        return self._transport.post("/api/v1/" + method, dict(request or {}), timeout=timeout)

    def server(self) -> ServerInfo:
        """Version and state of the coordinator."""
        return ServerInfo.from_json(self.call("Admin/GetServerInfo"))

    def whoami(self) -> Credential:
        """Whose token this is, and its role."""
        return Credential.from_json(self.call("Access/WhoAmI"))

    def workers(self) -> list[Worker]:
        """All workers that are known, connected or not."""
        reply = self.call("Admin/ListWorkers")
        return [Worker.from_json(one) for one in reply.get("workers", [])]

    # Recipes.

    def check(
        self, recipe: Optional[StrPath] = None, *, text: Optional[str] = None, folder: StrPath = "."
    ) -> Check:
        """What is wrong with a recipe: a file, or a `text` whose paths are relative to `folder`.
        Names the files that are not here. What is in the others is checked by `braid check`, and
        when the run reads them."""
        loaded = _Recipe.load(recipe, text, folder)
        checked = self._check(loaded)
        for one in checked.sources:
            try:
                _files.source_files(loaded.folder, one.raw)
            except NotFound as error:
                checked.findings.append(
                    Finding(
                        severity="ERROR",
                        recipe=loaded.name,
                        line=one.line,
                        message=error.message,
                        missing=True,
                    )
                )
        return checked

    def plan(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        progress: Optional[Progress] = None,
    ) -> Run:
        """The run that a recipe would be: its jobs, with what they wait for. Files are sent, as the
        coordinator plans with what it has; no run is made."""
        loaded = _Recipe.load(recipe, text, folder)
        request = self._request_of(loaded, only, progress)
        return Run.from_json(self.call("Runs/SubmitRun", {**request, "validateOnly": True}))

    def submit(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        priority: Optional[int] = None,
        request_id: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> Run:
        """Makes a run of a recipe; sends the files that it names and the coordinator lacks.

        `only`: these jobs and what they need. The same `request_id` with the same recipe is the
        same run. `progress` is called with the bytes sent and the bytes of the source. Raises
        RecipeRefused with the findings.
        """
        loaded = _Recipe.load(recipe, text, folder)
        request = self._request_of(loaded, only, progress)
        request["requestId"] = request_id or uuid.uuid4().hex
        if priority is not None:
            request["priority"] = priority
        return Run.from_json(self.call("Runs/SubmitRun", request, timeout=120.0))

    def _check(self, recipe: _Recipe) -> Check:
        body = {"recipe": recipe.text, "recipeName": recipe.name}
        return Check.from_json(self._transport.post("/api/v1/check", body))

    def _request_of(
        self, recipe: _Recipe, only: Sequence[str], progress: Optional[Progress]
    ) -> dict[str, Any]:
        checked = self._check(recipe)
        errors = [one for one in checked.findings if one.severity == "ERROR"]
        files: dict[str, dict[str, Path]] = {}
        for one in checked.sources:
            try:
                files[one.name] = _files.source_files(recipe.folder, one.raw)
            except NotFound as error:
                errors.append(
                    Finding(
                        severity="ERROR",
                        recipe=recipe.name,
                        line=one.line,
                        message=error.message,
                        missing=True,
                    )
                )
        if errors:
            raise RecipeRefused("\n".join(map(text_of, errors)), errors)
        sources = {}
        for one in checked.sources:
            metadata = _files.source_metadata(recipe.folder, one.raw, files[one.name])
            sources[one.name] = self._put(
                files[one.name], one.artifact, metadata, one.name, progress
            ).id
        return {
            "recipe": recipe.text,
            "recipeName": recipe.name,
            "sources": sources,
            "only": list(only),
            "user": _user(),
        }

    # Runs.

    def runs(self, limit: int = 50) -> list[Run]:
        """The newest runs, without their recipes and the settings of their jobs."""
        return list(self._pages("Runs/ListRuns", "runs", {}, min(limit, 200), limit, Run.from_json))

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
        return Run.from_json(
            self.call("Runs/CancelRun", {"id": run, "requestId": uuid.uuid4().hex})
        )

    def pause(self, run: str, reason: str = "") -> Run:
        """Lets the run wait: what runs stops with a checkpoint, and nothing of it begins. A run that
        is paused already stays as it is."""
        request = {"id": run, "requestId": uuid.uuid4().hex, "reason": reason, "user": _user()}
        return Run.from_json(self.call("Runs/PauseRun", request))

    def resume(self, run: str) -> Run:
        """Lets a paused run go on, from its newest checkpoints."""
        request = {"id": run, "requestId": uuid.uuid4().hex, "user": _user()}
        return Run.from_json(self.call("Runs/ResumeRun", request))

    def retry(self, run: str) -> Run:
        """A new run of the same recipe, which takes over what succeeded."""
        return Run.from_json(self.call("Runs/RetryRun", {"id": run, "requestId": uuid.uuid4().hex}))

    def delete(self, run: str, *, dry_run: bool = False) -> DeleteRunResponse:
        """Deletes an ended run with what it made and nothing else needs; `dry_run` counts."""
        request: dict[str, Any] = {"id": run, "validateOnly": dry_run}
        if not dry_run:
            request["requestId"] = uuid.uuid4().hex
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
            since = self.server().last_seq
        query = {"runId": self.run(run).id if run else "", "sinceSeq": str(since)}

        def decode(reply: Any) -> Iterable[Event]:
            event = Event.from_json(reply)
            return [event] if event.kind else []  # others only say how far the stream is

        return Stream(self._transport, "Runs/WatchEvents", query, decode)

    # What jobs say.

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

    def report(self, run: str, folder: Optional[StrPath] = None) -> Report:
        """The report of a run, whose files are written to `folder` (default: reports/RUN). NotFound
        while there is none."""
        found = self.run(run)
        made = [job for job in found.jobs if job.kind == "report"]
        artifact = next((job.outputs["report"] for job in made if "report" in job.outputs), "")
        if not artifact:
            state = made[0].state if made else "not part of it"
            raise NotFound(f"run {found.id} has no report yet: its report job is {state}")
        into = Path(folder) if folder is not None else Path("reports") / found.id
        self.download(artifact, into)

        def text(name: str) -> str:
            return (into / name).read_text(encoding="utf-8")

        return Report(into, json.loads(text("report.json")), text("report.md"), text("report.html"))

    # Artifacts.

    def artifacts(
        self, run: str = "", kind: str = "", *, limit: Optional[int] = None
    ) -> list[Artifact]:
        """Artifacts of a run or of all, of one kind or all; without their lists of files."""
        request = {"runId": self.run(run).id if run else "", "kind": kind}
        return list(
            self._pages(
                "Artifacts/ListArtifacts", "artifacts", request, 500, limit, Artifact.from_json
            )
        )

    def artifact(self, artifact: str) -> Artifact:
        """An artifact by its id or eight digits of it, or as RUN/JOB or RUN/JOB/ROLE: what that job
        gave out."""
        return Artifact.from_json(self.call("Artifacts/GetArtifact", {"id": self._id_of(artifact)}))

    def files(self, artifact: str) -> list[StoredFile]:
        """The files of an artifact, named as in `artifact`."""
        return _files.files_of_manifest(self.artifact(artifact).manifest_json)

    def lineage(self, artifact: str) -> list[Artifact]:
        """The artifact, what it was made from, what that was made from, and so on."""
        reply = self.call("Artifacts/GetLineage", {"id": self._id_of(artifact)})
        return [Artifact.from_json(one) for one in reply.get("artifacts", [])]

    def download(
        self,
        artifact: str,
        folder: StrPath,
        *,
        files: Optional[Sequence[str]] = None,
        progress: Optional[Progress] = None,
    ) -> list[Path]:
        """Writes the files of an artifact, or those of these names, to a folder. Each is verified
        by its SHA-256. A file that is there already and right is not fetched again, and a download
        that was cut off goes on where it stopped."""
        listed = self.files(artifact)
        if files is not None:
            missing = set(files) - {file.path for file in listed}
            if missing:
                raise NotFound(
                    f"artifact {artifact} has no file {sorted(missing)[0]}; it has "
                    + ", ".join(file.path for file in listed[:20])
                )
            listed = [file for file in listed if file.path in set(files)]
        return _files.download(self._transport, listed, Path(folder), progress)

    def put(
        self,
        files: Union[StrPath, Mapping[str, StrPath]],
        kind: str = "source",
        name: str = "",
        *,
        metadata: Optional[Mapping[str, Any]] = None,
        progress: Optional[Progress] = None,
    ) -> Artifact:
        """Makes an artifact of a file, of all files of a folder, or of paths by their names in the
        artifact."""
        if isinstance(files, Mapping):
            found = {name_in: Path(path) for name_in, path in files.items()}
        else:
            top = Path(files)
            found = (
                {
                    one.relative_to(top).as_posix(): one
                    for one in sorted(top.rglob("*"))
                    if one.is_file()
                }
                if top.is_dir()
                else {top.name: top}
            )
        if not found:
            raise InvalidArgument(f"{files} holds no files")
        return self._put(found, kind, metadata or {}, name, progress)

    def verify(self, artifact: str) -> VerifyArtifactResponse:
        """Has the coordinator read every file of the artifact; DataLoss names what changed."""
        return VerifyArtifactResponse.from_json(
            self.call("Artifacts/VerifyArtifact", {"id": self._id_of(artifact)}, timeout=_LONG_S)
        )

    def pin(self, artifact: str, pinned: bool = True) -> Artifact:
        """Pins an artifact, which is then never removed, or takes the pin away."""
        request = {
            "id": self._id_of(artifact),
            "pinned": pinned,
            "requestId": uuid.uuid4().hex,
        }
        return Artifact.from_json(self.call("Keeping/PinArtifact", request))

    # Merges.

    def plan_merge(
        self,
        parents: Sequence[str],
        *,
        connect: Union[str, Mapping[str, Any]] = "",
        base: str = "",
        drop: Sequence[str] = (),
        carry_optimizer: bool = False,
        seed: int = 42,
    ) -> PlanMergeResponse:
        """Where every tensor of a merge of these checkpoints would come from; writes nothing.
        Parents are named as in `artifact`, with NAME= in front if the path is to have another name.
        `connect`: "share", "routed", "slice", or a connection with its options (docs/models.md).
        """
        request = self._merge_of(parents, connect, base, drop, carry_optimizer, seed)
        return PlanMergeResponse.from_json(self.call("Merges/PlanMerge", request, timeout=120.0))

    def merge(
        self,
        parents: Sequence[str],
        *,
        connect: Union[str, Mapping[str, Any]] = "",
        base: str = "",
        drop: Sequence[str] = (),
        carry_optimizer: bool = False,
        seed: int = 42,
        name: str = "",
        data: Optional[Mapping[str, str]] = None,
        joint: Union[None, str, Mapping[str, Any]] = None,
        priority: int = 0,
        request_id: Optional[str] = None,
    ) -> Run:
        """Starts a run that merges checkpoints, checks the result, and trains it on if `joint` is
        given: the settings of a recipe's section of that name, {} for its defaults. `data`: corpus
        -> artifact of kind shards."""
        request = self._merge_of(parents, connect, base, drop, carry_optimizer, seed)
        request.update(
            name=name,
            data={corpus: self._id_of(shards) for corpus, shards in (data or {}).items()},
            requestId=request_id or uuid.uuid4().hex,
            priority=priority,
            user=_user(),
        )
        if joint is not None:
            request["joint"] = joint if isinstance(joint, str) else json.dumps(joint)
        return Run.from_json(self.call("Merges/StartMerge", request, timeout=120.0))

    def _merge_of(
        self,
        parents: Sequence[str],
        connect: Union[str, Mapping[str, Any]],
        base: str,
        drop: Sequence[str],
        carry_optimizer: bool,
        seed: int,
    ) -> dict[str, Any]:
        ids = []
        for parent in parents:
            name, equals, artifact = parent.rpartition("=")
            ids.append(name + equals + self._id_of(artifact))
        return {
            "parents": ids,
            "connect": connect if isinstance(connect, str) else json.dumps(connect),
            "base": self._id_of(base) if base else "",
            "drop": list(drop),
            "carryOptimizer": carry_optimizer,
            "seed": str(seed),
        }

    # What several of these need.

    def _id_of(self, artifact: str) -> str:
        """An id as it is; RUN/JOB and RUN/JOB/ROLE by asking for the job."""
        if "/" not in artifact:
            return artifact
        run, job, *role = artifact.split("/")
        found = self.job(run, job)
        wanted = role[0] if role else "model" if "model" in found.outputs else ""
        if not wanted and len(found.outputs) == 1:
            wanted = next(iter(found.outputs))
        if wanted not in found.outputs:
            there = ", ".join(sorted(found.outputs)) or f"nothing yet ({found.state})"
            raise NotFound(f"{artifact}: job {job} gave out {there}; say which, as RUN/JOB/ROLE")
        return found.outputs[wanted]

    def _put(
        self,
        files: Mapping[str, Path],
        kind: str,
        metadata: Mapping[str, Any],
        name: str,
        progress: Optional[Progress],
    ) -> Artifact:
        manifest = _files.put(self._transport, files, kind, metadata, progress)
        request = {
            "manifestJson": manifest,
            "name": name,
            "user": _user(),
            "requestId": uuid.uuid4().hex,
        }
        return Artifact.from_json(self.call("Artifacts/CommitArtifact", request))

    def _pages(
        self,
        method: str,
        field: str,
        request: Mapping[str, Any],
        page_size: int,
        limit: Optional[int],
        decode: Callable[[Any], Any],
    ) -> Iterator[Any]:
        token, left = "", limit
        while left is None or left > 0:
            size = page_size if left is None else min(page_size, left)
            page = self.call(method, {**request, "pageSize": size, "pageToken": token})
            listed = page.get(field, [])
            yield from (decode(one) for one in listed)
            token = page.get("nextPageToken", "")
            if not token:
                return
            left = None if left is None else left - len(listed)


@dataclass(frozen=True)
class _Recipe:
    text: str
    name: str
    folder: Path

    @staticmethod
    def load(recipe: Optional[StrPath], text: Optional[str], folder: StrPath) -> _Recipe:
        if (recipe is None) == (text is None):
            raise TypeError("give the recipe's file or its text=, one of the two")
        if text is not None:
            return _Recipe(text, "recipe.yaml", Path(folder))
        assert recipe is not None
        path = Path(recipe)
        try:
            return _Recipe(path.read_text(encoding="utf-8"), str(path), path.parent)
        except FileNotFoundError:
            raise NotFound(f"there is no recipe {path}") from None


def text_of(finding: Finding) -> str:
    """A finding as the command line shows it: recipe.yaml:4:2: what is wrong."""
    place = "".join(f"{part}:" for part in (finding.line, finding.column) if part)
    return f"{finding.recipe}:{place} {finding.message}"


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
