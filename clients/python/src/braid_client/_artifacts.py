"""Artifacts: what runs made and what people store, as files with their digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from . import _files
from ._address import StrPath
from ._calls import LONG_S, request_id, user_name
from ._errors import InvalidArgument, NotFound
from ._files import Progress, StoredFile
from ._runs import Runs
from .types import Artifact, VerifyArtifactResponse


class Artifacts(Runs):
    """Calls about artifacts."""

    def artifacts(
        self, run: str = "", kind: str = "", *, limit: Optional[int] = None
    ) -> list[Artifact]:
        """Artifacts of a run or of all, of one kind or all; without their lists of files."""
        request = {"runId": self.run(run).id if run else "", "kind": kind}
        return list(
            self._pages(
                "Artifacts/ListArtifacts", "artifacts", request, 500, limit, Artifact.from_json
            )
        )

    def artifact(self, artifact: str) -> Artifact:
        """An artifact by its id or eight digits of it, or as RUN/JOB or RUN/JOB/ROLE: what that job
        gave out."""
        return Artifact.from_json(self.call("Artifacts/GetArtifact", {"id": self._id_of(artifact)}))

    def files(self, artifact: str) -> list[StoredFile]:
        """The files of an artifact, named as in `artifact`."""
        return _files.files_of_manifest(self.artifact(artifact).manifest_json)

    def lineage(self, artifact: str) -> list[Artifact]:
        """The artifact, what it was made from, what that was made from, and so on."""
        reply = self.call("Artifacts/GetLineage", {"id": self._id_of(artifact)})
        return [Artifact.from_json(one) for one in reply.get("artifacts", [])]

    def download(
        self,
        artifact: str,
        folder: StrPath,
        *,
        files: Optional[Sequence[str]] = None,
        progress: Optional[Progress] = None,
    ) -> list[Path]:
        """Writes the files of an artifact, or those of these names, to a folder. Each is verified
        by its SHA-256. A file that is there already and right is not fetched again, and a download
        that was cut off goes on where it stopped."""
        listed = self.files(artifact)
        if files is not None:
            missing = set(files) - {file.path for file in listed}
            if missing:
                raise NotFound(
                    f"artifact {artifact} has no file {sorted(missing)[0]}; it has "
                    + ", ".join(file.path for file in listed[:20])
                )
            listed = [file for file in listed if file.path in set(files)]
        return _files.download(self._transport, listed, Path(folder), progress)

    def put(
        self,
        files: Union[StrPath, Mapping[str, StrPath]],
        kind: str = "source",
        name: str = "",
        *,
        metadata: Optional[Mapping[str, Any]] = None,
        progress: Optional[Progress] = None,
    ) -> Artifact:
        """Makes an artifact of a file, of all files of a folder, or of paths by their names in the
        artifact."""
        if isinstance(files, Mapping):
            found = {name_in: Path(path) for name_in, path in files.items()}
        else:
            top = Path(files)
            found = (
                {
                    one.relative_to(top).as_posix(): one
                    for one in sorted(top.rglob("*"))
                    if one.is_file()
                }
                if top.is_dir()
                else {top.name: top}
            )
        if not found:
            raise InvalidArgument(f"{files} holds no files")
        return self._put(found, kind, metadata or {}, name, progress)

    def verify(self, artifact: str) -> VerifyArtifactResponse:
        """Has the coordinator read every file of the artifact; DataLoss names what changed."""
        return VerifyArtifactResponse.from_json(
            self.call("Artifacts/VerifyArtifact", {"id": self._id_of(artifact)}, timeout=LONG_S)
        )

    def pin(self, artifact: str, pinned: bool = True) -> Artifact:
        """Pins an artifact, which is then never removed, or takes the pin away."""
        request = {
            "id": self._id_of(artifact),
            "pinned": pinned,
            "requestId": request_id(),
        }
        return Artifact.from_json(self.call("Keeping/PinArtifact", request))

    def _id_of(self, artifact: str) -> str:
        """An id as it is; RUN/JOB and RUN/JOB/ROLE by asking for the job."""
        if "/" not in artifact:
            return artifact
        run, job, *role = artifact.split("/")
        found = self.job(run, job)
        wanted = role[0] if role else "model" if "model" in found.outputs else ""
        if not wanted and len(found.outputs) == 1:
            wanted = next(iter(found.outputs))
        if wanted not in found.outputs:
            there = ", ".join(sorted(found.outputs)) or f"nothing yet ({found.state})"
            raise NotFound(f"{artifact}: job {job} gave out {there}; say which, as RUN/JOB/ROLE")
        return found.outputs[wanted]

    def _put(
        self,
        files: Mapping[str, Path],
        kind: str,
        metadata: Mapping[str, Any],
        name: str,
        progress: Optional[Progress],
    ) -> Artifact:
        manifest = _files.put(self._transport, files, kind, metadata, progress)
        request = {
            "manifestJson": manifest,
            "name": name,
            "user": user_name(),
            "requestId": request_id(),
        }
        return Artifact.from_json(self.call("Artifacts/CommitArtifact", request))
