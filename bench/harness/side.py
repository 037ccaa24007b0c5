"""Sides: what is measured in turns. A side is opened, has turns, and is closed."""

import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class SideError(Exception):
    """A side that could not be measured; the text is for the table and says why."""


@dataclass(frozen=True)
class Turn:
    values: list[float]  # in the unit of the row
    facts: dict[str, Any] = field(default_factory=dict)  # whatever else the side says of it


class Side:
    """One competitor of a row. `name` is unique in its row; `why_not` says why it cannot be measured
    here, and is empty if it can; a side that is to be `kept` takes part in the rounds however far it
    is behind, because a target names it."""

    kept = False

    def __init__(self, name: str, why_not: str = ""):
        self.name = name
        self.why_not = why_not

    def open(self) -> dict[str, Any]:
        """Gets ready; returns what the side says of itself."""
        return {}

    def turn(self, seconds: float) -> Turn:
        raise NotImplementedError

    def close(self) -> None:
        pass


class ActionSide(Side):
    """A side whose turn is a call, once a turn, whatever its seconds: programs from start to end."""

    def __init__(self, name: str, action: Callable[[], Turn], why_not: str = ""):
        super().__init__(name, why_not)
        self.action = action

    def turn(self, seconds: float) -> Turn:
        return self.action()


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


# What a program that waits for its turn must not do: spin on a core that the other side measures on.
QUIET = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}


class ProcessSide(Side):
    """A program that prints a JSON line when it is ready, and one for each line with seconds that it
    reads (bench/turns.h, bench/peers/turns.py): {"values": [...], ...}."""

    # Of a program to get ready or to have a turn; a compiler of models may take minutes.
    PATIENCE_S = 600

    def __init__(self, name: str, command: list[str], env: dict[str, str], why_not: str = ""):
        super().__init__(name, why_not)
        self.command = command
        self.env = {**os.environ, **env}
        self.process: subprocess.Popen | None = None
        self.errors = None
        self.expired = False

    def start(self) -> None:
        """Starts the program without waiting until it is ready."""
        if self.process is not None:
            return
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                env=self.env,
            )
        except OSError as error:
            raise SideError(f"{self.command[0]}: {error.strerror}") from error

    def open(self) -> dict[str, Any]:
        self.start()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next JSON line of the program."""
        timer = threading.Timer(self.PATIENCE_S, self.expire)
        timer.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        finally:
            timer.cancel()
        if self.expired:
            raise SideError(f"no answer in {self.PATIENCE_S} s")
        code = self.process.wait()
        self.errors.seek(0)
        raise SideError(f"exit code {code}: {last_line(self.errors.read())}")

    def expire(self) -> None:
        self.expired = True
        self.process.kill()

    def turn(self, seconds: float) -> Turn:
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says what the program died of
        answer = self.answer()
        return Turn(answer.pop("values"), answer)

    def peak_bytes(self) -> int:
        """The most memory that the program had resident so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"^VmHWM:\s*(\d+) kB", status.read(), re.MULTILINE)[1]) * 1024

    def close(self) -> None:
        if self.process is None:
            return
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.process = None


class MemorySide(ProcessSide):
    """A program whose turns count by the memory that it had resident at most, in GB."""

    def turn(self, seconds: float) -> Turn:
        turn = super().turn(seconds)
        return Turn([self.peak_bytes() / 1e9], turn.facts)
