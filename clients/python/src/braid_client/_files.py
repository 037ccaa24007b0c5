"""Files of recipes and artifacts on this machine: found, sent, fetched, each under its SHA-256."""

from __future__ import annotations

import glob
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from ._errors import BraidError, DataLoss, InvalidArgument, NotFound, OutOfRange, Unavailable
from ._transport import Transport, encoded

Progress = Callable[[int, int], None]

_PIECE = 2 << 20
_READ = 1 << 20
_IDLE_TRIES = 3


@dataclass(frozen=True)
class StoredFile:
    """A file of an artifact."""

    path: str
    sha256: str
    size: int


def files_of_manifest(manifest_json: str) -> list[StoredFile]:
    files = json.loads(manifest_json)["files"] if manifest_json else []
    return [StoredFile(one["path"], one["sha256"], int(one["size"])) for one in files]


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(_READ), b""):
            digest.update(piece)
    return digest.hexdigest()


def matches(folder: Path, pattern: str) -> list[Path]:
    """What a pattern of a recipe names (docs/recipe.md): the file of that very name, or all that it
    matches."""
    plain = folder / pattern
    if plain.exists():
        return [plain]
    found: set[str] = set()
    for one in _without_braces(pattern):
        # What stands behind a backslash is meant as it is.
        quoted = re.sub(r"\\(.)", lambda match: "[" + match.group(1) + "]", one)
        found.update(glob.glob(os.path.join(glob.escape(str(folder)), quoted), recursive=True))
    return [Path(path) for path in sorted(found) if not os.path.isdir(path) or "**" not in pattern]


def _without_braces(pattern: str) -> list[str]:
    found = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if found is None:
        return [pattern]
    before, behind = pattern[: found.start()], pattern[found.end() :]
    return list(
        itertools.chain.from_iterable(
            _without_braces(before + one + behind) for one in found.group(1).split(",")
        )
    )


def source_files(folder: Path, source: Mapping[str, Any]) -> dict[str, Path]:
    """The files of a source of a recipe: path within the artifact -> path here. Raises NotFound,
    which says what is not there."""
    name = source["name"]
    if source.get("folders"):
        top = folder / source["files"][0]
        if not top.is_dir():
            raise NotFound(f"{name}: there is no folder {top}")
        found = {
            path.relative_to(top).as_posix(): path
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }
        if not found:
            raise NotFound(f"{name}: there are no files in {top}")
        return found
    paths: list[Path] = []
    for pattern in source["files"]:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", pattern):
            raise NotFound(
                f"{name}: {pattern} is fetched by workers, and only `braid submit` looks up what is "
                "there; submit this recipe with it"
            )
        here = matches(folder, pattern) if source.get("patterns", True) else [folder / pattern]
        if not here or not here[0].exists():
            raise NotFound(f"{name}: no file matches {folder / pattern}")
        paths += here
    files: dict[str, Path] = {}
    for path in sorted(set(paths)):
        if path.is_dir():
            raise NotFound(f"{name}: {path} is a folder; name its files, with a pattern perhaps")
        # Files of different folders may have the same name.
        stored = f"{len(files)}/{path.name}" if path.name in files else path.name
        files[stored] = path
    return files


def source_metadata(
    folder: Path, source: Mapping[str, Any], files: Mapping[str, Path]
) -> dict[str, Any]:
    """What is kept with an uploaded source, as braid submit keeps it."""
    if source["artifact"] == "checkpoint":
        return {}
    metadata: dict[str, Any] = {"source": source["name"]}
    if source.get("folders") or not source.get("patterns", True):
        return metadata
    common = _written(folder, next(iter(files.values()))).parent.as_posix()
    if common != ".":
        metadata["folder"] = common[:400]
    others = {}
    for name, path in files.items():
        written = _written(folder, path).as_posix()
        if written != (name if common == "." else f"{common}/{name}"):
            others[name] = written[:400]
    return {**metadata, "files": others} if others else metadata


def _written(folder: Path, path: Path) -> Path:
    try:
        return path.relative_to(folder)
    except ValueError:
        return path


