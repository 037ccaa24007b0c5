"""The client of braid, which pretrains language models in parts.

    import braid_client

    client = braid_client.Client()
    run = client.submit("recipe.yaml")
    run = client.wait(run.id, check=True)

docs/python.md of the repository is the manual.
"""

from . import hub, types
from ._async import AsyncClient
from ._async_stream import AsyncStream
from ._client import Client
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
from ._models import Sample
from ._recipes import text_of
from ._report import Report
from ._service import NewToken
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
    "NewToken",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "RecipeRefused",
    "Report",
    "ResourceExhausted",
    "RunFailed",
    "Sample",
    "StoredFile",
    "Stream",
    "Unauthenticated",
    "Unavailable",
    "hub",
    "text_of",
    "types",
]
