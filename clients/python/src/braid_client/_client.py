"""The client: the methods of all that it is made of. `call` reaches what has no method."""

from __future__ import annotations

from typing import Optional

from ._address import StrPath, source
from ._job_output import JobOutput
from ._merges import Merges
from ._models import Models
from ._recipes import Recipes
from ._report import Reports
from ._service import Service


class Client(Service, Recipes, JobOutput, Reports, Merges, Models):
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
        super().__init__(
            source(url=url, token=token, token_file=token_file, dir=dir, ca=ca), retry_s
        )
