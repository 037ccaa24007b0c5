#!/usr/bin/env python3
"""A training step of braid beside transformers' eager Llama, on equal shapes, in turns, in one run.

build/venv-peers/bin/python bench/train_step.py [--threads 2] [--seconds 10] [--shapes abcd]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#          V      d   layers heads  T   B
SHAPES = {
    "a": (4096, 128, 3, 4, 128, 8),
    "b": (4096, 64, 3, 2, 128, 8),
    "c": (50278, 128, 3, 4, 256, 8),
    "d": (50278, 256, 8, 8, 256, 4),
}
TURNS = 2


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def peer(shape, threads, seconds):
    """Runs in a process of its own; prints the tokens/s of each step."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    vocab, d, layers, heads, sequence, batch = shape
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab,
            hidden_size=d,
            intermediate_size=4 * d,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=sequence,
            tie_word_embeddings=False,
            pad_token_id=vocab - 1,
        )
    )
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=5e-4, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1, fused=True
    )
    ids = torch.randint(0, vocab - 1, (batch, sequence))
    rates, begun, step = [], time.perf_counter(), 0
    while step < 3 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        net(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step > 0:
            rates.append(batch * sequence / (time.perf_counter() - start))
        step += 1
    print(json.dumps({"rates": rates}))


def run(command, threads):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads))
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of each side, each turn")
    parser.add_argument("--shapes", default="abcd")
    parser.add_argument(
        "--program", default=os.path.join(ROOT, "build", "release", "bench", "train_step")
    )
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(SHAPES[arguments.peer], arguments.threads, arguments.seconds)
    print(
        f"{cpu_name()}, {os.cpu_count()} CPUs, {arguments.threads} threads, fp32, {TURNS} turns of {arguments.seconds:g} s a side"
    )
    print(
        "tokens/s, best / median          braid             transformers eager    ratio of medians"
    )
    for name in arguments.shapes:
        vocab, d, layers, heads, sequence, batch = SHAPES[name]
        ours, theirs = [], []
        for _ in range(TURNS):
            ours += run(
                [
                    arguments.program,
                    *map(
                        str,
                        (
                            vocab,
                            d,
                            layers,
                            heads,
                            sequence,
                            batch,
                            arguments.threads,
                            arguments.seconds,
                        ),
                    ),
                ],
                arguments.threads,
            )["rates"]
            theirs += run(
                [
                    sys.executable,
                    __file__,
                    "--peer",
                    name,
                    "--threads",
                    str(arguments.threads),
                    "--seconds",
                    str(arguments.seconds),
                ],
                arguments.threads,
            )["rates"]
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(
            f"{name}: V {vocab} d {d} x {layers} T {sequence} B {batch:<3} {max(ours):8.0f} / {statistics.median(ours):<8.0f}"
            f" {max(theirs):10.0f} / {statistics.median(theirs):<8.0f} {ratio:8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
