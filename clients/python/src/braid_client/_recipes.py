"""Recipes: checked, planned and made into runs, with the files that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from . import _calls, _files
from ._address import StrPath
from ._artifacts import Artifacts
from ._calls import user_name, words
from ._errors import NotFound, RecipeRefused
from ._files import Progress
from .types import Check, Finding, RecipeSource, Run


class Recipes(Artifacts):
    """Calls about recipes."""

    def check(
        self, recipe: Optional[StrPath] = None, *, text: Optional[str] = None, folder: StrPath = "."
    ) -> Check:
        """What is wrong with a recipe: a file, or a `text` whose paths are relative to `folder`.
        Names the files that are not here. What is in the others is checked by `braid check`, and
        when the run reads them."""
        loaded = _Recipe.load(recipe, text, folder)
        checked = self._check(loaded)
        for one in checked.sources:
            try:
                _files.source_files(loaded.folder, one.raw)
            except NotFound as error:
                checked.findings.append(_missing(loaded, one, error))
        return checked

    def plan(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        progress: Optional[Progress] = None,
    ) -> Run:
        """The run that a recipe would be: its jobs, with what they wait for. Files are sent, as the
        coordinator plans with what it has; no run is made."""
        loaded = _Recipe.load(recipe, text, folder)
        request = self._request_of(loaded, only, progress)
        return Run.from_json(self.call("Runs/SubmitRun", {**request, "validateOnly": True}))

    def submit(
        self,
        recipe: Optional[StrPath] = None,
        *,
        text: Optional[str] = None,
        folder: StrPath = ".",
        only: Sequence[str] = (),
        priority: Optional[int] = None,
        tags: Sequence[str] = (),
        request_id: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> Run:
        """Makes a run of a recipe; sends the files that it names and the coordinator lacks.

        `only`: these jobs and what they need. `tags`: besides those of the recipe. The same
        `request_id` with the same recipe is the same run. `progress` is called with the bytes sent and the bytes of the source. Raises
        RecipeRefused with the findings.
        """
        loaded = _Recipe.load(recipe, text, folder)
        request = self._request_of(loaded, only, progress)
        request["requestId"] = request_id or _calls.request_id()
        if priority is not None:
            request["priority"] = priority
        if tags:
            request["tags"] = words(tags)
        return Run.from_json(self.call("Runs/SubmitRun", request, timeout=120.0))

    def _check(self, recipe: _Recipe) -> Check:
        body = {"recipe": recipe.text, "recipeName": recipe.name}
        return Check.from_json(self._transport.post("/api/v1/check", body))

    def _request_of(
        self, recipe: _Recipe, only: Sequence[str], progress: Optional[Progress]
    ) -> dict[str, Any]:
        checked = self._check(recipe)
        errors = [one for one in checked.findings if one.severity == "ERROR"]
        files: dict[str, dict[str, Path]] = {}
        for one in checked.sources:
            try:
                files[one.name] = _files.source_files(recipe.folder, one.raw)
            except NotFound as error:
                errors.append(_missing(recipe, one, error))
        if errors:
            raise RecipeRefused("\n".join(map(text_of, errors)), errors)
        sources = {}
        for one in checked.sources:
            metadata = _files.source_metadata(recipe.folder, one.raw, files[one.name])
            sources[one.name] = self._put(
                files[one.name], one.artifact, metadata, one.name, progress
            ).id
        return {
            "recipe": recipe.text,
            "recipeName": recipe.name,
            "sources": sources,
            "only": list(only),
            "user": user_name(),
        }


@dataclass(frozen=True)
class _Recipe:
    text: str
    name: str
    folder: Path

    @staticmethod
    def load(recipe: Optional[StrPath], text: Optional[str], folder: StrPath) -> _Recipe:
        if (recipe is None) == (text is None):
            raise TypeError("give the recipe's file or its text=, one of the two")
        if text is not None:
            return _Recipe(text, "recipe.yaml", Path(folder))
        assert recipe is not None
        path = Path(recipe)
        try:
            return _Recipe(path.read_text(encoding="utf-8"), str(path), path.parent)
        except FileNotFoundError:
            raise NotFound(f"there is no recipe {path}") from None


def text_of(finding: Finding) -> str:
    """A finding as the command line shows it: recipe.yaml:4:2: what is wrong."""
    place = "".join(f"{part}:" for part in (finding.line, finding.column) if part)
    return f"{finding.recipe}:{place} {finding.message}"


def _missing(recipe: _Recipe, source: RecipeSource, error: NotFound) -> Finding:
    return Finding(
        severity="ERROR",
        recipe=recipe.name,
        line=source.line,
        message=error.message,
        missing=True,
    )
