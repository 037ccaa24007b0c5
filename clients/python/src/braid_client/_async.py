"""The client for asyncio. Each call runs in a thread of the client's own, so that the loop goes on;
there is one implementation of everything, and nothing to install."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar, Union

from ._address import StrPath
from ._async_stream import AsyncStream
from ._client import Client
from ._files import Progress, StoredFile
from ._metrics import Metrics
from ._models import Sample
from ._report import Report
from ._service import NewToken
from .types import (
    Artifact,
    AuditRow,
    Check,
    Credential,
    DeleteRunResponse,
    Event,
    Job,
    JobState,
    MetricPoint,
    PlanMergeResponse,
    Quota,
    Run,
    ServerInfo,
    VerifyArtifactResponse,
    Worker,
    WorkerLoads,
)

T = TypeVar("T")
_THREADS = 16


class AsyncClient:
    """As Client, with the same arguments; every method is awaited, streams are for `async for`."""

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
        self._client = Client(
            url, token=token, token_file=token_file, dir=dir, ca=ca, retry_s=retry_s
        )
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="braid")

    def __repr__(self) -> str:
        return repr(self._client).replace("Client", "AsyncClient", 1)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def call(
        self, method: str, request: Optional[Mapping[str, Any]] = None, *, timeout: float = 30.0
    ) -> Any:
        return await self._run(lambda: self._client.call(method, request, timeout=timeout))

    async def server(self) -> ServerInfo:
        return await self._run(self._client.server)

    async def whoami(self) -> Credential:
        return await self._run(self._client.whoami)

    async def workers(self) -> list[Worker]:
        return await self._run(self._client.workers)

    async def cordon(self, worker: str) -> Worker:
        return await self._run(lambda: self._client.cordon(worker))

    async def uncordon(self, worker: str) -> Worker:
        return await self._run(lambda: self._client.uncordon(worker))

    async def drain(self, worker: str) -> Worker:
        return await self._run(lambda: self._client.drain(worker))

    async def release(self, worker: str) -> Worker:
        return await self._run(lambda: self._client.release(worker))

    async def worker_loads(self, workers: Sequence[str]) -> WorkerLoads:
        return await self._run(lambda: self._client.worker_loads(workers))

    async def quotas(self) -> list[Quota]:
        return await self._run(self._client.quotas)

    async def tokens(self) -> list[Credential]:
        return await self._run(self._client.tokens)

    async def create_token(
        self,
        name: str,
        role: str = "submitter",
        *,
        lifetime: Optional[datetime.timedelta] = None,
        file: Optional[StrPath] = None,
    ) -> NewToken:
        return await self._run(
            lambda: self._client.create_token(name, role, lifetime=lifetime, file=file)
        )

    async def revoke_token(self, token: str) -> Credential:
        return await self._run(lambda: self._client.revoke_token(token))

    async def audit(
        self,
        *,
        user: str = "",
        action: str = "",
        object: str = "",
        outcome: str = "",
        since: Optional[datetime.datetime] = None,
        until: Optional[datetime.datetime] = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        return await self._run(
            lambda: self._client.audit(
                user=user,
                action=action,
                object=object,
                outcome=outcome,
                since=since,
                until=until,
                limit=limit,
            )
        )

    async def check(
        self, recipe: Optional[StrPath] = None, *, text: Optional[str] = None, folder: StrPath = "."
    ) -> Check:
        return await self._run(lambda: self._client.check(recipe, text=text, folder=folder))

    async def plan(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        progress: Optional[Progress] = None,
    ) -> Run:
        return await self._run(
            lambda: self._client.plan(
                recipe, text=text, folder=folder, only=only, progress=progress
            )
        )

    async def submit(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        priority: Optional[int] = None,
        tags: Sequence[str] = (),
        request_id: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> Run:
        return await self._run(
            lambda: self._client.submit(
                recipe,
                text=text,
                folder=folder,
                only=only,
                priority=priority,
                tags=tags,
                request_id=request_id,
                progress=progress,
            )
        )

    async def runs(self, limit: int = 50, *, tags: Sequence[str] = ()) -> list[Run]:
        return await self._run(lambda: self._client.runs(limit, tags=tags))

    async def run(self, run: str) -> Run:
        return await self._run(lambda: self._client.run(run))

    async def wait(
        self,
        run: str,
        timeout: Optional[float] = None,
        *,
        check: bool = False,
        on_progress: Optional[Callable[[Run], None]] = None,
    ) -> Run:
        """As Client.wait; `on_progress` is called in the loop's thread."""
        loop = asyncio.get_running_loop()

        def told(found: Run) -> None:
            if on_progress is not None:
                loop.call_soon_threadsafe(on_progress, found)

        heard = told if on_progress is not None else None
        return await self._run(
            lambda: self._client.wait(run, timeout, check=check, on_progress=heard)
        )

    async def cancel(self, run: str) -> Run:
        return await self._run(lambda: self._client.cancel(run))

    async def pause(self, run: str, reason: str = "") -> Run:
        return await self._run(lambda: self._client.pause(run, reason))

    async def resume(self, run: str) -> Run:
        return await self._run(lambda: self._client.resume(run))

    async def tag(self, run: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Run:
        return await self._run(lambda: self._client.tag(run, add, remove))

    async def retry(self, run: str) -> Run:
        return await self._run(lambda: self._client.retry(run))

    async def delete(self, run: str, *, dry_run: bool = False) -> DeleteRunResponse:
        return await self._run(lambda: self._client.delete(run, dry_run=dry_run))

    async def jobs(self, run: str = "", states: Sequence[JobState] = ()) -> list[Job]:
        return await self._run(lambda: self._client.jobs(run, states))

    async def job(self, run: str, job: str) -> Job:
        return await self._run(lambda: self._client.job(run, job))

    async def events(self, run: str = "", limit: int = 200) -> list[Event]:
        return await self._run(lambda: self._client.events(run, limit))

    def watch(self, run: str = "", since: Optional[int] = None) -> AsyncStream[Event]:
        return AsyncStream(lambda: self._client.watch(run, since))

    async def metrics(
        self, run: str, job: str, names: Optional[Sequence[str]] = None, *, since_step: int = 0
    ) -> Metrics:
        return await self._run(lambda: self._client.metrics(run, job, names, since_step=since_step))

    def follow_metrics(
        self, run: str, job: str, *, since_step: int = 0, follow: bool = True
    ) -> AsyncStream[MetricPoint]:
        return AsyncStream(
            lambda: self._client.follow_metrics(run, job, since_step=since_step, follow=follow)
        )

    async def logs(
        self, run: str, job: str, *, attempt: int = 0, rank: int = 0, tail: int = 0
    ) -> str:
        return await self._run(
            lambda: self._client.logs(run, job, attempt=attempt, rank=rank, tail=tail)
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
    ) -> AsyncStream[str]:
        return AsyncStream(
            lambda: self._client.follow_logs(
                run, job, attempt=attempt, rank=rank, tail=tail, follow=follow
            )
        )

    async def report(self, run: str, folder: Optional[StrPath] = None) -> Report:
        return await self._run(lambda: self._client.report(run, folder))

    async def artifacts(
        self, run: str = "", kind: str = "", *, limit: Optional[int] = None
    ) -> list[Artifact]:
        return await self._run(lambda: self._client.artifacts(run, kind, limit=limit))

    async def artifact(self, artifact: str) -> Artifact:
        return await self._run(lambda: self._client.artifact(artifact))

    async def files(self, artifact: str) -> list[StoredFile]:
        return await self._run(lambda: self._client.files(artifact))

    async def lineage(self, artifact: str) -> list[Artifact]:
        return await self._run(lambda: self._client.lineage(artifact))

    async def download(
        self,
        artifact: str,
        folder: StrPath,
        *,
        files: Optional[Sequence[str]] = None,
        progress: Optional[Progress] = None,
    ) -> list[Any]:
        return await self._run(
            lambda: self._client.download(artifact, folder, files=files, progress=progress)
        )

    async def put(
        self,
        files: Union[StrPath, Mapping[str, StrPath]],
        kind: str = "source",
        name: str = "",
        *,
        metadata: Optional[Mapping[str, Any]] = None,
        progress: Optional[Progress] = None,
    ) -> Artifact:
        return await self._run(
            lambda: self._client.put(files, kind, name, metadata=metadata, progress=progress)
        )

    async def verify(self, artifact: str) -> VerifyArtifactResponse:
        return await self._run(lambda: self._client.verify(artifact))

    async def pin(self, artifact: str, pinned: bool = True) -> Artifact:
        return await self._run(lambda: self._client.pin(artifact, pinned))

    async def plan_merge(self, parents: Sequence[str], **more: Any) -> PlanMergeResponse:
        """As Client.plan_merge, which has the other arguments."""
        return await self._run(lambda: self._client.plan_merge(parents, **more))

    async def merge(self, parents: Sequence[str], **more: Any) -> Run:
        """As Client.merge, which has the other arguments."""
        return await self._run(lambda: self._client.merge(parents, **more))

    async def generate(
        self,
        model: StrPath,
        prompt: str,
        *,
        tokens: int = 40,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 42,
        program: Optional[StrPath] = None,
        progress: Optional[Progress] = None,
    ) -> Sample:
        return await self._run(
            lambda: self._client.generate(
                model,
                prompt,
                tokens=tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                seed=seed,
                program=program,
                progress=progress,
            )
        )

    async def export(
        self,
        model: StrPath,
        folder: StrPath,
        *,
        dtype: str = "f32",
        program: Optional[StrPath] = None,
        progress: Optional[Progress] = None,
    ) -> Path:
        return await self._run(
            lambda: self._client.export(
                model, folder, dtype=dtype, program=program, progress=progress
            )
        )

    async def fetch_model(self, model: StrPath, *, progress: Optional[Progress] = None) -> Path:
        return await self._run(lambda: self._client.fetch_model(model, progress=progress))
