"""Runs a row: warm-up, then rounds in which every side has one turn."""

import statistics
import sys
import traceback
from dataclasses import dataclass, field
from typing import Any

from harness import figures
from harness.figures import Figure, Ratio
from harness.row import Limit, Row, Setup
from harness.side import ProcessSide, Side, SideError, Turn


@dataclass(frozen=True)
class LimitFigure:
    """What the machine can do at most, as it was measured."""

    what: str
    unit: str
    median: float


@dataclass
class Result:
    """What became of a row. `reason` is set instead of figures if it was not measured."""

    row: Row
    settings: dict[str, Any]
    reason: str = ""
    failed: bool = False  # the reason is that something went wrong
    ours: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)  # of the sides in the rounds
    warm_ups: dict[str, float] = field(default_factory=dict)  # of all that ran
    missing: dict[str, str] = field(default_factory=dict)  # side -> why it was not measured
    facts: dict[str, dict] = field(default_factory=dict)  # side -> what its last turn said
    peer: str = ""  # the best of the others
    ratio: Ratio | None = None
    limit: LimitFigure | None = None
    share: float = 0.0  # of the limit, if there is one
    verified: str = ""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_row(row: Row, setup: Setup) -> Result:
    result = Result(row, row.settings(setup))
    result.reason = row.why_not(setup)
    if result.reason:
        return result
    sides: list[Side] = []
    try:
        sides = row.sides(setup)
        measure(row, setup, sides, result)
    except SideError as error:
        result.reason, result.failed = str(error), True
    except Exception as error:  # The other rows of a long run are measured nevertheless.
        traceback.print_exc()
        result.reason, result.failed = f"{type(error).__name__}: {error}", True
    finally:
        for side in sides:
            side.close()
    return result


def rehearse(row: Row, setup: Setup) -> str:
    """Lets every side do its work once, so that what compiles models has done so when it counts.
    Returns what went wrong, or nothing."""
    if row.why_not(setup):
        return ""
    failed, sides = [], []
    try:
        sides = [side for side in row.sides(setup) if not side.why_not]
        for side in sides:
            say(f"  {row.name}: {side.name}")
            try:
                side.open()
                side.turn(0.01)
            except SideError as error:
                failed.append(f"{side.name}: {error}")
            side.close()
    except SideError as error:
        failed.append(str(error))
    finally:
        for side in sides:
            side.close()
    return "; ".join(failed)


def measure(row: Row, setup: Setup, sides: list[Side], result: Result) -> None:
    result.ours = sides[0].name
    for side in sides:
        if side.why_not:
            result.missing[side.name] = side.why_not
    if sides[0].why_not:
        raise SideError(sides[0].why_not)
    limit = row.limit(setup)
    extra = limit.side if limit is not None and limit.side not in sides else None
    if extra is not None:
        sides.append(extra)  # so that it is closed with the others
    running = open_all([side for side in sides if not side.why_not], sides[0], result)
    turns = warm_up(row, setup, running, extra, result)
    for number in range(1, setup.rounds + 1):
        for side in [side for side in running if side.name in turns]:
            say(f"  {row.name} {number}/{setup.rounds}: {side.name}")
            seconds = setup.seconds / 2 if side is extra else setup.seconds
            turns[side.name].append(side.turn(seconds))
    conclude(row, turns, limit, extra, result)


def open_all(sides: list[Side], ours: Side, result: Result) -> list[Side]:
    """Opens the sides; programs get ready beside one another. Peers that fail are left out with their
    reason; if braid fails, so does the row."""
    opened = []
    for side in sides:
        if isinstance(side, ProcessSide):
            try:
                side.start()
            except SideError:
                pass  # open() says it again
    for side in sides:
        try:
            result.facts[side.name] = side.open()
            opened.append(side)
        except SideError as error:
            if side is ours:
                raise
            result.missing[side.name] = str(error)
    return opened


def warm_up(
    row: Row, setup: Setup, running: list[Side], extra: Side | None, result: Result
) -> dict[str, list[Turn]]:
    """One turn of each; returns the names of those that are worth more, each without turns."""
    for side in list(running):
        say(f"  {row.name} warm-up: {side.name}")
        try:
            turn = side.turn(min(setup.seconds, 1.0))
            result.warm_ups[side.name] = statistics.median(turn.values)
            result.facts[side.name] = {**result.facts.get(side.name, {}), **turn.facts}
        except SideError as error:
            if side.name == result.ours:
                raise
            result.missing[side.name] = str(error)
            running.remove(side)
    always = {result.ours} | ({extra.name} if extra is not None else set())
    peers = {name: value for name, value in result.warm_ups.items() if name not in always}
    kept = always | {side.name for side in running if side.kept}
    kept |= set(figures.worth_measuring(peers, row.better))
    for side in running:
        if side.name not in kept:
            side.close()
    return {side.name: [] for side in running if side.name in kept}


def conclude(
    row: Row,
    turns: dict[str, list[Turn]],
    limit: Limit | None,
    extra: Side | None,
    result: Result,
) -> None:
    of_sides = {
        name: figures.figure([turn.values for turn in of_side], row.better)
        for name, of_side in turns.items()
    }
    for name, of_side in turns.items():
        result.facts[name] = {**result.facts.get(name, {}), **of_side[-1].facts}
    ours = of_sides[result.ours]
    if limit is not None and limit.side.name in of_sides:
        top = of_sides[limit.side.name].median
        result.limit = LimitFigure(limit.what, limit.unit, top)
        result.share = figures.ahead(ours.median * limit.scale, top, row.better)
    if extra is not None:
        of_sides.pop(extra.name, None)
        result.warm_ups.pop(extra.name, None)
    result.figures = of_sides
    peers = {name: value for name, value in of_sides.items() if name != result.ours}
    if peers:
        result.peer = figures.best_of(peers, row.better)
        result.ratio = figures.ratio(ours, peers[result.peer], row.better)
    result.verified = row.verify({name: turns[name] for name in of_sides})
