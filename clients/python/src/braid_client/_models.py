"""Models on this machine: fetched, then run or exported by the program braid, as its commands do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ._address import StrPath
from ._artifacts import Artifacts
from ._errors import InvalidArgument
from ._files import Progress
from ._programs import run_braid

# What a training needs to go on, and a model to be used does not.
_OF_TRAININGS = ("optimizer.safetensors", "average.safetensors", "history.jsonl")


@dataclass(frozen=True)
class Sample:
    """A prompt and what a model said behind it. str(), and so print, is both."""

    prompt: str
    text: str
    # The likeliest tokens behind the prompt, with their probabilities, the likeliest first.
    next: list[tuple[str, float]] = field(default_factory=list, repr=False)

    def __str__(self) -> str:
        return self.prompt + self.text

    @staticmethod
    def from_json(json: Mapping[str, Any]) -> Sample:
        likely = [(one["token"], float(one["probability"])) for one in json["next"]]
        return Sample(json["prompt"], json["text"], likely)


class Models(Artifacts):
    """What is done with a model outside of a run. The coordinator has no part in it but that the
    model is fetched from there, once."""

    def generate(
        self,
        model: StrPath,
        prompt: str,
        *,
        tokens: int = 40,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 42,
        program: Optional[StrPath] = None,
        progress: Optional[Progress] = None,
    ) -> Sample:
        """What the model says behind `prompt`, at most `tokens` tokens. `model`: a checkpoint's
        folder here, or a name as in `artifact`. `temperature` 0: always the likeliest token; else
        one is drawn among the `top_k` likeliest (0: all) or the fewest whose probabilities reach
        `top_p`, by `seed`.

        The model is run on this machine, by the program `braid` beside this Python or in PATH, or
        by `program`. NotFound where there is none."""
        folder = self.fetch_model(model, progress=progress)
        words = [
            "generate",
            *("--tokens", str(tokens)),
            *("--temperature", repr(float(temperature))),
            *("--top-k", str(top_k)),
            *("--top-p", repr(float(top_p))),
            *("--seed", str(seed)),
            *("--", str(folder), prompt),
        ]
        return Sample.from_json(run_braid(words, program))

    def export(
        self,
        model: StrPath,
        folder: StrPath,
        *,
        dtype: str = "f32",
        program: Optional[StrPath] = None,
        progress: Optional[Progress] = None,
    ) -> Path:
        """The model as a new folder that transformers loads (docs/models.md, "Export and import").
        `model` and `program` as of `generate`; `dtype` of the weights: "f32" or "bf16"."""
        fetched = self.fetch_model(model, progress=progress)
        words = ["export", "--out", str(folder), "--dtype", dtype, "--", str(fetched)]
        run_braid(words, program)
        return Path(folder)

    def fetch_model(self, model: StrPath, *, progress: Optional[Progress] = None) -> Path:
        """The folder of a model: one here as it is, an artifact fetched for this and later calls, to
        where `braid generate` keeps it, too (`models` in the state folder), or to the user's cache
        where there is no state folder, or one of somebody else."""
        if os.path.isdir(model):
            return Path(model).absolute()
        found = self.artifact(os.fspath(model))
        if found.kind != "checkpoint":
            raise InvalidArgument(f"artifact {model} is of kind {found.kind}, not a checkpoint")
        files = [file.path for file in self.files(found.id) if file.path not in _OF_TRAININGS]
        into = self._cache() / found.id
        self.download(found.id, into, files=files, progress=progress)
        return into.absolute()

    def _cache(self) -> Path:
        state = Path(self._source.folder)
        if os.access(state, os.W_OK | os.X_OK):
            return state / "models"
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return Path(cache) / "braid" / "models"
