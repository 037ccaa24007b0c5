"""Merging two checkpoints, proof included, beside copying them and beside mergekit."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from typing import Any

from harness.row import Limit, Row, Setup
from harness.side import ActionSide, Side, SideError, Turn, last_line

from rows import models

BYTES_A_PARAMETER = 12  # the weight and AdamW's two moments, fp32


def parent(megabytes: int, name: str) -> models.Spec:
    """A dense model whose checkpoint with moments has about so many MB."""
    vocab, d = (50278, 512) if megabytes >= 700 else (512, 64)
    left = megabytes * 1e6 / BYTES_A_PARAMETER - 2 * vocab * d
    blocks = max(1, round(left / (16 * d * d)))
    spec = models.dense(vocab, d, blocks, d // 32, 256)
    return {**spec, "name": name, "dense": {**spec["dense"], "name": name}}


def run(command: list[str], setup: Setup, most: int | None = None) -> dict[str, Any]:
    """Runs a program to its end; returns the memory of its own that it had at most, in MB (pages of
    mapped files are not its own)."""
    own = [0]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **setup.env(most)},
    ) as process:
        watcher = threading.Thread(target=watch_memory, args=(process, own), daemon=True)
        watcher.start()
        _, errors = process.communicate()
        watcher.join()
    if process.returncode != 0:
        raise SideError(f"{os.path.basename(command[0])}: {last_line(errors)}")
    return {"own_mb": own[0] / 1e6}


def watch_memory(process: subprocess.Popen, own: list[int]) -> None:
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                match = re.search(r"^RssAnon:\s*(\d+) kB", status.read(), re.MULTILINE)
        except OSError:
            return
        if match:
            own[0] = max(own[0], int(match[1]) * 1024)
        time.sleep(0.02)


def sync(folder: str) -> None:
    """Everything below a folder is on the disk when it returns."""
    for base, _, names in os.walk(folder):
        for path in [base, *(os.path.join(base, name) for name in names)]:
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def folder_bytes(folder: str) -> int:
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


class MergeRow(Row):
    unit = "s"
    better = "less"

    composite_bytes = 0  # of the last merge

    def __init__(self, moments: bool):
        self.moments = moments
        self.name = "merge" if moments else "merge.weights"
        what = "with moments" if moments else "weights alone"
        self.title = f"merging two checkpoints {what}, proof included"
        self.target = "0.8 of cp, 100 MB" if moments else ""

    def settings(self, setup: Setup) -> dict[str, Any]:
        return {
            "checkpoints": f"2 of {setup.megabytes} MB with moments",
            "connection": "slice",
            "files": "warm, results synced",
            "threads": setup.threads,
        }

    def make_parents(self, setup: Setup) -> list[str]:
        folders = []
        for name in ("first", "second"):
            folder = os.path.join(setup.scratch, f"parent-{name}")
            folders.append(folder)
            if os.path.exists(folder):
                continue
            path = folder + ".json"
            with open(path, "w", encoding="utf-8") as file:
                json.dump(parent(setup.megabytes, name), file)
            run([setup.bench_program("model_turns"), "write", path, folder], setup)
        return folders

    def timed(self, setup: Setup, command: list[str], out: str, synced: bool) -> Turn:
        """`synced`: the program leaves its result on the disk by itself."""
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        facts = run(command, setup)
        if not synced:
            sync(out)
        seconds = time.perf_counter() - start
        if synced:
            self.composite_bytes = folder_bytes(out)
        shutil.rmtree(out)
        return Turn([seconds], facts)

    def sides(self, setup: Setup) -> list[Side]:
        parents = self.make_parents(setup)
        out = os.path.join(setup.scratch, "merged")
        command = [setup.program("braid-merge"), "start", *parents, "--out", out]
        command += ["--connect", "slice"] + (["--carry-optimizer"] if self.moments else [])
        braid = ActionSide("braid", lambda: self.timed(setup, command, out, True))
        if self.moments:
            copy = ["sh", "-c", 'mkdir "$3" && cp -r "$1" "$2" "$3"', "cp", *parents, out]
            return [braid, ActionSide("cp", lambda: self.timed(setup, copy, out, False))]
        return [braid, self.mergekit(setup, parents, out)]

    def mergekit(self, setup: Setup, parents: list[str], out: str) -> Side:
        name = "mergekit, linear (other work: an average, no proof)"
        why = setup.peers.why_not("mergekit")
        if why:
            return ActionSide(name, lambda: Turn([]), why)
        # Of the same shape; which values are averaged does not matter.
        llamas = [folder + "-llama" for folder in parents]
        for seed, (folder, made) in enumerate(zip(parents, llamas, strict=True)):
            run(setup.peer("write_llama.py", folder + ".json", made, str(seed)), setup)
        recipe = os.path.join(setup.scratch, "mergekit.yaml")
        with open(recipe, "w", encoding="utf-8") as file:
            file.write("merge_method: linear\ndtype: float32\nmodels:\n")
            for made in llamas:
                file.write(f"  - model: {made}\n    parameters: {{weight: 0.5}}\n")
        command = [setup.peers.mergekit, recipe, out, "--no-copy-tokenizer"]
        return ActionSide(name, lambda: self.timed(setup, command, out, False))

    def limit(self, setup: Setup) -> Limit | None:
        """The account has the digest of every tensor, so all bytes of the composite are hashed."""
        piece = bytes(1 << 20)

        def hash_part() -> None:
            digest = hashlib.sha256()
            for _ in range(self.composite_bytes // len(piece) // setup.threads):
                digest.update(piece)  # without the interpreter's lock

        def hash_all() -> Turn:
            threads = [threading.Thread(target=hash_part) for _ in range(setup.threads)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return Turn([time.perf_counter() - start])

        what = f"SHA-256 of as many bytes as the composite has, OpenSSL, {setup.threads} threads"
        return Limit(ActionSide("SHA-256", hash_all), what, "s")

    def verify(self, turns: dict[str, list[Turn]]) -> str:
        own = max(turn.facts["own_mb"] for turn in turns["braid"])
        return (
            f"braid's own memory at most {own:.0f} MB; "
            f"the composite has {self.composite_bytes / 1e6:,.0f} MB"
        )


def rows() -> list[Row]:
    return [MergeRow(True), MergeRow(False)]
