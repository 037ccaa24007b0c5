"""The ways in which a peer of PyTorch is run: each may be its best."""

import os
from dataclasses import dataclass

from harness.row import Setup


@dataclass(frozen=True)
class Variant:
    compiled: bool
    tcmalloc: bool

    def name(self, library: str) -> str:
        """Of the side, for example "transformers compiled, tcmalloc"."""
        text = f"{library} {'compiled' if self.compiled else 'eager'}"
        return text + (", tcmalloc" if self.tcmalloc else "")

    def env(self, setup: Setup) -> dict[str, str]:
        made = {
            **setup.env(),
            "TORCHINDUCTOR_CACHE_DIR": os.path.join(setup.root, "build", "bench", "inductor"),
        }
        return {**made, "LD_PRELOAD": setup.peers.tcmalloc} if self.tcmalloc else made

    def why_not(self, setup: Setup) -> str:
        if self.compiled and not setup.compile:
            return "--no-compile"
        why = setup.peers.why_not("transformers")
        return why or (setup.peers.why_not("tcmalloc") if self.tcmalloc else "")


ALL = [Variant(compiled, tcmalloc) for compiled in (False, True) for tcmalloc in (False, True)]


def of_run(setup: Setup) -> list[Variant]:
    """Those that a run measures: a quick one has no time for compilers."""
    return ALL[:1] if setup.quick else ALL
