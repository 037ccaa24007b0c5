"""Metrics of a run for other tools: CSV files, TensorBoard, MLflow, Weights & Biases, trackio.

braid-export --csv FOLDER RUN [--follow]
braid-export --tensorboard FOLDER RUN [--follow]
braid-export --mlflow URI RUN [--follow]
braid-export --wandb FOLDER RUN [--follow]
braid-export --trackio PROJECT RUN [--follow]

`python -m braid_client.export` is the same command. Each tool's own package writes: pip install 'braid-client[tensorboard]', [mlflow], [wandb], [trackio].
"""

from ._command import main
from ._csv import to_csv
from ._mlflow import to_mlflow
from ._tensorboard import to_tensorboard
from ._trackio import to_trackio
from ._wandb import to_wandb

__all__ = ["main", "to_csv", "to_mlflow", "to_tensorboard", "to_trackio", "to_wandb"]
