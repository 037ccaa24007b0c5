"""The service itself: its workers, who may call it, what was asked of it, what users may use."""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ._address import StrPath
from ._calls import Calls, request_id, words
from ._errors import AlreadyExists, InvalidArgument
from .types import AuditRow, Credential, Quota, ServerInfo, Worker, WorkerLoads

_ROLES = ("viewer", "submitter", "operator", "admin", "worker")
_ROWS = 1000


@dataclass(frozen=True)
class NewToken:
    """A token that was just made. Nobody can ask for `secret` again."""

    credential: Credential
    secret: str = field(repr=False)


class Service(Calls):
    """Calls about the coordinator and its workers."""

    def server(self) -> ServerInfo:
        """Version and state of the coordinator."""
        return ServerInfo.from_json(self.call("Admin/GetServerInfo"))

    def whoami(self) -> Credential:
        """Whose token this is, and its role."""
        return Credential.from_json(self.call("Access/WhoAmI"))

    # Workers.

    def workers(self) -> list[Worker]:
        """All workers that are known, connected or not."""
        reply = self.call("Admin/ListWorkers")
        return [Worker.from_json(one) for one in reply.get("workers", [])]

    def worker_loads(self, workers: Sequence[str]) -> WorkerLoads:
        """How busy these workers were in the last hour: percentages for each piece of time, the
        oldest first; -1 where nothing was heard. Workers of which nothing is known are left out."""
        request = {"workers": words(workers)}
        return WorkerLoads.from_json(self.call("Admin/GetWorkerLoads", request))

    def cordon(self, worker: str) -> Worker:
        """No new jobs are placed on the worker; what runs there goes on."""
        return self._change_worker("CordonWorker", worker)

    def uncordon(self, worker: str) -> Worker:
        """Opens a worker again that was cordoned or drained."""
        return self._change_worker("CordonWorker", worker, open=True)

    def drain(self, worker: str) -> Worker:
        """Cordons the worker and stops what runs there with checkpoints; the jobs go on at other
        workers. Returns before they have stopped: `ranks` of `workers()` says what is left."""
        return self._change_worker("DrainWorker", worker)

    def release(self, worker: str) -> Worker:
        """Ends the quarantine of a worker, and forgets the failures there."""
        return self._change_worker("ReleaseWorker", worker)

    def _change_worker(self, method: str, worker: str, **more: Any) -> Worker:
        request = {"id": worker, "requestId": request_id(), **more}
        return Worker.from_json(self.call("Admin/" + method, request))

    # People.

    def quotas(self) -> list[Quota]:
        """What users and sites use, beside what they may; a limit of -1 is none."""
        reply = self.call("Admin/ListQuotas")
        return [Quota.from_json(one) for one in reply.get("quotas", [])]

    def tokens(self) -> list[Credential]:
        """All tokens, invitations and keys of workers, without their secrets; also those that have
        ended."""
        reply = self.call("Access/ListCredentials")
        return [Credential.from_json(one) for one in reply.get("credentials", [])]

    def create_token(
        self,
        name: str,
        role: str = "submitter",
        *,
        lifetime: Optional[datetime.timedelta] = None,
        file: Optional[StrPath] = None,
    ) -> NewToken:
        """A token for `name` with the role viewer, submitter, operator, admin or worker, good for
        `lifetime` or until it is revoked. The secret is drawn here, and the coordinator is told its
        SHA-256 alone. `file`: a new file, for its owner's eyes only, that the secret is written to."""
        if role.lower() not in _ROLES:
            raise InvalidArgument(f"role {role}: there are {', '.join(_ROLES)}")
        lifetime_ms = 0 if lifetime is None else int(lifetime.total_seconds() * 1000)
        if lifetime is not None and lifetime_ms <= 0:
            raise InvalidArgument(f"lifetime {lifetime}: a token that is never good")
        secret = secrets.token_hex(32)
        request = {
            "name": name,
            "role": role.upper(),
            "secretSha256": hashlib.sha256(secret.encode("ascii")).hexdigest(),
            "lifetimeMs": str(lifetime_ms),
        }
        path = Path(file) if file is not None else None
        # Before the token is good: nobody would have the secret of one that could not be written.
        if path is not None:
            _write_secret(path, secret)
        try:
            made = Credential.from_json(self.call("Access/CreateToken", request))
        except BaseException:
            if path is not None:
                path.unlink()
            raise
        return NewToken(made, secret)

    def revoke_token(self, token: str) -> Credential:
        """Ends a token, by its id or by the name of its owner if that has one token."""
        return Credential.from_json(self.call("Access/RevokeToken", {"id": token}))

    def audit(
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
        """Who asked for which change, and what came of it, the newest first: rows of this `user`,
        of this `action` ("CancelRun"), about this `object` (the whole id), with this `outcome`
        ("OK", "PERMISSION_DENIED"), at `since` or later, before `until`."""
        request: dict[str, Any] = {
            "user": user,
            "call": action,
            "object": object,
            "outcome": outcome,
            "sinceMs": _milliseconds(since),
            "untilMs": _milliseconds(until),
        }
        rows: list[AuditRow] = []
        while len(rows) < limit:
            request["limit"] = min(_ROWS, limit - len(rows))
            reply = self.call("Access/ListAudit", request)
            page = [AuditRow.from_json(one) for one in reply.get("rows", [])]
            rows += page
            if len(page) < request["limit"]:
                break
            request["beforeSeq"] = str(page[-1].seq)
        return rows


def _milliseconds(moment: Optional[datetime.datetime]) -> str:
    return "0" if moment is None else str(int(moment.timestamp() * 1000))


def _write_secret(path: Path, secret: str) -> None:
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AlreadyExists(f"{path} is there already") from None
    with open(opened, "w", encoding="ascii") as out:
        out.write(secret + "\n")
