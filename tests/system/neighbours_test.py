#!/usr/bin/env python3
"""A file crosses the line to a site once: the second worker fetches it from the first. What is bound to the site crosses
it never, and is read by the second worker all the same. Bytes on the lines are counted."""

import glob
import json
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
BOUND = """run: bound
tokenizer: {train: {vocab: 300, corpora: [few]}}
corpora:
  few:  {files: [few.jsonl], text: text}
  many: {files: ["FOLDER/many.jsonl"], text: text, site: lab, bind: all}
validation: {documents: 0.1}
sequence: 32
paths:
  - {name: one, corpus: many, d: 16, heads: 2, blocks: 1}
  - {name: two, corpus: many, d: 16, heads: 2, blocks: 1}
composites: [{name: both, connect: share}]
train: {batch: 4, accumulate: 1, epochs: 1, steps: 2, warmup_steps: 1, optimizer: {lr: 2e-3}}
joint: {ranks: 2, batch: 4, accumulate: 1, steps: 2}
"""


@network_bed.needs_bed
class NeighboursTest(unittest.TestCase):
    def prepared(self, recipe):
        """Prepares the corpora in a run of its own; gives the id of the large one's tokens, and who made them."""
        run = self.lab.submit(recipe, "--only", JOB)
        self.lab.run("wait", run, "--timeout", "120s")
        job = self.lab.job(run, JOB)
        (worker,) = job["attempts"][-1]["workers"]
        return job["outputs"]["shards"], worker

    def moved(self, kind):
        """The bytes of files of this kind that are counted by now, by the way on which they came or went."""
        (site,) = (one for one in self.lab.json("site", "list")["sites"] if one["name"] == "lab")
        of_kind = [one for one in site.get("traffic", []) if one["kind"] == kind]
        return {one["way"]: int(one["bytes"]) for one in of_kind}

    def wait_moved(self, kind, **expected):
        """Waits until so many bytes are counted: a transfer is when it has ended."""

        def all_moved():
            found = self.moved(kind)
            return all(found.get(way, 0) == count for way, count in expected.items())

        wait_until(all_moved, f"{expected} bytes of {kind}")

    def check_bound(self, hosts):
        """The first worker prepares what is bound, the second one trains on it, and both train the composite."""
        lab = self.lab
        for name in ("n1", "n2"):
            lab.run("worker", "cordon", name)
        recipe = os.path.join(lab.folder, "bound.yaml")
        with open(recipe, "w", encoding="utf-8") as out:
            out.write(BOUND.replace("FOLDER", lab.folder))
        lines = sum(lab.line(host).sent for host in hosts)
        before = {kind: self.moved(kind).get("sent", 0) for kind in ("shards", "checkpoint")}
        kinds = {"b1": "prepare,joint", "b2": "tokenizer,train,merge,gate,joint"}
        for host, name in zip(hosts, kinds, strict=True):
            lab.worker(name, host, "--data-root", lab.folder, "--kinds", kinds[name])
        run = lab.submit(recipe, "--only", "joint:both")
        lab.run("wait", run, "--timeout", "120s")
        workers = {
            job: sorted(lab.job(run, job)["attempts"][-1]["workers"])
            for job in (JOB, "one", "two", "joint:both")
        }
        self.assertEqual(
            workers, {JOB: ["b1"], "one": ["b2"], "two": ["b2"], "joint:both": ["b1", "b2"]}
        )
        made = lab.json("artifact", "list", "--run", run)["artifacts"]
        bound = [one for one in made if one.get("bound")]
        (shards,) = (one for one in bound if one["role"] == "shards")
        # Once for all jobs there, also the small files of it.
        self.wait_moved("shards", neighbour=int(shards["bytes"]))
        self.assertIn("model", {one["role"] for one in bound})
        store = os.path.join(lab.folder, "state", "coordinator", "store", "blobs", "**", "*")
        stored = {os.path.basename(path) for path in glob.glob(store, recursive=True)}
        free = [one for one in made if not one.get("bound")]
        self.assertTrue(self.files(bound))
        self.assertFalse(self.files(bound) & stored - self.files(free))
        for kind, sent in before.items():
            self.assertEqual(self.moved(kind).get("sent", 0), sent, kind)
        # Heartbeats, metrics and manifests alone are less than the tokens.
        self.assertLess(sum(lab.line(host).sent for host in hosts) - lines, int(shards["bytes"]))

    def files(self, artifacts):
        """The digests of the files of artifacts, as far as workers keep them."""
        digests = set()
        for name in ("b1", "b2"):
            for one in artifacts:
                path = os.path.join(
                    self.lab.folder, name, "artifacts", one["id"] + ".manifest.json"
                )
                if os.path.exists(path):
                    with open(path, encoding="utf-8") as file:
                        digests |= {each["sha256"] for each in json.load(file)["files"]}
        return digests

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
                one = bed.host(lan)
                lab.worker("n1", one)
                shards, worker = self.prepared(recipe)
                self.assertEqual(worker, "n1")
                self.wait_moved("corpus", fetched=few + many, neighbour=0)

                lab.run("worker", "cordon", "n1")
                two = bed.host(lan)
                lab.worker("n2", two)
                again, worker = self.prepared(recipe)
                self.assertEqual(worker, "n2")
                self.assertEqual(again, shards, "of the same bytes")
                # The small corpus is not worth asking for.
                self.wait_moved("corpus", fetched=2 * few + many, neighbour=many)
                self.assertLess(lab.line(two).received, many / 4)
                self.check_bound([one, two])
            finally:
                lab.close()


if __name__ == "__main__":
    network_bed.main()
