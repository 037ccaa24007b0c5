"""The client of braid, which pretrains language models in parts.

    import braid_client

    client = braid_client.Client()
    run = client.submit("recipe.yaml")
    run = client.wait(run.id, check=True)

docs/python.md of the repository is the manual.
"""

from . import types
from ._async import AsyncClient, AsyncStream
from ._client import Client, Report, text_of
from ._errors import (
    Aborted,
    AlreadyExists,
    BraidError,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    RecipeRefused,
    ResourceExhausted,
    RunFailed,
    Unauthenticated,
    Unavailable,
)
from ._files import StoredFile
from ._metrics import Metrics
from ._transport import Stream

__version__ = "0.1.0"

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncStream",
    "BraidError",
    "Client",
    "DataLoss",
    "DeadlineExceeded",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "Metrics",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "RecipeRefused",
    "Report",
    "ResourceExhausted",
    "RunFailed",
    "StoredFile",
    "Stream",
    "Unauthenticated",
    "Unavailable",
    "text_of",
    "types",
]