def put(
    transport: Transport,
    files: Mapping[str, Path],
    kind: str,
    metadata: Mapping[str, Any],
    progress: Optional[Progress],
) -> str:
    """Sends files that the coordinator lacks; the manifest of the artifact to be made of all."""
    stored = []
    for name, path in files.items():
        if not path.is_file():
            raise NotFound(f"there is no file {path}")
        stored.append((StoredFile(name, digest_of(path), path.stat().st_size), path))
    total, before = sum(file.size for file, _ in stored), 0
    for file, path in stored:
        begin = before

        def told(sent: int, begin: int = begin) -> None:
            if progress is not None:
                progress(begin + sent, total)

        _upload(transport, file, path, told)
        before += file.size
    entries = [
        {"path": file.path, "sha256": file.sha256, "size": file.size}
        for file, _ in sorted(stored, key=lambda one: one[0].path.encode())
    ]
    manifest = {
        "files": entries,
        "kind": kind,
        "metadata": dict(metadata),
        "parents": [],
        "recipe": "",
        "version": 1,
    }
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _upload(
    transport: Transport, file: StoredFile, path: Path, told: Callable[[int], None]
) -> None:
    last, idle = -1, 0
    while True:
        there = transport.post(
            "/api/v1/Artifacts/QueryUpload", {"sha256": file.sha256, "size": str(file.size)}
        )
        offset = int(there.get("committed", 0))
        idle = 0 if offset > last else idle + 1
        last = max(last, offset)
        try:
            with open(path, "rb") as content:
                content.seek(offset)
                while not there.get("complete"):
                    told(offset)
                    query = encoded({"size": str(file.size), "offset": str(offset)})
                    there = json.loads(
                        transport.read(
                            "POST",
                            f"/api/v1/blobs/{file.sha256}?{query}",
                            body=content.read(_PIECE),
                            content_type="application/octet-stream",
                            timeout=120.0,
                        )
                    )
                    moved = int(there.get("committed", 0))
                    if not there.get("complete") and moved <= offset:
                        raise Unavailable(f"the upload of {path} does not get on")
                    offset = moved
            told(file.size)
            return
        except (Unavailable, OutOfRange):
            # Cut off, or another sender ended this upload and somebody began anew.
            if idle >= _IDLE_TRIES:
                raise


def safe_path(path: str) -> bool:
    parts = path.split("/")
    return (
        bool(path)
        and "\\" not in path
        and not any(
            part in ("", ".", "..") or any(character < " " for character in part) for part in parts
        )
    )


def download(
    transport: Transport, files: Iterable[StoredFile], folder: Path, progress: Optional[Progress]
) -> list[Path]:
    """Writes files, each verified by its digest; those that are there and right are kept."""
    listed = list(files)
    total, before, written = sum(file.size for file in listed), 0, []
    for file in listed:
        if not safe_path(file.path):
            raise InvalidArgument(f"the artifact has a file {file.path!r}, which is no safe path")
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        begin = before

        def told(got: int, begin: int = begin) -> None:
            if progress is not None:
                progress(begin + got, total)

        if not (target.is_file() and digest_of(target) == file.sha256):
            _fetch(transport, file, target, told)
        before += file.size
        told(file.size)
        written.append(target)
    return written


def _fetch(
    transport: Transport, file: StoredFile, target: Path, told: Callable[[int], None]
) -> None:
    """By way of a part file, which an interrupted download leaves and the next one continues."""
    part = target.with_name(target.name + ".part")
    last, idle = -1, 0
    while True:
        have = part.stat().st_size if part.exists() else 0
        if have > file.size:
            part.unlink()
            have = 0
        idle = 0 if have > last else idle + 1
        last = max(last, have)
        if have == file.size and part.exists():
            break
        try:
            _fetch_rest(transport, file, part, have, told)
        except Unavailable:
            if idle >= _IDLE_TRIES:
                raise
    found = digest_of(part)
    if found != file.sha256:
        part.unlink()
        raise DataLoss(
            f"{target}: what came has SHA-256 {found} and not {file.sha256}; it was dropped, "
            "try again",
            reason="DIGEST_MISMATCH",
        )
    os.replace(part, target)


def _fetch_rest(
    transport: Transport, file: StoredFile, part: Path, have: int, told: Callable[[int], None]
) -> None:
    query = encoded({"sha256": file.sha256, "offset": str(have)})
    answer = transport.open("GET", f"/api/v1/Artifacts/DownloadBlob?{query}", timeout=60.0)
    try:
        with open(part, "ab") as out:
            while piece := answer.response.read(_READ):
                out.write(piece)
                have += len(piece)
                told(have)
    except BraidError:
        raise
    except Exception as error:
        raise Unavailable(f"the download of {file.path} was cut off ({error})") from None
    finally:
        answer.close()
    if have < file.size:
        raise Unavailable(f"the download of {file.path} was cut off")
