"""A row: one comparison, with what it is measured on and what a machine can do at most."""

import os
from dataclasses import dataclass, field
from typing import Any

from harness.figures import Better
from harness.machine import Machine
from harness.peers import Peers
from harness.side import QUIET, Side, Turn


@dataclass(frozen=True)
class Setup:
    """How and where rows are measured: what scripts/bench was told, and what it has found."""

    root: str  # of the project
    build: str  # of the release build, with bin/ and bench/
    scratch: str  # a folder for files of this run
    machine: Machine
    peers: Peers
    isa: str  # one of machine.LEVELS
    restricted: bool  # --isa was given: programs are told
    threads: int
    rounds: int
    seconds: float  # of a turn
    quick: bool  # tiny sizes: whether it runs, not how fast
    compile: bool = True  # peers are measured compiled, too
    text: list[str] = field(default_factory=list)  # files for encoding; empty: what is installed
    tokenizer: str = ""  # a tokenizer.json for encoding; empty: one is trained
    megabytes: int = 1000  # of each checkpoint that is merged

    def program(self, name: str) -> str:
        return os.path.join(self.build, "bin", name)

    def bench_program(self, name: str) -> str:
        return os.path.join(self.build, "bench", name)

    def env(self, threads: int | None = None) -> dict[str, str]:
        """Variables for a side with so many threads, restricted to the instruction set of the run."""
        threads = threads or self.threads
        return {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "RAYON_NUM_THREADS": str(threads),
            **QUIET,
            **(self.machine.variables(self.isa) if self.restricted else {}),
        }

    def peer(self, script: str, *arguments: str) -> list[str]:
        """The command of a script of bench/peers."""
        path = os.path.join(self.root, "bench", "peers", script)
        return [self.peers.python, path, *arguments]


@dataclass(frozen=True)
class Limit:
    """What the machine can do at most, measured in the same rounds. `share` of the row is braid's
    figure times `scale`, divided by the figure of `side` (or the other way round where less is
    better)."""

    side: Side
    what: str  # "at::mm, 2048 cubed"
    unit: str
    scale: float = 1.0


class Row:
    """A registered comparison. Subclasses say what is compared; the runner does the rest."""

    name: str  # on the command line: "train.c"
    title: str
    unit: str
    better: Better = "more"
    target: str = ""  # the ratio that is wanted, as text

    def settings(self, setup: Setup) -> dict[str, Any]:
        """What a reader needs to repeat it."""
        raise NotImplementedError

    def sides(self, setup: Setup) -> list[Side]:
        """braid first. Called once a run; may make files in setup.scratch."""
        raise NotImplementedError

    def limit(self, setup: Setup) -> Limit | None:
        return None

    def why_not(self, setup: Setup) -> str:
        """Why this row cannot be measured on this machine; empty if it can."""
        return ""

    def verify(self, turns: dict[str, list[Turn]]) -> str:
        """What was found to be the same on both sides ("same ids"), or empty. Raises SideError if
        something differs that must not."""
        return ""
