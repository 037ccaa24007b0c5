"""Errors: one class for each kind of error of the API, with the reason that the API gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .types import Finding, Run


class BraidError(Exception):
    """What went wrong, as the coordinator says it.

    `code` is the code of gRPC ("NOT_FOUND"), `reason` says which error it is ("RUN_ACTIVE";
    docs/api.md lists them) or is empty, `status` is the number of HTTP, or 0 if nobody answered.
    """

    code = "UNKNOWN"

    def __init__(
        self, message: str, *, code: Optional[str] = None, reason: str = "", status: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.reason = reason
        self.status = status


class InvalidArgument(BraidError):
    """A field of the request has a value that it may not have."""

    code = "INVALID_ARGUMENT"


class RecipeRefused(InvalidArgument):
    """The recipe has errors, or names files that are not there: `findings`, with lines."""

    def __init__(self, message: str, findings: Sequence[Finding] = (), *, status: int = 0) -> None:
        super().__init__(message, reason="INVALID_RECIPE", status=status)
        self.findings = list(findings)


class Unauthenticated(BraidError):
    """No token was sent, or one that the coordinator does not know (any more)."""

    code = "UNAUTHENTICATED"


class PermissionDenied(BraidError):
    """The role of the token is not enough for the call, or for this object."""

    code = "PERMISSION_DENIED"


class NotFound(BraidError):
    """There is no run, job, artifact, worker or file of this name."""

    code = "NOT_FOUND"


class AlreadyExists(BraidError):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(BraidError):
    """The state does not allow it: a run that has ended is not cancelled."""

    code = "FAILED_PRECONDITION"


class Aborted(BraidError):
    """Something else came between."""

    code = "ABORTED"


class OutOfRange(BraidError):
    """Events were asked for that are not kept any more (WATCH_COMPACTED), or an offset beyond the
    end."""

    code = "OUT_OF_RANGE"


class ResourceExhausted(BraidError):
    """A limit is reached, which the message names."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(BraidError):
    """No coordinator is known, or it does not answer."""

    code = "UNAVAILABLE"


class DeadlineExceeded(BraidError, TimeoutError):
    """It took longer than the caller wanted to wait."""

    code = "DEADLINE_EXCEEDED"


class DataLoss(BraidError):
    """Bytes are not those that their digest promises."""

    code = "DATA_LOSS"


class Internal(BraidError):
    """An error of braid itself; the coordinator's log has more."""

    code = "INTERNAL"


class RunFailed(BraidError):
    """The run that was waited for did not succeed; `run` is the run as it ended."""

    code = "FAILED_PRECONDITION"

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message, reason=run.state)
        self.run = run


_CLASSES: dict[str, type[BraidError]] = {
    one.code: one
    for one in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        ResourceExhausted,
        Unavailable,
        DeadlineExceeded,
        DataLoss,
        Internal,
    )
}


def error_of(body: Mapping[str, Any], status: int) -> BraidError:
    """The error that the body of an answer describes."""
    code = str(body.get("code") or "UNKNOWN")
    reason = str(body.get("reason") or "")
    message = str(
        body.get("message") or body.get("error") or f"the coordinator answered with status {status}"
    )
    if reason == "INVALID_RECIPE":
        return RecipeRefused(message, status=status)
    return _CLASSES.get(code, BraidError)(message, code=code, reason=reason, status=status)
