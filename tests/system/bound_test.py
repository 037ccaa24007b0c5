#!/usr/bin/env python3
"""What is bound to a site stays there: bytes on the line of its worker are counted, and what is trained elsewhere is the
same as without."""

import glob
import json
import os
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from service import Service, write_recipe
from transfer_test import CutLine

RECIPE = """run: bound
tokenizer: {train: {vocab: 400, corpora: [sums]}}
corpora:
  tales: {files: ["TALES"], text: textSITE}
  sums:  {files: [sums.jsonl], text: text}
validation: {documents: 0.1}
split: {paths: 0.6, unit: document}
sequence: 32
paths:
  - {name: path_tales, corpus: tales, d: 16, heads: 2, blocks: 1}
  - {name: path_sums, corpus: sums, d: 16, heads: 2, blocks: 1}
composites:
  - {name: both, connect: share}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: 6, warmup_steps: 2, optimizer: {lr: 2e-3},
        checkpoint: {steps: 3, seconds: 0}, validate: {steps: 6, sequences: 4}}
evaluate:
  - loss: all
"""


class Lab:
    """A worker at the site `lab`, whose line to the coordinator is counted."""

    def __init__(self, service):
        self.service, self.data = service, os.path.join(service.folder, "lab-data")
        os.makedirs(self.data)
        self.line = CutLine(service.endpoint()["grpc"], cut_every=1 << 60)
        self.folder = os.path.join(service.folder, "lab")

    def __enter__(self):
        with open(os.path.join(self.service.folder, "lab.log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    program("braid-worker"),
                    "--coordinator",
                    self.line.address,
                    "--token-file",
                    self.service.endpoint()["token_file"],
                    "--dir",
                    self.folder,
                    "--id",
                    "lab-1",
                    "--site",
                    "lab",
                    "--slots",
                    "1",
                    "--data-root",
                    self.data,
                ],
                env=self.service.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_ready, "the worker of the lab")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.line.close()

    def is_ready(self):
        done = self.service.run("-o", "json", "worker", "list", code=None)
        workers = json.loads(done.stdout).get("workers", []) if done.returncode == 0 else []
        return any(one["id"] == "lab-1" and one.get("link") == "WORKER_READY" for one in workers)


class BoundData(unittest.TestCase):
    def recipe(self, name, tales, site):
        text = RECIPE.replace("TALES", tales).replace("SITE", site)
        return write_recipe(
            self.service.folder, {"sums": self.texts["sums"]}, steps=6, text=text, name=name
        )

    def watched(self, path, *words):
        return self.service.run("submit", path, *words, "--watch").stdout.strip()

    def artifacts(self, run):
        return self.service.json("artifact", "list", "--run", run)["artifacts"]

    def stored(self):
        """The digests of all that the coordinator has, whatever names it."""
        state = os.path.join(self.service.folder, "state", "coordinator")
        return {
            os.path.basename(path)
            for path in glob.glob(state + "/store/blobs/**/*", recursive=True)
        }

    def digests(self, lab, artifacts):
        """Those of the files that are bound, and of those that are not."""
        bound, free = set(), set()
        for one in artifacts:
            if one.get("bound"):
                path = os.path.join(lab.folder, "artifacts", one["id"] + ".manifest.json")
                with open(path, encoding="utf-8") as file:
                    bound |= {each["sha256"] for each in json.load(file)["files"]}
            else:
                folder = os.path.join(self.service.folder, one["id"])
                whole = self.service.json("artifact", "get", one["id"], "--out", folder)
                free |= {each["sha256"] for each in json.loads(whole["manifestJson"])["files"]}
        return bound, free

    def test_it_stays_and_what_is_made_elsewhere_is_the_same(self):
        with Service(workers=1, slots=2) as self.service, Lab(self.service) as lab:
            self.texts = by_hand.small_texts()
            write_recipe(lab.data, {"tales": self.texts["tales"] * 20}, steps=1)
            file = os.path.join(lab.data, "tales.jsonl")

            # Nothing of it has left yet, so that whatever leaves would have to be sent.
            kept_all, made, sent = self.counted(lab, "all.yaml", file, ", site: lab, bind: all")
            for (job, role), one in made.items():
                elsewhere = job in ("tokenizer", "prepare:sums", "path_sums")
                self.assertEqual(bool(one.get("bound")), not elsewhere, (job, role))
            report = os.path.join(lab.folder, "artifacts", made[("report", "report")]["id"])
            self.assertTrue(os.path.exists(os.path.join(report, "report.md")), "for people there")
            bound, free = self.digests(lab, made.values())
            self.assertFalse((bound - free) & self.stored())
            size = sum(int(one["bytes"]) for one in made.values() if one.get("bound"))
            self.assertGreater(size, 4 * sent)

            kept_paths, made, sent = self.counted(
                lab, "paths.yaml", file, ", site: lab, bind: paths"
            )
            shards, shared = made[("prepare:tales", "shards")], made[("prepare:tales", "shared")]
            self.assertEqual((shards["site"], shards["worker"]), ("lab", "lab-1"))
            self.assertEqual([one for one in made.values() if one.get("bound")], [shards])
            bound, free = self.digests(lab, [shards, shared])
            self.assertFalse((bound - free) & self.stored())
            self.assertTrue(free <= self.stored())
            # Whatever the lab made of it that is not bound, checkpoints and models alike.
            makers = {one["worker"] for key, one in made.items() if key[0] == "path_tales"}
            self.assertEqual(makers, {"lab-1"})
            free = sum(int(one["bytes"]) for one in made.values() if self.is_free_at_lab(one))
            self.assertLess(sent, 2 * free + size / 4)
            refused = self.service.run("artifact", "get", shards["id"], code=None)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("is bound to site lab and does not leave it", refused.stderr)
            refused = self.service.run("artifact", "verify", shards["id"], code=None)
            self.assertIn("worker lab-1, in " + lab.folder, refused.stderr)

            open_text, _, _ = self.counted(lab, "open.yaml", file, "")
            for job in ("path_tales", "joint:both"):
                as_ever = self.service.metrics(open_text, job)
                self.assertEqual(self.service.metrics(kept_all, job), as_ever, job)
                self.assertEqual(self.service.metrics(kept_paths, job), as_ever, job)

    @staticmethod
    def is_free_at_lab(artifact):
        """Whether the lab made it and may send it. Jobs that read no bound data run there too, if it is idle first."""
        return artifact.get("worker") == "lab-1" and not artifact.get("bound")

    def counted(self, lab, name, file, site):
        """The run, what it made by job and role, and what the lab has sent for it."""
        before = lab.line.carried["up"]
        run = self.watched(self.recipe(name, file, site))
        made = {(one["job"], one["role"]): one for one in self.artifacts(run)}
        return run, made, lab.line.carried["up"] - before


if __name__ == "__main__":
    unittest.main(verbosity=2)
