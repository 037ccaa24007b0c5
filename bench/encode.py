#!/usr/bin/env python3
"""Encoding on one thread beside the `tokenizers` package, in turns, in one run; the ids must be equal.

build/venv-peers/bin/python bench/encode.py TOKENIZER.json TEXT... [--rounds 3]
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = 4000  # characters


def documents_of(paths):
    documents = []
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(
            path, "rt", encoding="utf-8", errors="ignore"
        ) as file:
            text = file.read().replace("\0", "")
        documents += [text[i : i + DOCUMENT] for i in range(0, len(text), DOCUMENT)]
    return documents


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--program", default=os.path.join(ROOT, "build", "release", "bench", "tokenize")
    )
    arguments = parser.parse_args()
    documents = documents_of(arguments.texts)
    theirs_tokenizer = Tokenizer.from_file(arguments.tokenizer)
    ours, theirs, tokens = [], [], 0
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
        file.write("\0".join(documents))
        file.flush()
        for _ in range(arguments.rounds):
            done = subprocess.run(
                [arguments.program, arguments.tokenizer, file.name, "1"],
                capture_output=True,
                text=True,
                check=True,
            )
            result = json.loads(done.stdout)
            ours += result["seconds"]
            start = time.perf_counter()
            tokens = sum(
                len(theirs_tokenizer.encode(document, add_special_tokens=False).ids)
                for document in documents
            )
            theirs.append(time.perf_counter() - start)
    if tokens != result["tokens"]:
        raise SystemExit(f"the ids differ: {result['tokens']} and {tokens} tokens")
    megabytes = sum(len(document.encode()) for document in documents) / 1e6
    with open("/proc/cpuinfo") as cpus:
        name = next(
            (line.split(":", 1)[1].strip() for line in cpus if line.startswith("model name")), ""
        )
    print(
        f"{name}, 1 thread, {megabytes:.1f} MB in {len(documents)} documents, {tokens} tokens, {arguments.rounds} rounds"
    )
    print(
        f"MB/s, best / median   braid {megabytes / min(ours):.1f} / {megabytes / statistics.median(ours):.1f}   "
        f"tokenizers {megabytes / min(theirs):.1f} / {megabytes / statistics.median(theirs):.1f}   "
        f"ratio of medians {statistics.median(theirs) / statistics.median(ours):.2f}"
    )


if __name__ == "__main__":
    main()
