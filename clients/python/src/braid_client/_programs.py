"""The programs of braid on this machine, which do what needs PyTorch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from ._address import StrPath
from ._errors import BraidError, InvalidArgument, NotFound

# docs/operating.md, "Exit codes".
_ERRORS = {2: InvalidArgument, 3: NotFound}


def run_braid(words: Sequence[str], program: Optional[StrPath]) -> Any:
    """What `braid -o json WORDS` prints. `program`: its path, or None to look for it. Raises
    NotFound if it is not here, and BraidError with what it says if it fails."""
    path = _program(program)
    done = subprocess.run([path, "-o", "json", *words], capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        message = re.sub(r"(?s)^(?:.*\n)?braid[a-z-]*: ", "", said)
        message = message.replace("\nRun with --help for more information.", "")
        failed = _ERRORS.get(done.returncode, BraidError)
        raise failed(message or f"{path} {words[0]} ended with {done.returncode}")
    return json.loads(done.stdout)


def _program(given: Optional[StrPath]) -> str:
    if given is not None:
        path = Path(given)
        if not os.access(path, os.X_OK) or path.is_dir():
            raise NotFound(f"{path} is no program that can be started")
        return str(path.absolute())
    scripts = sysconfig.get_path("scripts")  # where pip puts them, also if PATH does not say so
    found = shutil.which("braid", path=scripts) or shutil.which("braid")
    if found is None:
        raise NotFound(
            f"a model is run by the program braid on this machine, which is neither in {scripts} nor "
            "in PATH: pip install braid-service, or name it with program="
        )
    return found
