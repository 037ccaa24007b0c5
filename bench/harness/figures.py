"""The arithmetic of a comparison: figures of one side, and the ratio of two.

A turn is a list of values, of which its median counts. A side has as many turns as there are
rounds; its figure is the median over them. A ratio is that of the two figures, above 1 if braid is
ahead, and its spread are the smallest and the largest ratio within one round.
"""

import statistics
from dataclasses import dataclass
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True)
class Figure:
    """One side's result, in the unit of its row."""

    median: float  # over the turns, of the medians of their values
    best: float  # of all values of all turns
    turns: tuple[float, ...]  # the median of each turn, in their order


@dataclass(frozen=True)
class Ratio:
    """braid's figure to a peer's; above 1 if braid is ahead, whatever is better."""

    of_medians: float
    low: float  # of the rounds
    high: float


def figure(turns: list[list[float]], better: Better) -> Figure:
    """REQUIRES: at least one turn, and none of them empty."""
    values = [value for turn in turns for value in turn]
    medians = tuple(statistics.median(turn) for turn in turns)
    best = max(values) if better == "more" else min(values)
    return Figure(statistics.median(medians), best, medians)


def ahead(ours: float, theirs: float, better: Better) -> float:
    """How far `ours` is ahead of `theirs`: above 1 if it is better."""
    return ours / theirs if better == "more" else theirs / ours


def ratio(ours: Figure, theirs: Figure, better: Better) -> Ratio:
    """REQUIRES: both have a turn in each round."""
    rounds = [ahead(a, b, better) for a, b in zip(ours.turns, theirs.turns, strict=True)]
    return Ratio(ahead(ours.median, theirs.median, better), min(rounds), max(rounds))


def best_of(figures: dict[str, Figure], better: Better) -> str:
    """The name of the side with the best median. REQUIRES: there is one."""
    best = max if better == "more" else min
    return best(figures, key=lambda name: figures[name].median)


# A side whose warm-up is behind the best by more than this takes no part in the rounds: it cannot
# be the best, and its turns are time that the others' medians can use.
BEHIND = 0.8


def worth_measuring(warm_ups: dict[str, float], better: Better) -> list[str]:
    """The sides, by name and figure of their warm-up, that may turn out to be the best."""
    if not warm_ups:
        return []
    best = max(warm_ups.values()) if better == "more" else min(warm_ups.values())
    return [name for name, value in warm_ups.items() if ahead(value, best, better) >= BEHIND]
