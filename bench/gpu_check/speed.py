"""Tokens per second of a training step beside transformers at its best, and a trace of one step."""

import collections
import json
import os
import statistics
import subprocess
import sys

from .check import OUTSIDE, Failure, last_lines

VOCAB = 50278


def arch():
    return {
        "attn_out_proj": True,
        "ffn_gate": "silu",
        "rope_layout": "half",
        "router_noise": "train_only",
        "rope_max_pos": 0,
        "norm_eps": 1e-5,
        "rope_base": 10000.0,
    }


def stack(name, d, heads, blocks, **more):
    return {"name": name, "d": d, "heads": heads, "blocks": blocks, "ffn": 4 * d, **more}


def dense(d, heads, blocks, sequence):
    return {**head(sequence), "kind": "dense", "dense": stack("m", d, heads, blocks, block="llama")}


def dual_path(d, heads, blocks, sequence):
    dual = {"block": "dual_path", "loops": 3, "ffn_deep": 2 * d, "ffn_wide": 4 * d}
    body = {**stack("m", d, heads, blocks), **dual}
    body.pop("ffn")
    return {**head(sequence), "kind": "dense", "dense": body}


def composite(d, heads, blocks, paths, sequence, connection):
    return {
        **head(sequence),
        "kind": "composite",
        "connection": connection,
        "paths": [stack(f"p{i}", d, heads, blocks, block="llama") for i in range(paths)],
        "large": stack("large", paths * d, paths * heads, 2, block="llama"),
    }


def head(sequence):
    return {
        "name": "m",
        "vocab": VOCAB,
        "pad_id": VOCAB - 1,
        "eos_id": 0,
        "sequence": sequence,
        "tokenizer": "",
        "arch": arch(),
    }


# name -> model, sequences, tokens of a sequence, shape for transformers or None
ROWS = {
    "c: d 128 x 3 (a path of the paper)": (dense(128, 4, 3, 256), 32, 256, (128, 4, 3)),
    "d: d 256 x 8 (LLaMA_256)": (dense(256, 8, 8, 256), 32, 256, (256, 8, 8)),
    "d 1024 x 24": (dense(1024, 16, 24, 1024), 8, 1024, (1024, 16, 24)),
    "composite share, 2 paths of c": (
        composite(128, 4, 3, 2, 256, {"kind": "share"}),
        32,
        256,
        None,
    ),
    "composite slice, 2 paths of c": (
        composite(128, 4, 3, 2, 256, {"kind": "slice"}),
        32,
        256,
        None,
    ),
    "dual_path d 256 x 4": (dual_path(256, 8, 4, 256), 32, 256, None),
}
PEERS = ["fp32", "tf32", "bf16", "bf16 compiled"]


def rows(check, say, limits, deadline):
    """One line a row. Stops beginning rows when the time is up, and says which are missing."""
    measured, failures = {}, []
    for name, (model, batch, sequence, shape) in ROWS.items():
        if check.quick and name != next(iter(ROWS)):
            break
        if check.quick:
            model = {**model, "vocab": 2048, "pad_id": 2047}
            batch, sequence = 4, 64
        if deadline() < 25:
            measured[name] = {"skipped": "the time of the check was up"}
            continue
        try:
            row = braid(check, name, model, batch, sequence)
        except Failure as failure:
            failures.append(f"{name}: {failure}")
            say(f"  {name}: FAILED: {failure}")
            continue
        if limits.get("fp32"):
            row["mfu_of_fp32"] = (
                row["tokens_per_s"] * row["flops_per_token"] / limits["fp32"] / 1e12
            )
        say(f"  {name}: braid fp32 {row['tokens_per_s']:,.0f} tokens/s")
        row["peers"] = {}
        for precision in PEERS if shape else []:
            if deadline() < 45 or (check.quick and precision != "fp32"):
                break
            rate = transformers(check, model["vocab"], shape, batch, sequence, precision)
            row["peers"][precision] = rate
            text = f"{rate:,.0f} tokens/s" if isinstance(rate, float) else rate
            say(f"    transformers {precision}: {text}")
        measured[name] = row
    if failures:
        raise Failure("\n".join(failures))
    return measured


def braid(check, name, model, batch, sequence):
    path = os.path.join(check.folder, "model.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(model, file)
    trace = os.path.join(check.folder, f"trace-{len(os.listdir(check.folder))}.json")
    done = check.run(
        check.program("device_step"),
        path,
        check.device,
        str(batch),
        str(sequence),
        "1" if check.quick else "6",
        str(min(8, os.cpu_count() or 1)),
        trace,
        timeout_s=90,
    )
    if done.returncode != 0:
        raise Failure(last_lines(done.stderr, 4))
    row = json.loads(done.stdout)
    row["tokens_per_s"] = statistics.median(row.pop("rates"))
    row["settings"] = f"{batch} x {sequence} tokens, fp32"
    row["most_time"] = most_time(trace)
    if not row["last_loss"] < row["first_loss"]:
        raise Failure(f"the loss did not fall: {row['first_loss']} to {row['last_loss']}")
    return row


def most_time(trace, count=12):
    """The kernels (on a CPU: the operators) of the traced step with the most time: name -> microseconds and calls."""
    with open(trace, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    kinds = {event.get("cat") for event in events}
    wanted = "kernel" if "kernel" in kinds else "cpu_op"
    total, calls = collections.Counter(), collections.Counter()
    for event in events:
        if event.get("cat") == wanted:
            total[event["name"][:80]] += event.get("dur", 0)
            calls[event["name"][:80]] += 1
    return {name: [round(time, 1), calls[name]] for name, time in total.most_common(count)}


def transformers(check, vocab, shape, batch, sequence, precision):
    """Tokens/s of transformers' Llama in a process of its own, or the sentence that says why there is none."""
    arguments = [check.device, precision, vocab, *shape, batch, sequence, 1 if check.quick else 6]
    try:
        done = subprocess.run(
            [
                sys.executable,
                os.path.join(os.path.dirname(__file__), "peer.py"),
                *map(str, arguments),
            ],
            capture_output=True,
            text=True,
            timeout=100,
            env=OUTSIDE,
        )
    except subprocess.TimeoutExpired:
        return "did not end within 100 s"
    if done.returncode != 0:
        return "failed: " + last_lines(done.stderr, 1)[:200]
    return float(done.stdout.strip().splitlines()[-1])
