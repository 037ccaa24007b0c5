"""Encoding text on one core with an empty cache; the ids must be the same."""

import os
from typing import Any

from harness.row import Row, Setup
from harness.side import ProcessSide, Side, SideError, Turn

from rows import texts
from rows.train_tokenizer import entries, train_by_braid

PEERS = {
    "gigatoken": "gigatoken",
    "gigatoken-bytes": "gigatoken",
    "fastokens": "fastokens",
    "tokenizers": "tokenizers",
}


def on_one_core(command: list[str]) -> list[str]:
    return ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]


class EncodeRow(Row):
    name = "encode"
    title = "encoding text, one core, cold"
    unit = "MB/s"
    target = "1.2 of gigatoken"

    def settings(self, setup: Setup) -> dict[str, Any]:
        given = os.path.basename(setup.tokenizer)
        return {
            "text": texts.what(setup),
            "tokenizer": given or f"byte-level BPE of {entries(setup)} entries, GPT-2's pattern",
            "threads": 1,
        }

    def sides(self, setup: Setup) -> list[Side]:
        text = texts.write(setup)
        tokenizer = setup.tokenizer or train_by_braid(setup)
        braid = [setup.bench_program("tokenizer_turns"), "encode", tokenizer, text]
        made: list[Side] = [ProcessSide("braid", on_one_core(braid), setup.env(1))]
        for kind, package in PEERS.items():
            side = ProcessSide(
                {"gigatoken-bytes": "gigatoken, bytes"}.get(kind, kind),
                on_one_core(setup.peer("encode.py", kind, tokenizer, text)),
                {**setup.env(1), "TOKENIZERS_PARALLELISM": "false"},
                setup.peers.why_not(package),
            )
            # Its first turn, in which it makes tables that all later ones use, says little of it.
            side.kept = kind.startswith("gigatoken")
            made.append(side)
        return made

    def verify(self, turns: dict[str, list[Turn]]) -> str:
        digests = {
            name: turn.facts["sha256"] for name, of_side in turns.items() for turn in of_side
        }
        different = [name for name, digest in digests.items() if digest != digests["braid"]]
        if different:
            raise SideError(f"other ids than braid: {', '.join(different)}")
        tokens = turns["braid"][-1].facts["tokens"]
        return f"{tokens:,} ids, SHA-256 {digests['braid'][:12]}"


def rows() -> list[Row]:
    return [EncodeRow()]
