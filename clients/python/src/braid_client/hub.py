"""Models to the Hugging Face Hub, by its own library: pip install 'braid-client[hub]'."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Optional

from ._address import StrPath
from ._client import Client
from ._errors import InvalidArgument
from ._files import Progress


def push(
    client: Client,
    model: StrPath,
    repo: str,
    *,
    private: bool = True,
    message: str = "",
    revision: Optional[str] = None,
    token: Optional[str] = None,
    dtype: str = "f32",
    program: Optional[StrPath] = None,
    progress: Optional[Progress] = None,
) -> str:
    """Uploads a model as one commit to the repository "OWNER/NAME", which is made if it is not
    there, `private` or not (of one that is there, this changes nothing). Returns the address of the
    commit.

    `model`: an artifact that a job `export` made, or a Hugging Face folder here, which are uploaded
    as they are; or a checkpoint (a folder or an artifact), which is exported first, as
    `client.export` does with `dtype` and `program`. Artifacts are named as in `client.artifact`.

    `token`: of the Hub; default: what HF_TOKEN says or `hf auth login` has kept. HF_ENDPOINT names
    another hub. The repository is made before anything is fetched, so that a token that may not
    write is refused at once. Errors of the Hub are those of huggingface_hub.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ImportError("push needs huggingface_hub: pip install 'braid-client[hub]'") from error
    hub: Any = HfApi(token=token, library_name="braid-client")
    given = _check(client, model)
    hub.create_repo(repo, private=private, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="braid-hub-") as work:
        folder = Path(work) / "model"
        if given == "model":
            client.download(str(model), folder, progress=progress)
        elif given == "folder":
            folder = Path(model)
        else:
            client.export(model, folder, dtype=dtype, program=program, progress=progress)
        made = hub.upload_folder(
            repo_id=repo,
            folder_path=str(folder),
            revision=revision,
            commit_message=message or f"Upload {Path(model).absolute().name} from braid",
        )
    return str(made.commit_url)


def _check(client: Client, model: StrPath) -> str:
    """Whether `model` is a "folder" of Hugging Face's, a "model" that a job exported, or a
    "checkpoint" of braid's."""
    path = Path(model)
    if path.is_dir():
        if (path / "tokenizer_config.json").is_file():
            return "folder"
        if (path / "state.json").is_file():
            return "checkpoint"
        raise InvalidArgument(
            f"{path} is no model: it has neither tokenizer_config.json, as a Hugging Face folder has, "
            "nor state.json, as a checkpoint has"
        )
    kind = client.artifact(str(model)).kind
    if kind not in ("model", "checkpoint"):
        raise InvalidArgument(
            f"artifact {model} is of kind {kind}: push takes checkpoints and models"
        )
    return kind
