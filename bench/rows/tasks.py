"""Task programs by hand (docs/tasks.md): tokenizer, shards, and trainings that are timed."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from harness.row import Setup
from harness.side import SideError, last_line

from rows import models, texts

ENTRIES = 4000  # of the tokenizer; models have one row more
MEGABYTES = 2.0  # of text for trainings
TRAIN = {
    "batch": 4,
    "accumulate": 1,
    "epochs": 100,
    "optimizer": {"lr": 3e-3},
    "checkpoint": {"steps": 0, "seconds": 0},
}


@dataclass(frozen=True)
class Events:
    """The lines of one program, each with the time since its start, in seconds."""

    lines: list[tuple[float, dict[str, Any]]]

    def steps(self) -> list[tuple[int, float]]:
        """(step, when it was reported)."""
        return [(line["step"], at) for at, line in self.lines if line["event"] == "metric"]

    def tokens_per_second(self, first: int, last: int, tokens: int) -> float:
        """Between the ends of two steps, `tokens` being those of a step."""
        at = dict(self.steps())
        return (last - first) * tokens / (at[last] - at[first])


def write_task(folder: str, kind: str, spec: dict, inputs: dict[str, str], **more: Any) -> str:
    for name in ("output", "work"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    task = {
        "version": 1,
        "kind": kind,
        "job": kind,
        "attempt": f"bench/{kind}#1",
        "inputs": inputs,
        "output": os.path.join(folder, "output"),
        "work": os.path.join(folder, "work"),
        "rank": 0,
        "world": 1,
        "generation": 1,
        "threads": 1,
        "device": "cpu",
        "spec": spec,
        **more,
    }
    path = os.path.join(folder, f"task-{task['rank']}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(task, file)
    return path


def start(setup: Setup, program: str, task: str, threads: int = 1, core: int | None = None):
    """Starts a task program, on one core if that is given. Its errors are in a file beside the task."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    with open(task + ".log", "w", encoding="utf-8") as log:
        return subprocess.Popen(
            [*pin, setup.program(program), task],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **setup.env(threads)},
        )


def follow(process: subprocess.Popen, task: str) -> Events:
    """Reads a program to its end. Raises SideError, with its own words, if it fails."""
    begun = time.perf_counter()
    lines = []
    for line in process.stdout:
        if line.startswith("{"):
            lines.append((time.perf_counter() - begun, json.loads(line)))
    process.stdout.close()
    if process.wait() != 0:
        errors = [line for _, line in lines if line["event"] == "error"]
        with open(task + ".log", encoding="utf-8", errors="replace") as log:
            raise SideError(errors[-1]["message"] if errors else last_line(log.read()))
    return Events(lines)


def run(setup: Setup, folder: str, kind: str, spec: dict, inputs: dict[str, str]) -> str:
    """Runs a task of braid-prepare to its end and returns the folder of its outputs."""
    task = write_task(folder, kind, spec, inputs)
    follow(start(setup, "braid-prepare", task), task)
    return os.path.join(folder, "output")


def corpus(setup: Setup) -> dict[str, str]:
    """The inputs of a training, {"tokenizer": folder, "data.text": folder}; made once a run."""
    base = os.path.join(setup.scratch, "corpus")
    source = os.path.join(base, "source")
    inputs = {
        "tokenizer": os.path.join(base, "tokenizer", "output", "tokenizer"),
        "data.text": os.path.join(base, "shards", "output", "shards"),
    }
    if os.path.exists(inputs["data.text"]):
        return inputs
    os.makedirs(source, exist_ok=True)
    with open(os.path.join(source, "text.jsonl"), "w", encoding="utf-8") as file:
        for document in texts.documents(setup, MEGABYTES):
            file.write(json.dumps({"text": document}) + "\n")
    about = {"name": "text", "text": "text"}
    entries = 400 if setup.quick else ENTRIES
    run(
        setup,
        os.path.join(base, "tokenizer"),
        "tokenizer",
        {"train": {"vocab": entries, "bytes": 100_000_000, "corpora": [about]}},
        {"source.text": source},
    )
    run(
        setup,
        os.path.join(base, "shards"),
        "prepare",
        {"corpus": about, "validation": {"documents": 0.05}, "seed": 42},
        {"tokenizer": inputs["tokenizer"], "source": source},
    )
    return inputs


def training(spec: models.Spec, steps: int, **train: Any) -> dict[str, Any]:
    """The spec of a training. The vocabulary is that of the tokenizer."""
    model = {
        key: value
        for key, value in spec.items()
        if key not in ("vocab", "pad_id", "eos_id", "arch")
    }
    return {
        "model": model,
        "seed": 42,
        "data": {
            "sequence": spec["sequence"],
            "sources": [{"role": "data.text", "share": "all"}],
            "seed": 42,
        },
        "train": {**TRAIN, "steps": steps, "validate": {"steps": 0, "sequences": 4}, **train},
    }
