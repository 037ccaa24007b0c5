"""HTTP to a coordinator: calls that are repeated where that is right, and streams that go on where
they were cut. A connection for each request: one client may be used by several threads."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable, Generic, Optional, TypeVar, Union
from urllib.parse import urlencode

from ._address import Endpoint, Source
from ._errors import BraidError, PermissionDenied, Unauthenticated, Unavailable, error_of

T = TypeVar("T")
Query = Mapping[str, Union[str, int, bool, Iterable[str]]]

CALL_S = 30.0
# A stream that says nothing for so long is dead: the coordinator sends a comment every 15 s.
SILENCE_S = 45.0
# How long streams and waits bear that nobody answers, as the coordinator may be restarting.
PATIENCE_S = 60.0
_PAUSE_S = 0.2
_LONGEST_TURN_S = 60.0
_TRY_AGAIN = re.compile(r": try again in (\d+) ms$")
_BROKEN = (OSError, http.client.HTTPException)


def encoded(query: Query) -> str:
    """Fields of a request in a query; those with their default are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, bool):
            pairs += [(name, "true")] if value else []
        elif isinstance(value, (str, int)):
            pairs += [(name, str(value))] if value else []
        else:
            pairs += [(name, str(one)) for one in value]
    return urlencode(pairs)


def trace_headers() -> dict[str, str]:
    """The span of which a call is a part: the present one of OpenTelemetry, where the program uses
    that, and else the one that the variable TRACEPARENT names."""
    found: dict[str, str] = {}
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(found)
    traceparent = found.get("traceparent") or os.environ.get("TRACEPARENT", "")
    return {"traceparent": traceparent} if traceparent.isprintable() and traceparent else {}


