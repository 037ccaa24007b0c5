#!/usr/bin/env python3
"""What a user sees when something is wrong: each error names the thing and says what to do, and nothing is lost."""

import glob
import hashlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import by_hand
import evaluation_files
from by_hand import program, wait_until
from service import RECIPE, Braid, Service, write_recipe


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.service.__enter__()
        cls.recipe = write_recipe(cls.service.folder, by_hand.small_texts(), steps=30)

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def written(self, name, *changes):
        text = RECIPE
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return write_recipe(
            self.service.folder, by_hand.small_texts(), steps=30, text=text, name=name
        )

    def refused(self, recipe, *words, command="submit", code=1):
        done = self.service.run(command, recipe, code=code)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def test_recipe_with_an_unknown_key(self):
        path = self.written(
            "unknown.yaml", ("validation: {documents: 0.1}", "validaton: {documents: 0.1}")
        )
        for command in ("submit", "plan"):
            self.refused(path, "unknown.yaml:6", "validaton", "validation", command=command)

    def test_recipe_with_an_impossible_value(self):
        path = self.written(
            "heads.yaml",
            (
                "{name: path_sums, corpus: sums, d: 16, heads: 2",
                "{name: path_sums, corpus: sums, d: 16, heads: 3",
            ),
        )
        self.refused(path, "heads.yaml:10", "paths.1.heads", "3")

    def test_recipe_of_a_later_version(self):
        self.refused(
            self.written("linear.yaml", ("blocks: 2}", "blocks: 2, attn: linear}")),
            "linear.yaml:9",
            "paths.0.attn",
            "not in this version",
        )

    def test_recipe_with_options_that_do_not_fit(self):
        self.refused(
            self.written("cross.yaml", ("connect: share", "connect: share, cross: true")),
            "cross.yaml:12",
            "composites.0.cross",
            "slice",
        )
        self.refused(
            self.written(
                "block.yaml",
                (
                    "d: 16, heads: 2, blocks: 2}",
                    "d: 16, heads: 2, blocks: 2, block: loop, dual: {loops: 2}}",
                ),
            ),
            "block.yaml:9",
            "paths.0.dual.ffn_deep",
            "is missing",
        )

    def test_recipe_with_nonsense(self):
        path = os.path.join(self.service.folder, "nonsense.yaml")
        for text in ("]]]", "just words", "run: [1, 2]\n", "\x00\x01", "paths: 3\n"):
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            self.refused(path, "nonsense.yaml")

    def test_file_that_is_not_there(self):
        self.refused(
            self.written("gone.yaml", ("[tales.jsonl]", "[gone-*.jsonl]")),
            "gone.yaml:4",
            "gone-*.jsonl",
        )

    def test_things_that_are_not_known(self):
        self.assertIn(
            "r-000000000000", self.service.run("describe", "r-000000000000", code=3).stderr
        )
        self.service.run("frobnicate", code=2)
        self.assertIn(
            "path_tales",
            self.service.run("submit", self.recipe, "--only", "path_tale", code=3).stderr,
        )

    def test_run_that_no_worker_could_ever_run(self):
        path = self.written(
            "huge.yaml", ("corpus: tales, d: 16", "corpus: tales, slots: 512, d: 16")
        )
        run = self.service.submit(path, "--only", "path_tales")
        wait_until(
            lambda: self.service.job(run, "path_tales").get("pending") == "UNSCHEDULABLE",
            "path_tales alone is left",
        )
        done = self.service.run("wait", run, "--timeout", "1s", code=12)
        self.assertIn(
            "path_tales: no registered worker could ever run it: it needs 512 CPU slots",
            done.stderr,
        )
        self.service.run("cancel", run)

    def test_prompts_and_validation_files_are_checked_at_submit(self):
        tokenizer = os.path.join(self.service.folder, "tokenizer")
        run = self.service.run(
            "submit", self.recipe, "--only", "tokenizer", "--watch"
        ).stdout.strip()
        self.service.run(
            "artifact",
            "get",
            self.service.job(run, "tokenizer")["outputs"]["tokenizer"],
            "--out",
            tokenizer,
        )
        paper = (
            ("run: small", "run: small\ncompat: paper\narch: {rope_max_pos: 64}"),
            ("{train: {vocab: 400}}", "{file: tokenizer/tokenizer.json}"),
            ("warmup_steps: 2", "warmup_steps: 0"),
        )
        path = self.written(
            "prompt.yaml", *paper, ('"The red fox"', '"' + "The red fox saw a hen. " * 40 + '"')
        )
        said = self.service.run("submit", path, code=1).stderr
        self.assertIn("above the 64 positions of this model", said)
        with open(os.path.join(self.service.folder, "none.txt"), "w", encoding="utf-8"):
            pass
        path = self.written("none.yaml", ('["The red fox"]', "{file: none.txt}"))
        self.assertIn(
            "none.txt: no prompt in this file", self.service.run("submit", path, code=1).stderr
        )
        path = self.written(
            "field.yaml",
            (
                "{files: [tales.jsonl], text: text}",
                "{files: [tales.jsonl], join: [question, text]}",
            ),
        )
        self.assertIn(
            'tales.jsonl:1: the row has no field "question"; it has text',
            self.service.run("submit", path, code=1).stderr,
        )
        with open(os.path.join(self.service.folder, "empty.jsonl"), "w", encoding="utf-8"):
            pass
        path = self.written(
            "empty.yaml",
            ("{files: [tales.jsonl], text: text}", "{files: [empty.jsonl], text: text}"),
        )
        self.assertRegex(
            self.service.run("submit", path, code=1).stderr,
            r"corpus tales is empty: 1 files \(.*empty\.jsonl\) hold 0 documents",
        )
        path = self.written(
            "aside.yaml",
            (
                "{files: [tales.jsonl], text: text}",
                "{files: [tales.jsonl], text: text, validation: tales.jsonl}",
            ),
        )
        self.assertIn(
            "tales.jsonl is among its files and its validation files",
            self.service.run("submit", path, code=1).stderr,
        )

    def test_bad_rows_have_the_users_names(self):
        """What a job finds in the middle of a corpus names the user's file and line, in a few hundred bytes; or it is skipped and counted."""
        folder = os.path.join(self.service.folder, "rows", "deep")
        os.makedirs(folder)
        rows = [json.dumps({"text": document}) for document in by_hand.small_texts()["tales"]]
        rows[6] = '{"text": null, "why": "' + "x" * 5_000_000 + '"}'
        rows[7] = '{"text": "' + "y" * 5_000_000 + "\\ud800" + '"}'
        rows[8] = '{"text": " "}'
        with open(os.path.join(folder, "part-00000"), "w", encoding="utf-8") as out:
            out.write("\n".join(rows) + "\n\n")
        files = ("{files: [tales.jsonl], text: text}", '{files: ["rows/**/part-*"], text: text}')
        run = self.service.run(
            "submit",
            self.written("rows.yaml", files),
            "--only",
            "prepare:tales",
            "--watch",
            code=None,
        ).stdout.strip()
        error = self.service.job(run, "tokenizer")["error"]
        self.assertTrue(
            error.startswith(
                'rows/deep/part-00000:7: field "text" is not text, but null (column 10)'
            ),
            error[:300],
        )
        self.assertLess(len(self.service.run("list", "jobs", run).stdout), 4000)
        self.assertLess(len(self.service.run("describe", run, code=None).stdout), 20_000)

        skip = (files[0], files[1].replace("text: text", "text: text, on_bad_row: skip"))
        run = self.service.run(
            "submit", self.written("skip.yaml", skip), "--only", "prepare:tales", "--watch"
        ).stdout.strip()
        shards = os.path.join(self.service.folder, "skipped")
        self.service.run(
            "artifact",
            "get",
            self.service.job(run, "prepare:tales")["outputs"]["shards"],
            "--out",
            shards,
        )
        with open(os.path.join(shards, "shards.json"), encoding="utf-8") as file:
            counted = json.load(file)
        self.assertEqual((counted["bad_rows"], counted["blank_documents"]), (2, 1))
        self.assertEqual(counted["rows"], len(rows))
        self.assertEqual(counted["documents"] + counted["validation_documents"], len(rows) - 3)
        self.assertEqual(
            counted["first_bad_rows"][0],
            'rows/deep/part-00000:7: field "text" is not text, but null (column 10)',
        )
        self.assertRegex(
            counted["first_bad_rows"][1],
            r"^rows/deep/part-00000:8 is not valid JSON: column 50000\d\d, field \"text\": .*surrogate",
        )
        self.assertLess(len(counted["first_bad_rows"][1]), 600)
        self.assertIn(
            f"2 of {len(rows)} rows could not be read and were skipped",
            self.service.run("logs", run, "prepare:tales").stdout,
        )

        few = (files[0], skip[1].replace("skip", "skip, max_bad_share: 0.001"))
        run = self.service.run(
            "submit",
            self.written("few.yaml", few),
            "--only",
            "prepare:tales",
            "--watch",
            code=None,
        ).stdout.strip()
        # The job that reads it first, so that no tokenizer is learnt for nothing.
        self.assertRegex(
            self.service.job(run, "tokenizer")["error"],
            rf"^corpus tales: 2 of {len(rows)} rows \(.* %\) could not be read, and max_bad_share "
            r"allows 0\.1 %; correct them or allow more; the first: rows/deep/part-00000:7: field .*; "
            r"rows/deep/part-00000:8 is not valid JSON",
        )

    def test_bad_rows_of_evaluations_have_the_users_names(self):
        """Where nothing found them before: this braid has no trainer beside it that could read the files."""
        evaluation_files.write_blimp(os.path.join(self.service.folder, "pairs", "blimp"))
        with open(
            os.path.join(self.service.folder, "pairs", "blimp", "wh_island.jsonl"),
            "a",
            encoding="utf-8",
        ) as out:
            out.write('\n{"score": NaN, "sentence_good": null, "why": "' + "x" * 5_000_000 + '"}\n')
        alone = os.path.join(self.service.folder, "alone")
        os.mkdir(alone)
        shutil.copy(program("braid"), alone)
        before = '  - generate: {prompts: ["The red fox"], tokens: 8}'
        path = self.written("pairs.yaml", (before, "  - blimp: {dir: pairs/blimp}"))
        self.refused(path, "wh_island.jsonl:8:", 'field "sentence_good" is not text')
        submitted = subprocess.run(
            [
                os.path.join(alone, "braid"),
                *self.service.command(["submit", path, "--only", "evaluate:path_tales"])[1:],
            ],
            capture_output=True,
            text=True,
            env=self.service.environment,
        )
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        run = submitted.stdout.strip()
        self.service.run("wait", run, "--timeout", "120s", code=None)
        self.assertEqual(
            self.service.job(run, "evaluate:path_tales")["error"],
            'pairs/blimp/wh_island.jsonl:8: field "sentence_good" is not text, but null (column 33)'
            " (trying again cannot help)",
        )

    def test_folders_of_links(self):
        """As the caches of Hugging Face and DVC have them: read through by `artifact put`; a link that leads nowhere is named."""
        cache = os.path.join(self.service.folder, "cache")
        os.makedirs(os.path.join(cache, "blobs"))
        os.makedirs(os.path.join(cache, "snapshots", "rev"))
        with open(os.path.join(cache, "blobs", "0f"), "w", encoding="utf-8") as out:
            out.write("what it says")
        os.symlink("../../blobs/0f", os.path.join(cache, "snapshots", "rev", "notes.txt"))
        os.symlink("snapshots/rev", os.path.join(cache, "current"))
        artifact = self.service.run(
            "artifact", "put", os.path.join(cache, "current")
        ).stdout.strip()
        self.service.run(
            "artifact", "get", artifact, "--out", os.path.join(self.service.folder, "read")
        )
        back = os.path.join(self.service.folder, "read", "notes.txt")
        self.assertFalse(os.path.islink(back))
        with open(back, encoding="utf-8") as file:
            self.assertEqual(file.read(), "what it says")
        os.symlink("../../blobs/gone", os.path.join(cache, "snapshots", "rev", "weights"))
        said = self.service.run("artifact", "put", os.path.join(cache, "current"), code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn(
            "current/weights is a link to ../../blobs/gone, which is not there", said.stderr
        )

    def test_training_that_diverges(self):
        """The job ends at once, blames the user and names the step and the last good checkpoint."""
        path = self.written(
            "hot.yaml",
            ("optimizer: {lr: 2e-3}", "optimizer: {lr: 1e30}"),
            ("warmup_steps: 2", "warmup_steps: 0"),
        )
        run = self.service.run(
            "submit", path, "--only", "path_tales", "--watch", code=None
        ).stdout.strip()
        job = self.service.job(run, "path_tales")
        self.assertEqual(job["state"], "JOB_FAILED")
        self.assertEqual(len(job["attempts"]), 1)
        self.assertEqual(job["attempts"][0]["category"], "user")
        self.assertRegex(
            job["attempts"][0]["error"], r"of step \d+ is .*Last good checkpoint: (none|step \d+)\."
        )

    def test_no_coordinator(self):
        done = subprocess.run(
            [
                program("braid"),
                "--dir",
                os.path.join(self.service.folder, "nothing"),
                "list",
                "runs",
            ],
            capture_output=True,
            text=True,
            env=self.service.environment,
        )
        self.assertEqual(done.returncode, 6)
        self.assertIn("braid up", done.stderr)

    def test_model_that_is_nowhere(self):
        said = self.service.run("generate", "models/none", "prompt", code=3).stderr
        self.assertIn("models/none is no folder here, and no model of the coordinator: ", said)

    def test_words_that_no_program_knows(self):
        for words in (
            ["braid", "worker", "list"],
            ["braid-coordinator", "--dir", "x"],
            ["braid-worker", "--dir", "x", "--address-file", "y"],
        ):
            done = subprocess.run(
                [program(words[0]), *words[1:], "--nonsense"],
                capture_output=True,
                text=True,
                timeout=120,
            )
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("--nonsense", done.stderr)

    def test_second_coordinator_on_one_folder(self):
        done = subprocess.run(
            [
                program("braid-coordinator"),
                "--dir",
                os.path.join(self.service.folder, "state", "coordinator"),
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("another braid-coordinator", done.stderr)

    def test_catalog_of_a_newer_version(self):
        folder = os.path.join(self.service.folder, "newer")
        os.makedirs(folder)
        with sqlite3.connect(os.path.join(folder, "braid.db")) as database:
            database.execute("PRAGMA user_version = 1000")
        done = subprocess.run(
            [program("braid-coordinator"), "--dir", folder],
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("braid.db", done.stderr)

    def test_two_workers_of_one_id(self):
        """The newcomer hears why it is refused, and ends; the elder goes on. Nothing runs twice."""
        address = os.path.join(self.service.folder, "state", "address.json")
        processes, logs = [], []
        for name in ("elder", "newcomer"):
            folder = os.path.join(self.service.folder, name)
            os.makedirs(folder)
            logs.append(os.path.join(folder, "log"))
            with open(logs[-1], "w", encoding="utf-8") as log:
                processes.append(
                    subprocess.Popen(
                        [
                            program("braid-worker"),
                            "--address-file",
                            address,
                            "--dir",
                            folder,
                            "--id",
                            "twin",
                            "--slots",
                            "1",
                            "--kinds",
                            "none",
                        ],
                        env=self.service.environment,
                        stderr=log,
                    )
                )
            wait_until(
                lambda: any(
                    worker["id"] == "twin"
                    for worker in self.service.json("worker", "list").get("workers", [])
                ),
                "the worker",
            )
        try:
            self.assertEqual(processes[1].wait(timeout=120), 5)
            with open(logs[1], encoding="utf-8") as log:
                self.assertRegex(
                    log.read(),
                    r"worker id twin is that of another process, on .*give this worker another --id, or stop that one first",
                )
            self.assertIsNone(processes[0].poll())

            def ready():
                (twin,) = [
                    worker
                    for worker in self.service.json("worker", "list")["workers"]
                    if worker["id"] == "twin"
                ]
                return twin["link"] == "WORKER_READY"

            wait_until(ready, "the elder to go on")
        finally:
            for process in processes:
                if process.poll() is None:
                    process.terminate()
                process.wait(timeout=120)

    def test_blob_that_was_changed_on_disk(self):
        folder = os.path.join(self.service.folder, "payload")
        os.makedirs(folder)
        with open(os.path.join(folder, "payload.txt"), "w", encoding="utf-8") as out:
            out.write("what was written\n" * 100)
        artifact = self.service.run("artifact", "put", folder).stdout.strip()
        self.service.run("artifact", "verify", artifact)
        with open(os.path.join(folder, "payload.txt"), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        (blob,) = [
            path
            for path in glob.glob(
                os.path.join(self.service.folder, "state", "coordinator", "store", "**"),
                recursive=True,
            )
            if digest[-40:] in path and os.path.isfile(path)
        ]
        os.chmod(blob, 0o644)
        with open(blob, "r+b") as file:
            file.write(b"WHAT")
        done = self.service.run("artifact", "verify", artifact, code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("payload.txt", done.stdout + done.stderr)
        done = self.service.run(
            "artifact",
            "get",
            artifact,
            "--out",
            os.path.join(self.service.folder, "back"),
            code=None,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(os.path.exists(os.path.join(self.service.folder, "back", "payload.txt")))

    def test_path_with_another_tokenizer_in_a_merge(self):
        runs = [
            self.service.run(
                "submit", self.recipe, "--only", "path_tales", "--watch"
            ).stdout.strip(),
            self.service.run(
                "submit",
                self.written("vocab.yaml", ("vocab: 400", "vocab: 300")),
                "--only",
                "path_sums",
                "--watch",
            ).stdout.strip(),
        ]
        tales = self.service.job(runs[0], "path_tales")["outputs"]["model"]
        sums = self.service.job(runs[1], "path_sums")["outputs"]["model"]
        done = self.service.run("merge", "plan", tales, sums, code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("tokenizer", done.stderr)
        # A run is refused before anything of it starts.
        path = self.written("mixed.yaml", ("name: path_sums,", f"name: path_sums, from: {sums},"))
        done = self.service.run("submit", path, "--watch", code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(
            "path_sums has 301 rows of vocabulary, and the tokenizer that the recipe trains would give 401",
            done.stderr,
        )


class FullDisk(unittest.TestCase):
    """A limit on file sizes stands in for a worker's full disk: checkpoints fail in the middle of a file."""

    def setUp(self):
        self.braid = Braid(tempfile.mkdtemp(prefix="braid-full-"))
        self.state = os.path.join(self.braid.folder, "state")
        os.makedirs(self.state)
        self.started = []

    def tearDown(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=120)
        wait_until(lambda: not self.braid.processes(), "the last processes to end")
        shutil.rmtree(self.braid.folder)

    def start(self, name, *words, **popen):
        with open(os.path.join(self.state, name + ".log"), "a", encoding="utf-8") as log:
            self.started.append(
                subprocess.Popen(
                    [program(name), *words], env=self.braid.environment, stderr=log, **popen
                )
            )
        return self.started[-1]

    def start_worker(self, **popen):
        return self.start(
            "braid-worker",
            "--address-file",
            os.path.join(self.state, "address.json"),
            "--dir",
            os.path.join(self.state, "worker"),
            "--id",
            "only",
            "--site",
            "local",
            "--slots",
            "1",
            **popen,
        )

    def test_job_is_tried_again_and_ends_well(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

        self.start(
            "braid-coordinator",
            "--dir",
            os.path.join(self.state, "coordinator"),
            "--address-file",
            os.path.join(self.state, "address.json"),
        )
        worker = self.start_worker(preexec_fn=small_files)
        wait_until(
            lambda: self.braid.run("list", "runs", code=None).returncode == 0, "the coordinator"
        )
        run = self.braid.submit(
            write_recipe(self.braid.folder, by_hand.small_texts(), steps=100, every=20),
            "--only",
            "path_tales",
        )

        def failed_attempt():
            attempts = self.braid.job(run, "path_tales").get("attempts", [])
            return next(
                (attempt for attempt in attempts if attempt["state"] == "ATTEMPT_FAILED"), None
            )

        attempt = wait_until(failed_attempt, "a failed attempt")
        self.assertEqual(attempt["category"], "infra")
        self.assertIn("safetensors", attempt["error"])
        self.assertIn("room", attempt["hint"])
        worker.terminate()
        worker.wait(timeout=120)
        self.start_worker()  # the disk has room again
        self.braid.run("wait", run, "--timeout", "120s")
        self.assertEqual(sorted(self.braid.metrics(run, "path_tales")), list(range(1, 101)))
        self.assertEqual(int(self.braid.job(run, "path_tales").get("userFailures", 0)), 0)

    def test_job_waits_names_the_disk_and_goes_on_by_itself(self):
        def few_now():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (60_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
            )

        self.start(
            "braid-coordinator",
            "--dir",
            os.path.join(self.state, "coordinator"),
            "--address-file",
            os.path.join(self.state, "address.json"),
        )
        worker = self.start_worker(preexec_fn=few_now)
        wait_until(
            lambda: self.braid.run("list", "runs", code=None).returncode == 0, "the coordinator"
        )
        run = self.braid.submit(
            write_recipe(self.braid.folder, by_hand.small_texts(), steps=100, every=20),
            "--only",
            "path_tales",
        )
        job = wait_until(
            lambda: (lambda job: job if job.get("pending") == "WORKER_DISK_FULL" else None)(
                self.braid.job(run, "path_tales")
            ),
            "the job to wait",
        )
        self.assertIn(
            "the disk of worker only is full (" + os.path.join(self.state, "worker"),
            job["pendingDetail"],
        )
        self.assertEqual(job["attempts"][0]["reason"], "STORAGE_FULL")
        # The job is tried again from time to time.
        wait_until(
            lambda: "WORKER_DISK_FULL" in self.braid.run("describe", run, "path_tales").stdout,
            "the reason",
        )
        # There is room again; nobody does anything else.
        resource.prlimit(
            worker.pid, resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2
        )
        self.braid.run("wait", run, "--timeout", "120s")
        self.assertEqual(sorted(self.braid.metrics(run, "path_tales")), list(range(1, 101)))
        self.assertIsNone(worker.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
