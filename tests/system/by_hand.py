"""The main job without any server: task programs started by hand on task files (docs/tasks.md)."""

import glob
import json
import os
import subprocess
import time

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
BINARY_DIR = os.environ.get("BRAID_BINARY_DIR", os.path.join(SOURCE_DIR, "build", "release"))
# A Python with the pyarrow whose libraries the plug-in for Parquet loads.
ARROW_PYTHON = os.path.join(
    os.environ.get("BRAID_ARROW_VENV", os.path.join(SOURCE_DIR, "build", "venv-arrow")),
    "bin",
    "python",
)


def program(name):
    return os.path.join(BINARY_DIR, "bin", name)


PROGRAM_OF = {
    "tokenizer": "braid-prepare",
    "prepare": "braid-prepare",
    "merge": "braid-merge",
    "report": "braid-report",
}


def program_of(kind):
    return program(PROGRAM_OF.get(kind, "braid-trainer"))


class Ended:
    """What a task program left: exit code, events, standard error."""

    def __init__(self, code, events, errors):
        self.code, self.events, self.errors = code, events, errors

    def last(self, kind):
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    def losses(self):
        """Step -> the values of its metric line, as the text of the numbers: equal text is equal bits."""
        return {
            event["step"]: json.dumps(event["values"], sort_keys=True)
            for event in self.events
            if event["event"] == "metric"
        }


