"""What every method of the client is made of: a call by its name, and lists that come in pages."""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Optional

from ._address import Source
from ._errors import BraidError
from ._transport import Transport

LONG_S = 600.0


class Calls:
    """A coordinator, spoken to over HTTP. May be used by several threads."""

    def __init__(self, source: Source, retry_s: float) -> None:
        self._source = source
        self._transport = Transport(source, retry_s)

    def __repr__(self) -> str:
        try:
            return f"<braid_client.Client of {self._transport.endpoint().url}>"
        except BraidError as error:
            return f"<braid_client.Client: {error}>"

    def call(
        self, method: str, request: Optional[Mapping[str, Any]] = None, *, timeout: float = 30.0
    ) -> Any:
        """A call by its name, "Runs/GetRun", with the fields of its request; the reply as JSON."""
        return self._transport.post("/api/v1/" + method, dict(request or {}), timeout=timeout)

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


def request_id() -> str:
    """Of a call that changes something: a repetition has no second effect."""
    return uuid.uuid4().hex


def words(given: Sequence[str]) -> list[str]:
    """The list; TypeError for a single text, whose letters it would be."""
    if isinstance(given, str):
        raise TypeError(f"give a list of words, not the word {given!r} alone")
    return list(given)


def user_name() -> str:
    """Whose runs and artifacts these are where the owner's token is used; other tokens have a name
    of their own."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
