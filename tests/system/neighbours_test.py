#!/usr/bin/env python3
"""A file crosses the line to a site once: the second worker fetches it from the first. Bytes on its line are counted."""

import os
import random
import unittest

import network_bed
from by_hand import wait_until
from gang_hosts_test import Lab
from network_bed import Bed
from service import write_recipe

RECIPE = """run: near
tokenizer: {train: {vocab: 300, corpora: [few]}}
corpora:
  few:  {files: [few.jsonl], text: text}
  many: {files: [many.jsonl], text: text}
sequence: 32
baselines: [{name: m, d: 8, heads: 2, blocks: 1}]
train: {batch: 4, accumulate: 1, epochs: 1, steps: 2, warmup_steps: 1, optimizer: {lr: 2e-3}}
"""
JOB = "prepare:many"


@network_bed.needs_bed
class NeighboursTest(unittest.TestCase):
    def prepared(self, recipe):
        """Prepares the corpora in a run of its own; gives the id of the large one's tokens, and who made them."""
        run = self.lab.submit(recipe, "--only", JOB)
        self.lab.run("wait", run, "--timeout", "120s")
        job = self.lab.job(run, JOB)
        (worker,) = job["attempts"][-1]["workers"]
        return job["outputs"]["shards"], worker

    def wait_moved(self, **expected):
        """Waits until so many bytes of corpora are counted: a transfer is when it has ended."""

        def moved():
            (site,) = (
                one for one in self.lab.json("site", "list")["sites"] if one["name"] == "lab"
            )
            corpora = [one for one in site.get("traffic", []) if one["kind"] == "corpus"]
            found = {one["way"]: int(one["bytes"]) for one in corpora}
            return all(found.get(way, 0) == count for way, count in expected.items())

        wait_until(moved, f"{expected} bytes of corpora")

    def test_the_second_worker_of_a_site_fetches_from_the_first(self):
        with Bed() as bed:
            lan = bed.network()
            self.lab = lab = Lab(bed, lan)
            try:
                # A proxy is for the way out of the site.
                lab.environment |= {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
                draw = random.Random(1)
                words = ["".join(draw.choices("abcdefghij", k=6)) for _ in range(500)]
                texts = {
                    name: [" ".join(draw.choices(words, k=100)) for _ in range(count)]
                    for name, count in (("few", 20), ("many", 4000))
                }
                recipe = write_recipe(lab.folder, texts, steps=2, text=RECIPE)
                few, many = (
                    os.path.getsize(os.path.join(lab.folder, name + ".jsonl")) for name in texts
                )
                lab.worker("n1", bed.host(lan))
                shards, worker = self.prepared(recipe)
                self.assertEqual(worker, "n1")
                self.wait_moved(fetched=few + many, neighbour=0)

                lab.run("worker", "cordon", "n1")
                two = bed.host(lan)
                lab.worker("n2", two)
                again, worker = self.prepared(recipe)
                self.assertEqual(worker, "n2")
                self.assertEqual(again, shards, "of the same bytes")
                # The small corpus is not worth asking for.
                self.wait_moved(fetched=2 * few + many, neighbour=many)
                self.assertLess(lab.line(two).received, many / 4)
            finally:
                lab.close()


if __name__ == "__main__":
    network_bed.main()
