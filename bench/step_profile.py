"""Where the time of a training step goes: perf record of braid's side of rows of scripts/bench.

python3 bench/step_profile.py [--threads N] [--seconds S] [--mm GFLOP/S] ROW...

Prints a line of a table a row: the share of the step that at::mm, at --mm on so many threads
(bench/peers/limits.py mm N measures it), would need for the products of linear layers and head, and
the shares of what the step does, "products" with those of attention. Starting and drawing initial
values do not count.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

from rows import models
from rows import train as train_rows

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The first that fits the name of a function decides.
GROUPS = [
    ("head: products", r"::(Tile)?Head(Logits|InputGradient|WeightGradient|Columns)\b"),
    ("head: rest", r"::HeadExp\b|::Chunk\b|HeadLossCpu"),
    ("attention", r"::Attention(Forward|Backward)\b"),
    ("products", r"::(Tile)?(Product|Outer)\b"),
    ("packing", r"::Pack(Transposed)?\b|CopyColumns|::Round\b|RoundedHead"),
    ("norm, gate", r"::(SwiGlu|RmsNorm)"),
    ("optimizer", r"::AdamW\b|SumOfSquares"),
]
RATE = 499  # samples a second of CPU time
COLUMNS = ["head: products", "head: rest", "products", "packing", "attention"]
COLUMNS += ["norm, gate", "optimizer", "rest"]


def group_of(function: str) -> str:
    return next((name for name, pattern in GROUPS if re.search(pattern, function)), "rest")


def samples(data: str) -> Counter:
    text = subprocess.run(
        ["perf", "script", "-i", data, "-F", "ip,sym"], check=True, capture_output=True, text=True
    ).stdout
    return Counter(
        group_of(line.strip().partition(" ")[2]) for line in text.splitlines() if line.strip()
    )


def record(row: train_rows.TrainRow, threads: int, turns: str, scratch: str):
    """Samples by group, and the number of tokens of the last turn."""
    model, data = os.path.join(scratch, row.name + ".json"), os.path.join(scratch, "perf.data")
    with open(model, "w", encoding="utf-8") as file:
        json.dump(row.spec, file)
    program = os.path.join(ROOT, "build", "release", "bench", "model_turns")
    done = subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(RATE), "-o", data, program]
        + ["train", model, str(row.batch), str(threads), row.precision()],
        input=turns,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    steps = len(json.loads(done.stdout.splitlines()[-1])["values"])
    return samples(data), steps * row.batch * row.spec["sequence"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="+", metavar="ROW", help="as scripts/bench --list has them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--mm", type=float, default=0, help="GFLOP/s of at::mm on so many threads")
    words = parser.parse_args()
    rows = {row.name: row for row in train_rows.rows() if type(row) is train_rows.TrainRow}
    unknown = [name for name in words.rows if name not in rows]
    if unknown:
        sys.exit(f"step_profile.py: no row of training is named {unknown[0]}")
    print("| row | threads | `at::mm` | " + " | ".join(COLUMNS) + " |")
    print("|---|---|---|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as scratch:
        for name in words.rows:
            # What a run of one step does is what the longer one does before it begins.
            start, _ = record(rows[name], words.threads, "0\n", scratch)
            found, tokens = record(rows[name], words.threads, f"0\n{words.seconds}\n", scratch)
            found.subtract(start)
            total = sum(found.values())
            # In CPU time, so that other programs of the machine do not count.
            needed = models.training_flop(rows[name].spec) * tokens / 1e9 / (words.mm or 1e30)
            limit = 100 * needed * words.threads * RATE / total
            shares = " | ".join(f"{100 * found[group] / total:.0f} %" for group in COLUMNS)
            print(f"| `{name}` | {words.threads} | {limit:.0f} % | {shares} |", flush=True)


if __name__ == "__main__":
    main()
