"""Training a byte-level BPE tokenizer; the merges must be the same."""

import json
import os
import subprocess
import sys
from typing import Any

from harness.row import Row, Setup
from harness.side import ProcessSide, Side, SideError, Turn, last_line

from rows import texts

ENTRIES = 16000


def entries(setup: Setup) -> int:
    return 600 if setup.quick else ENTRIES


def command(setup: Setup, out: str) -> list[str]:
    text = texts.write(setup)
    return [
        setup.bench_program("tokenizer_turns"),
        "train",
        text,
        str(entries(setup)),
        str(setup.threads),
        out,
    ]


def train_by_braid(setup: Setup) -> str:
    """A tokenizer.json; made once a run."""
    out = os.path.join(setup.scratch, "tokenizer.json")
    if not os.path.exists(out):
        done = subprocess.run(command(setup, out), input="0\n", capture_output=True, text=True)
        if done.returncode != 0:
            raise SideError(last_line(done.stderr))
    return out


class TrainTokenizerRow(Row):
    name = "tokenizer"
    title = "training a tokenizer"
    unit = "MB/s"
    target = "1"

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            "text": texts.what(setup),
            "entries": entries(setup),
            "threads": setup.threads,
        }

    def sides(self, setup: Setup) -> list[Side]:
        self.files = {"braid": os.path.join(setup.scratch, "trained.json")}
        made: list[Side] = [ProcessSide("braid", command(setup, self.files["braid"]), setup.env())]
        for kind in ("tokenizers", "gigatoken"):
            self.files[kind] = os.path.join(setup.scratch, f"merges-{kind}")
            arguments = [kind, texts.write(setup), str(entries(setup)), self.files[kind]]
            made.append(
                ProcessSide(
                    kind,
                    setup.peer("train_tokenizer.py", *arguments),
                    {**setup.env(), "TOKENIZERS_PARALLELISM": "true"},
                    setup.peers.why_not(kind),
                )
            )
        return made

    def verify(self, turns: dict[str, list[Turn]]) -> str:
        merges = {}
        for name in turns:
            with open(self.files[name], encoding="utf-8") as file:
                merges[name] = merges_of(json.load(file)) if name == "braid" else file.read()
        count = merges["braid"].count("\n")
        for name, found in merges.items():
            if found != merges["braid"]:
                pairs = zip(found.splitlines(), merges["braid"].splitlines(), strict=False)
                same = next((i for i, (a, b) in enumerate(pairs) if a != b), "all that both have")
                raise SideError(f"{name} has other merges than braid, from number {same} on")
        return f"{count:,} merges"


def merges_of(content: dict) -> str:
    """As bench/peers/train_tokenizer.py writes them."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")
    if folder not in sys.path:
        sys.path.append(folder)
    from train_tokenizer import merges_of_json  # of bench/peers

    return "".join(f"{a.hex()} {b.hex()}\n" for a, b in merges_of_json(content))


def rows() -> list[Row]:
    return [TrainTokenizerRow()]
