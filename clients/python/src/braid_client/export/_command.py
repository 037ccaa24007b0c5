"""The command: braid-export, or python -m braid_client.export."""

from __future__ import annotations

import argparse
import sys
from typing import Optional

from .._client import Client
from .._errors import BraidError, NotFound
from ._csv import to_csv
from ._mlflow import to_mlflow
from ._tensorboard import to_tensorboard
from ._trackio import to_trackio
from ._wandb import to_wandb


def main(words: Optional[list[str]] = None) -> int:
    """Prints the file, folder, id or name of each training. Returns the exit code."""
    flags = _parser().parse_args(words)
    client = Client()
    try:
        written = _export(client, flags)
        if not written:
            raise NotFound(f"no training of run {flags.run} has begun yet")
    except (BraidError, ImportError) as error:
        print(f"braid_client: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # a tool's own, such as that of a server that does not answer
        print(f"braid_client: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="braid-export", description="Metrics of a run for other tools."
    )
    parser.add_argument("run", help="id, its beginning, or name of a run")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--csv", metavar="FOLDER", help="a CSV file for each training")
    kind.add_argument("--tensorboard", metavar="FOLDER", help="event files for TensorBoard")
    kind.add_argument("--mlflow", metavar="URI", help="runs of MLflow, at a server or store")
    kind.add_argument(
        "--wandb", metavar="FOLDER", help="offline runs for Weights & Biases, for wandb sync"
    )
    kind.add_argument("--trackio", metavar="PROJECT", help="runs of a project of trackio")
    parser.add_argument("--follow", action="store_true", help="go on until the run has ended")
    return parser


def _export(client: Client, flags: argparse.Namespace) -> list[str]:
    run, follow = flags.run, flags.follow
    if flags.csv is not None:
        return [str(path) for path in to_csv(client, run, flags.csv, follow=follow)]
    if flags.tensorboard is not None:
        return [str(p) for p in to_tensorboard(client, run, flags.tensorboard, follow=follow)]
    if flags.mlflow is not None:
        return to_mlflow(client, run, flags.mlflow, follow=follow)
    if flags.wandb is not None:
        return [str(path) for path in to_wandb(client, run, flags.wandb, follow=follow)]
    return to_trackio(client, run, flags.trackio, follow=follow)
