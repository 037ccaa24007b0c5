"""Streams for asyncio."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Generic, Optional, TypeVar, Union

from ._transport import Stream

T = TypeVar("T")


class AsyncStream(Generic[T]):
    """A Stream for `async for`. `aclose`, or the end of `async with`, ends it earlier."""

    def __init__(self, open_stream: Callable[[], Stream[T]]) -> None:
        self._open = open_stream
        self._stream: Optional[Stream[T]] = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="braid-stream")
        self._done = object()

    def __aiter__(self) -> AsyncStream[T]:
        return self

    async def __anext__(self) -> T:
        try:
            item = await asyncio.get_running_loop().run_in_executor(self._executor, self._next)
        except asyncio.CancelledError:
            self._cut()
            raise
        if item is self._done:
            self._cut()
            raise StopAsyncIteration
        return item  # type: ignore[return-value]

    async def __aenter__(self) -> AsyncStream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._cut()

    async def aclose(self) -> None:
        self._cut()

    def _next(self) -> Union[T, object]:
        # Opening asks the coordinator, too.
        if self._stream is None:
            self._stream = self._open()
        return next(self._stream, self._done)

    def _cut(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._executor.shutdown(wait=False)