def write_task(folder, kind, spec, inputs=None, **more):
    os.makedirs(os.path.join(folder, "output"), exist_ok=True)
    os.makedirs(os.path.join(folder, "work"), exist_ok=True)
    task = {
        "version": 1,
        "kind": kind,
        "job": kind,
        "attempt": "hand/" + kind + "#1",
        "inputs": inputs or {},
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
    path = os.path.join(folder, "task%d.json" % task["rank"])
    with open(path, "w", encoding="utf-8") as out:
        json.dump(task, out)
    return path


def start(path, kind, **popen):
    return subprocess.Popen(
        [program_of(kind), path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
    )


def finish(process, timeout_s=240):
    out, errors = process.communicate(timeout=timeout_s)
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return Ended(process.returncode, events, errors)


def run(folder, kind, spec, inputs=None, **more):
    return finish(start(write_task(folder, kind, spec, inputs, **more), kind))


def must(ended):
    assert ended.code == 0 and ended.last("result"), (
        f"exit code {ended.code}\n{ended.last('error')}\n{ended.errors}"
    )
    return ended


def checkpoints(folder):
    """The complete checkpoints of an attempt, oldest first."""
    found = glob.glob(os.path.join(folder, "work", "checkpoints", "step-*"))
    found = [
        path for path in found if path.rsplit("-", 1)[1].isdigit()
    ]  # one that is being written is called .tmp
    return sorted(found, key=lambda path: int(path.rsplit("-", 1)[1]))


def wait_until(condition, what, timeout_s=120):
    """Polls: the condition is what the test waits for, never a guessed time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout_s} s for {what}")


class Pipeline:
    """Tokenizer, shards, two paths, composite, joint model in one folder; each step runs when first asked for."""

    TRAIN = {
        "batch": 4,
        "accumulate": 1,
        "epochs": 1,
        "steps": 24,
        "tokens": 0,
        "optimizer": {"lr": 2e-3, "betas": [0.9, 0.95], "eps": 1e-5, "weight_decay": 0.1},
        "clip": 1.0,
        "last_label": "ignore",
        "lr_schedule": "cosine",
        "warmup_steps": 2,
        "lr_min": 0.0,
        "decay_scope": "matrices",
        "accum_tail": "drop",
        "shuffle_seed": "per_epoch",
        "checkpoint": {"steps": 8, "seconds": 0},
        "validate": {"steps": 8, "sequences": 4},
    }
    SEQUENCE, VALID = 32, 0.1
    WIDTH, HEADS, BLOCKS, VOCAB = 16, 2, 2, 400

    def __init__(self, folder, texts, train=None):
        """`texts`: corpus name -> list of documents."""
        self.folder, self.texts, self.train = folder, texts, {**self.TRAIN, **(train or {})}
        for name, documents in texts.items():
            os.makedirs(self.at("source", name), exist_ok=True)
            with open(self.at("source", name, "text.jsonl"), "w", encoding="utf-8") as out:
                for document in documents:
                    out.write(json.dumps({"text": document}) + "\n")

    def at(self, *parts):
        return os.path.join(self.folder, *parts)

    def corpus(self, name):
        return {"name": name, "text": "text"}

    def tokenizer(self):
        if not os.path.exists(self.at("tokenizer", "output", "tokenizer")):
            must(
                run(
                    self.at("tokenizer"),
                    "tokenizer",
                    {
                        "train": {
                            "vocab": self.VOCAB,
                            "bytes": 1000000,
                            "corpora": [self.corpus(name) for name in self.texts],
                        }
                    },
                    {"source." + name: self.at("source", name) for name in self.texts},
                )
            )
        return self.at("tokenizer", "output", "tokenizer")

    def shards(self, name):
        folder = self.at("prepare-" + name)
        if not os.path.exists(os.path.join(folder, "output", "shards")):
            must(
                run(
                    folder,
                    "prepare",
                    {
                        "corpus": self.corpus(name),
                        "validation": {"documents": self.VALID},
                        "seed": 42,
                    },
                    {"tokenizer": self.tokenizer(), "source": self.at("source", name)},
                )
            )
        return os.path.join(folder, "output", "shards")

    def stack(self, name):
        return {
            "name": name,
            "d": self.WIDTH,
            "heads": self.HEADS,
            "blocks": self.BLOCKS,
            "ffn": 4 * self.WIDTH,
            "block": "llama",
        }

    def blank_model(self, name):
        return {
            "name": name,
            "vocab": 0,
            "pad_id": 0,
            "eos_id": 0,
            "sequence": self.SEQUENCE,
            "tokenizer": "",
            "arch": {
                "attn_out_proj": True,
                "ffn_gate": "silu",
                "rope_layout": "half",
                "router_noise": "train_only",
                "rope_max_pos": 0,
                "norm_eps": 1e-5,
                "rope_base": 10000.0,
            },
        }

    def path_model(self, name):
        return {**self.blank_model(name), "kind": "dense", "dense": self.stack(name)}

    def composite_model(self, paths):
        large = {
            "name": "large",
            "d": len(paths) * self.WIDTH,
            "heads": len(paths) * self.HEADS,
            "blocks": 2,
            "ffn": 4 * len(paths) * self.WIDTH,
            "block": "llama",
        }
        return {
            **self.blank_model("composite"),
            "kind": "composite",
            "connection": {"kind": "share"},
            "paths": [self.stack(name) for name in paths],
            "large": large,
        }

    def train_spec(self, model, corpora, share, seed, **train):
        return {
            "model": model,
            "seed": seed,
            "loss_average": "token_mean",
            "train": {**self.train, **train},
            "data": {
                "sequence": self.SEQUENCE,
                "sources": [{"role": "data." + name, "share": share} for name in corpora],
                "split": {"paths": 0.6, "unit": "chunk"},
                "seed": 42,
            },
        }

    def data_inputs(self, corpora):
        return {
            "tokenizer": self.tokenizer(),
            **{"data." + name: self.shards(name) for name in corpora},
        }

    def path_task(self, corpus, **train):
        """Spec and inputs of the path of one corpus."""
        seed = 1 + list(self.texts).index(corpus)
        return self.train_spec(
            self.path_model("path_" + corpus), [corpus], "paths", seed, **train
        ), self.data_inputs([corpus])

    def path(self, corpus):
        folder = self.at("path-" + corpus)
        if not os.path.exists(os.path.join(folder, "output", "model")):
            must(run(folder, "train", *self.path_task(corpus)))
        return os.path.join(folder, "output", "model")

    def merged(self):
        if not os.path.exists(self.at("merge", "output", "model")):
            names = ["path_" + name for name in self.texts]
            must(
                run(
                    self.at("merge"),
                    "merge",
                    {"model": self.composite_model(names), "seed": 42, "parents": names},
                    {"parent.path_" + name: self.path(name) for name in self.texts},
                )
            )
        return self.at("merge", "output", "model")

    def joint_task(self, **train):
        names = ["path_" + name for name in self.texts]
        return (
            self.train_spec(self.composite_model(names), list(self.texts), "joint", 42, **train),
            {**self.data_inputs(list(self.texts)), "init": self.merged()},
        )

    def joint(self, ranks, folder, **train):
        """Trains the composite with a gang that meets in a folder; rank 0's events come first."""
        spec, inputs = self.joint_task(**train)
        processes = []
        for rank in range(ranks):
            place = {} if ranks == 1 else {"rendezvous": self.at(folder, "rendezvous")}
            own = self.at(folder) if rank == 0 else self.at(folder, "rank-%d" % rank)
            processes.append(
                start(
                    write_task(own, "joint", spec, inputs, rank=rank, world=ranks, **place), "joint"
                )
            )
        return [finish(process) for process in processes]


def small_texts():
    """Two small corpora of different words, the same on every machine."""
    colours, animals = (
        ["red", "green", "blue", "grey", "white"],
        ["fox", "hare", "wolf", "crane", "otter"],
    )
    tales = [
        f"The {colours[i % 5]} {animals[(i // 5) % 5]} went to the river {i % 7} times and met a "
        f"{colours[(i * 3) % 5]} {animals[(i * 2 + 1) % 5]}. They talked until night number {i}."
        for i in range(300)
    ]
    sums = [
        f"What is {a} plus {b}?\n{a + b}\nWhat is {a} times {b}?\n{a * b}"
        for a in range(2, 22)
        for b in range(3, 18)
    ]
    return {"tales": tales, "sums": sums}
