"""Scoring minimal pairs as BLiMP has them: pairs a second, the same accuracy on both sides."""

import json
import os
import random
import shutil
import subprocess
import tarfile
from typing import Any

from harness.row import Row, Setup
from harness.side import ProcessSide, Side, SideError, Turn, last_line

from rows import models, tasks, texts, variants
from rows.train import tiny

PAIRS = 400


# The published pairs, where a checkout has them beside it.
PUBLISHED = ("shared", "data", "eval", "blimp", "blimp.tar.gz")
EVERY = 10  # of the published paradigms
PAIRS_OF_EACH = 200


class BlimpRow(Row):
    name = "blimp"
    title = "BLiMP scoring, dense 256 x 8"
    unit = "pairs/s"
    target = "3"
    spec = models.dense(4001, 256, 8, 8, 256)

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            **models.text(self.spec),
            "pairs": self.count(setup),
            "sentences": "of the text, two words exchanged in the bad one",
            "threads": setup.threads,
            "precision": "fp32",
        }

    def count(self, setup: Setup) -> int:
        return 20 if setup.quick else PAIRS

    def write_pairs(self, setup: Setup) -> str:
        folder = os.path.join(setup.scratch, "pairs")
        os.makedirs(folder, exist_ok=True)
        draw = random.Random(42)
        with open(os.path.join(folder, "exchanged_words.jsonl"), "w", encoding="utf-8") as file:
            for sentence in texts.sentences(setup, self.count(setup)):
                words = sentence.split()
                i, j = draw.sample(range(len(words)), 2)
                words[i], words[j] = words[j], words[i]
                row = {"sentence_good": sentence, "sentence_bad": " ".join(words)}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return folder

    def write_model(self, setup: Setup) -> tuple[str, str]:
        """(checkpoint folder, the same as a Hugging Face folder), both with the tokenizer."""
        tokenizer = os.path.join(tasks.corpus(setup)["tokenizer"], "tokenizer.json")
        with open(tokenizer, encoding="utf-8") as file:
            vocab = len(json.load(file)["model"]["vocab"]) + 1
        spec = {**(tiny(self.spec) if setup.quick else self.spec), "vocab": vocab}
        spec = {**spec, "pad_id": vocab - 1, "sequence": 256}
        path = os.path.join(setup.scratch, f"{self.name}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(spec, file)
        ours, theirs = (
            os.path.join(setup.scratch, f"{self.name}-{name}") for name in ("ours", "theirs")
        )
        must([setup.bench_program("model_turns"), "write", path, ours])
        shutil.copy(tokenizer, ours)
        must([setup.program("braid-trainer"), "export", ours, theirs])
        return ours, theirs

    def sides(self, setup: Setup) -> list[Side]:
        pairs, (ours, theirs) = self.write_pairs(setup), self.write_model(setup)
        words = ["blimp", ours, pairs, str(setup.threads)]
        braid = ProcessSide("braid", [setup.bench_program("model_turns"), *words], setup.env())
        return [braid, *(self.peer(setup, theirs, pairs, one) for one in variants.of_run(setup))]

    def peer(self, setup: Setup, folder: str, pairs: str, variant: variants.Variant) -> Side:
        asked = {
            "folder": folder,
            "pairs": pairs,
            "threads": setup.threads,
            "batch": 64,
            "compile": variant.compiled,
        }
        return ProcessSide(
            variant.name("transformers"),
            setup.peer("blimp.py", json.dumps(asked)),
            variant.env(setup),
            variant.why_not(setup),
        )

    def verify(self, turns: dict[str, list[Turn]]) -> str:
        found = {name: of_side[-1].facts["accuracy"] for name, of_side in turns.items()}
        # Two pairs of a hundred: where both sentences score nearly alike, rounding decides.
        if max(found.values()) - min(found.values()) > 2:
            raise SideError(f"the accuracies differ: {found}")
        return f"accuracy {next(iter(found.values())):.2f} %"


class PublishedBlimpRow(BlimpRow):
    """Sentences as BLiMP has them: those of a paradigm begin alike, and pairs differ in a word."""

    name = "blimp.published"
    title = "BLiMP scoring, published pairs, dense 256 x 8"

    def archive(self, setup: Setup) -> str:
        return os.path.join(os.path.dirname(setup.root), *PUBLISHED)

    def why_not(self, setup: Setup) -> str:
        if not os.path.exists(self.archive(setup)):
            return f"there is no {os.path.join('..', *PUBLISHED)} beside the checkout"
        return super().why_not(setup)

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            **super().settings(setup),
            "pairs": f"{self.count(setup)} of every {EVERY}th paradigm",
            "sentences": "published",
        }

    def count(self, setup: Setup) -> int:
        return 20 if setup.quick else PAIRS_OF_EACH

    def write_pairs(self, setup: Setup) -> str:
        folder = os.path.join(setup.scratch, "published-pairs")
        os.makedirs(folder, exist_ok=True)
        with tarfile.open(self.archive(setup)) as archive:
            names = sorted(name for name in archive.getnames() if name.endswith(".jsonl"))
            for name in names[::EVERY]:
                rows = archive.extractfile(name).read().decode().splitlines()[: self.count(setup)]
                path = os.path.join(folder, os.path.basename(name))
                with open(path, "w", encoding="utf-8") as file:
                    file.write("\n".join(rows) + "\n")
        return folder


def must(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SideError(f"{os.path.basename(command[0])}: {last_line(done.stderr)}")


def rows() -> list[Row]:
    return [BlimpRow(), PublishedBlimpRow()]