@dataclass
class Answer:
    """An open answer. `cut` may be called by another thread than the one that reads."""

    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection
    socket: socket.socket

    def cut(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class _SecureConnection(http.client.HTTPSConnection):
    """It may be at an address that is not among the names of its certificate."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        assert endpoint.context is not None
        super().__init__(endpoint.host, endpoint.port, timeout=timeout, context=endpoint.context)
        self._secure, self._name = endpoint.context, endpoint.server_name or endpoint.host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._secure.wrap_socket(self.sock, server_hostname=self._name)


class Transport:
    """Requests with the token of an endpoint that is found anew for each try."""

    def __init__(self, source: Source, retry_s: float) -> None:
        self._source = source
        self._retry_s = retry_s

    def endpoint(self) -> Endpoint:
        return self._source.find()

    def open(
        self,
        method: str,
        path: str,
        *,
        body: Optional[bytes] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: float = CALL_S,
    ) -> Answer:
        """One try. Raises the error of an answer that has one."""
        endpoint = self.endpoint()
        connection: http.client.HTTPConnection
        if endpoint.context is not None:
            connection = _SecureConnection(endpoint, timeout)
        else:
            connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)
        sent = {"Connection": "close", **trace_headers(), **(headers or {})}
        if endpoint.token:
            sent["Authorization"] = "Bearer " + endpoint.token
        try:
            connection.connect()
            opened = connection.sock
            connection.request(method, path, body=body, headers=sent)
            answer = Answer(connection.getresponse(), connection, opened)
            if answer.response.status < 400:
                return answer
            content = answer.response.read()
        except ssl.SSLError as error:
            connection.close()
            raise _tls_error(error, endpoint) from None
        except _BROKEN as error:
            connection.close()
            raise Unavailable(
                f"no coordinator answers at {endpoint.url} ({error or type(error).__name__}); "
                "is it up? braid up starts one"
            ) from None
        connection.close()
        raise _with_token_file(_error_of(content, answer.response.status), endpoint)

    def read(
        self,
        method: str,
        path: str,
        *,
        body: Optional[bytes] = None,
        content_type: str = "application/json",
        timeout: float = CALL_S,
        retry_s: Optional[float] = None,
    ) -> bytes:
        """The whole body of an answer; repeated while the coordinator is away, or says that it is
        called too often. Every call of the API may be sent twice."""
        headers = {"Content-Type": content_type} if body is not None else {}
        until = time.monotonic() + (self._retry_s if retry_s is None else retry_s)
        turns = _Turns()
        while True:
            try:
                answer = self.open(method, path, body=body, headers=headers, timeout=timeout)
                try:
                    return answer.response.read()
                except _BROKEN as error:
                    raise Unavailable(f"the answer to {path} was cut off ({error})") from None
                finally:
                    answer.close()
            except BraidError as error:
                if turns.wait(error):
                    continue
                if not isinstance(error, Unavailable) or time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE_S)

    def post(self, path: str, request: Any, **more: Any) -> Any:
        """A call with JSON both ways."""
        return json.loads(self.read("POST", path, body=json.dumps(request).encode(), **more))


class _Turns:
    """The patience of one call with a coordinator that says that its caller calls too often."""

    def __init__(self) -> None:
        self._waited_s = 0.0

    def wait(self, error: BraidError) -> bool:
        said = _TRY_AGAIN.search(error.message) if error.code == "RESOURCE_EXHAUSTED" else None
        if said is None:
            return False
        turn_s = int(said.group(1)) / 1000
        if self._waited_s + turn_s > _LONGEST_TURN_S:
            return False
        self._waited_s += turn_s
        time.sleep(turn_s)
        return True


@dataclass
class _Event:
    name: str
    id: str
    data: str


def _events(lines: Iterable[bytes]) -> Iterator[_Event]:
    """The events of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    name, identity = "", ""
    data: list[str] = []
    for line in lines:
        text = line.decode("utf-8").rstrip("\r\n")
        if not text:
            if data:
                yield _Event(name, identity, "\n".join(data))
            name, data = "", []
            continue
        field, _, value = text.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "event":
            name = value
        elif field == "id":
            identity = value
        elif field == "data":
            data.append(value)


class Stream(Generic[T]):
    """Replies of a streaming call as they come. After a cut connection it goes on by itself, for a
    minute without an answer at most. It ends with the call; `close` ends it earlier, also from
    another thread."""

    def __init__(
        self,
        transport: Transport,
        method: str,
        query: Query,
        decode: Callable[[Any], Iterable[T]],
    ) -> None:
        self._transport = transport
        self._path = "/api/v1/" + method
        self._query = dict(query)
        self._decode = decode
        self._answer: Optional[Answer] = None
        self._closed = False
        self._items = self._run()

    def __iter__(self) -> Stream[T]:
        return self

    def __next__(self) -> T:
        return next(self._items)

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        if self._answer is not None:
            self._answer.cut()

    def _run(self) -> Iterator[T]:
        last, since = "", time.monotonic()
        while not self._closed:
            query = {**self._query, **({"last_event_id": last} if last else {})}
            try:
                self._answer = self._transport.open(
                    "GET",
                    self._path + "?" + encoded(query),
                    headers={"Accept": "text/event-stream"},
                    timeout=SILENCE_S,
                )
                for event in _events(self._answer.response):
                    since = time.monotonic()
                    if event.name == "end":
                        body = json.loads(event.data)
                        if not body:
                            return
                        raise error_of(body, 0)
                    last = event.id or last
                    yield from self._decode(json.loads(event.data))
            except Unavailable:
                if not self._closed and time.monotonic() - since > PATIENCE_S:
                    raise
            except _BROKEN:
                pass  # the next try says what is wrong
            finally:
                if self._answer is not None:
                    self._answer.close()
            if not self._closed:
                time.sleep(_PAUSE_S)


def _error_of(content: bytes, status: int) -> BraidError:
    try:
        body = json.loads(content)
    except ValueError:
        body = {"message": content.decode("utf-8", "replace")[:200]}
    return error_of(body if isinstance(body, dict) else {}, status)


def _tls_error(error: ssl.SSLError, endpoint: Endpoint) -> BraidError:
    """What is wrong with who answers; it was sent nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return PermissionDenied(
            f"the program at {endpoint.url} is not known to be the coordinator "
            f"({error.verify_message}): nothing was sent to it. ca= (BRAID_CA) names the authority "
            "that it must be certified by, and the address must be a name of its certificate"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return PermissionDenied(
            f"the program at {endpoint.url} speaks no TLS, and nothing was sent to it: is it the "
            "coordinator, and was it started with HTTPS (--http-tls)?"
        )
    return Unavailable(f"the TLS connection to {endpoint.url} failed ({error})")


def _with_token_file(error: BraidError, endpoint: Endpoint) -> BraidError:
    """Which token was refused: most often it is an old file."""
    if isinstance(error, Unauthenticated):
        where = (
            f"the token of {endpoint.token_file} was sent"
            if endpoint.token_file
            else "the given token was sent"
            if endpoint.token
            else "nothing here names a token's file for this address"
        )
        error.message = f"the coordinator at {endpoint.url}: {error.message} ({where})"
        error.args = (error.message,)
    return error
