#!/usr/bin/env python3
"""How long a joint phase takes whose two ranks are joined by a slow line, with gradients that are
added up in each step and with outer steps. Not a test: it measures, and prints a table
(docs/outer_steps.md).

    python3 tests/system/slow_line.py [--ms 100] [--mbit 20] [--steps 200]

Two hosts are network namespaces, each on a bridge of its own. What goes from one bridge to the
other passes through this program, which holds each packet back for half of the round trip, and lets
through no more than so many bits in a second: kernels without netem can do no more than bound the
rate.
"""

import argparse
import fcntl
import json
import os
import queue
import struct
import threading
import time

import by_hand
import network_bed
from gang_hosts_test import JOB, Lab
from network_bed import Bed, ip
from service import write_recipe

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FRAME = 1 << 16
BUFFER_BYTES = 512 << 10  # what the line holds before it drops, about twice what is on its way
WAYS = {
    "gradients, every step": "gradients",
    "every 10 steps, fp32": "{every: 10}",
    "every 50 steps, fp32": "{every: 50}",
    "every 50 steps, bf16": "{every: 50, exchange: bf16}",
}
JOINT = (
    "{ranks: 2, across_sites: true, batch: 8, accumulate: 1, epochs: 10000000, steps: %d, "
    "optimizer: {lr: 2e-3}, lr_schedule: constant, carry_optimizer: true, "
    "checkpoint: {seconds: 0}, validate: {steps: 1000000}, sync: %s}"
)
# Paths that are large enough that a step of the composite takes tens of milliseconds.
RECIPE = """run: slow_line
tokenizer: {train: {vocab: 1000}}
corpora:
  tales: {files: [tales.jsonl], text: text}
  sums:  {files: [sums.jsonl], text: text}
validation: {documents: 0.1}
split: {paths: 0.5}
sequence: 64
paths:
  - {name: path_tales, corpus: tales, d: 64, heads: 2, blocks: 3}
  - {name: path_sums, corpus: sums, d: 64, heads: 2, blocks: 3}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: 50, optimizer: {lr: 2e-3}}
"""


class Tap:
    """An interface of a bridge whose packets this program reads and writes."""

    def __init__(self, name, network):
        self.file = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
        ip("link", "set", name, "master", network.name, "up")


class Direction:
    """One way of the line. `sent` counts the bytes that have gone through."""

    def __init__(self, source, target, delay_s, bytes_per_s):
        self.source, self.target = source.file, target.file
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s
        self.sent, self.held, self.lock, self.frames = 0, 0, threading.Lock(), queue.Queue()
        for work in (self.take, self.give):
            threading.Thread(target=work, daemon=True).start()

    def take(self):
        free = time.monotonic()
        while True:
            frame = os.read(self.source, FRAME)
            with self.lock:
                if self.held + len(frame) > BUFFER_BYTES:
                    continue  # dropped, as a full router does
                self.held += len(frame)
            free = max(free, time.monotonic()) + len(frame) / self.bytes_per_s
            self.frames.put((free + self.delay_s, frame))

    def give(self):
        while True:
            due, frame = self.frames.get()
            time.sleep(max(0.0, due - time.monotonic()))
            os.write(self.target, frame)
            with self.lock:
                self.held -= len(frame)
                self.sent += len(frame)


class SlowLab(Lab):
    """Two workers at two sites, with trained paths."""

    def __init__(self, bed, ms, bits_per_s):
        one, two = bed.network("10.77.1.0/24"), bed.network("10.77.1.0/24")
        for _ in range(20):  # no address twice
            next(two.free)
        taps = Tap("line0", one), Tap("line1", two)
        line = [(taps[0], taps[1]), (taps[1], taps[0])]
        self.ways = [Direction(*ends, ms / 2000, bits_per_s / 8) for ends in line]
        super().__init__(bed, one)
        self.worker("w1", bed.host(one), site="near")
        self.worker("w2", bed.host(two), site="far")
        recipe = write_recipe(self.folder, by_hand.small_texts(), steps=50, text=RECIPE)
        self.paths = self.submit(recipe)
        self.run("wait", self.paths, "--timeout", "300s")

    def joint(self, steps, sync):
        """A joint phase: seconds, bytes that went over the line in its busier direction, and its last step's values."""
        words = [
            self.job(self.paths, name)["outputs"]["model"] for name in ("path_tales", "path_sums")
        ]
        for corpus in ("tales", "sums"):
            shards = self.job(self.paths, "prepare:" + corpus)["outputs"]["shards"]
            words += ["--data", f"{corpus}={shards}"]
        before = [way.sent for way in self.ways]
        run = self.run("merge", "start", *words, "--joint", JOINT % (steps, sync)).stdout.strip()
        self.run("wait", run, "--timeout", "290s")
        sent = max(way.sent - was for way, was in zip(self.ways, before))
        (attempt,) = self.job(run, JOB)["attempts"]
        seconds = (int(attempt["endedMs"]) - int(attempt["startedMs"])) / 1000
        return seconds, sent, json.loads(self.metrics(run, JOB)[steps])


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ms", type=float, default=100, help="round trip")
    options.add_argument("--mbit", type=float, default=20, help="of each direction, in a second")
    options.add_argument("--steps", type=int, default=200, help="of each joint phase")
    given = options.parse_args()
    with Bed() as bed:
        lab = SlowLab(bed, given.ms, given.mbit * 1e6)
        try:
            print("| exchange | time | bytes over the line | bytes a step | validation loss |")
            print("| --- | ---: | ---: | ---: | ---: |")
            for name, sync in WAYS.items():
                seconds, sent, values = lab.joint(given.steps, sync)
                print(
                    f"| {name} | {seconds:.1f} s | {sent / 1e6:.1f} MB | {sent / given.steps / 1e3:.0f} kB "
                    f"| {values['validation/all']:.4f} |",
                    flush=True,
                )
        finally:
            lab.close()


if __name__ == "__main__":
    network_bed.enter()
    main()
