#!/usr/bin/env python3
"""A job is sent to where its inputs are: the other worker, free and first in line, fetches not a byte of them."""

import json
import os
import unittest

from by_hand import wait_until
from hold import held_at, prepare_holds
from service import Service, write_recipe

RECIPE = """run: near
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
baselines:
  - {name: model, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}}
evaluate:
  - loss: all
"""


class Affinity(unittest.TestCase):
    def cached_bytes(self, service, worker, artifacts, manifests_of):
        """Of the files of these artifacts, what lies in the worker's cache. One of the workers has their manifests."""
        total = 0
        for artifact in artifacts:
            with open(
                os.path.join(
                    service.folder, "state", manifests_of, "artifacts", artifact + ".manifest.json"
                ),
                encoding="utf-8",
            ) as text:
                manifest = json.load(text)
            for file in manifest["files"]:
                path = os.path.join(
                    service.folder,
                    "state",
                    worker,
                    "cache",
                    "blobs",
                    file["sha256"][:2],
                    file["sha256"],
                )
                total += os.path.getsize(path) if os.path.exists(path) else 0
        return total

    def test_the_evaluation_runs_where_the_model_was_trained(self):
        texts = {
            "tales": [f"The fox number {i} saw the river and went home again." for i in range(200)]
        }
        service = Service(workers=2, slots=1)
        prepare_holds(service)
        with service:
            names = sorted(worker["id"] for worker in service.json("worker", "list")["workers"])
            first, second = names
            # All that comes before the evaluation runs on the second worker. Then the first is as free, and comes first.
            service.run("worker", "cordon", first)
            recipe = write_recipe(service.folder, texts, steps=1000, every=100, text=RECIPE)
            # The first opens while the model trains, before the evaluation can begin.
            with held_at(service, "model") as hold:
                run = service.submit(recipe)
                hold.wait()
                service.run("worker", "cordon", "--open", first)
                self.assertEqual(service.job(run, "model")["state"], "JOB_ACTIVE")
            evaluation = wait_until(
                lambda: self.ended(service, run), "the evaluation's end", timeout_s=200
            )
            self.assertEqual(evaluation["state"], "JOB_SUCCEEDED", evaluation.get("error"))
            self.assertEqual(evaluation["attempts"][0]["workers"], [second])
            inputs = sorted(set(evaluation["inputs"].values()))
            self.assertGreaterEqual(len(inputs), 3)
            self.assertGreater(self.cached_bytes(service, second, inputs, second), 10_000)
            self.assertEqual(self.cached_bytes(service, first, inputs, second), 0)

    def ended(self, service, run):
        job = service.job(run, "evaluate:model")
        return job if job.get("state") in ("JOB_SUCCEEDED", "JOB_FAILED", "JOB_SKIPPED") else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
