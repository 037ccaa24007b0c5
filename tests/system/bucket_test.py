#!/usr/bin/env python3
"""Artifacts in a bucket, with the real programs and a real server: a run whose files are there, the coordinator and the
server killed, keys that are refused, bytes that have changed, and what is deleted."""

import base64
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import unittest
import urllib.request

import by_hand
from bucket_bed import KEYS, Between, BucketBed, botocore, require, write_keys
from by_hand import program, wait_until
from fetch_test import Server
from hold import held_at, prepare_holds
from service import RECIPE, Service, content, stopped, write_recipe


def blobs_here(braid):
    """What the coordinator's own disk has."""
    found = set()
    for _, _, names in os.walk(os.path.join(braid.folder, "state/coordinator/store/blobs")):
        found.update(names)
    return found


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def sized(body):
    return hashlib.sha256(body).hexdigest(), len(body)


def called(braid, method, asked):
    """The answer of the API."""
    headers = {**dict([braid.authorization()]), "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"http://{braid.endpoint()['http']}/api/v1/{method}", json.dumps(asked).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def bucket_state(braid):
    """What the coordinator says of the bucket; nothing while it does not answer."""
    try:
        return called(braid, "Admin/GetServerInfo", {})
    except (OSError, ValueError):
        return {}


def bucket_line(braid):
    """What braid doctor says of the bucket."""
    done = braid.run("-o", "json", "doctor", code=None)
    return next(one for one in json.loads(done.stdout)["checks"] if one["subject"] == "bucket")


def moved(braid):
    """What workers have had of users' files so far, by the way on which it came."""
    ways = {"direct": 0, "fetched": 0}
    for site in braid.json("site", "list").get("sites", []):
        for one in site.get("traffic", []):
            if one["kind"] == "corpus" and one["way"] in ways:
                ways[one["way"]] += int(one["bytes"])
    return ways


def models_moved(braid):
    """What workers have sent of models and checkpoints so far, by the way on which it went."""
    ways = {"direct": 0, "sent": 0}
    for site in braid.json("site", "list").get("sites", []):
        for one in site.get("traffic", []):
            if one["kind"] == "checkpoint" and one["way"] in ways:
                ways[one["way"]] += int(one["bytes"])
    return ways


class Bucket(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require()
        cls.bed = cls.enterClassContext(BucketBed())

    def service(self, prefix, who="writer", endpoint=None, more=""):
        """A service with nothing of the bucket on its own disk, once it is there."""
        options = ("--blobs", self.bed.url(prefix, endpoint) + more, "--blobs-cache", "0B")
        service = Service(
            workers=1, slots=2, words=(*options, "--gc-grace-ms", "0", "--gc-interval-ms", "0")
        )
        self.keys = os.path.join(service.folder, "keys")
        write_keys(self.keys, who)
        for name in [name for name in service.environment if name.startswith("AWS_")]:
            del service.environment[name]
        service.environment["AWS_SHARED_CREDENTIALS_FILE"] = self.keys
        return service

    def all_there(self, braid, prefix):
        """All that the catalog names is in the bucket, under its digest, and nothing of it on the coordinator's disk."""

        def has_all():
            state = bucket_state(braid)
            waiting = int(state.get("bucketWaiting", 0))
            return "bucket" in state and not waiting and not state.get("bucketError")

        wait_until(has_all, "the bucket to have all files")
        wait_until(lambda: not blobs_here(braid), "the coordinator's disk to be free of them")
        objects = self.bed.objects(prefix)
        for key, digest in objects.items():
            self.assertEqual(key, f"{prefix}/{digest[:2]}/{digest}")
        return {os.path.basename(key) for key in objects}

    def test_a_run_is_in_the_bucket(self):
        service = self.service("run")
        del service.environment["AWS_SHARED_CREDENTIALS_FILE"]
        service.environment["AWS_ACCESS_KEY_ID"], service.environment["AWS_SECRET_ACCESS_KEY"] = (
            KEYS["writer"]
        )
        prepare_holds(service)
        with service as braid:
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=6, every=2)
            with held_at(braid, "path_tales") as hold:
                run = braid.submit(recipe)
                hold.wait()
                self.secret_is_the_coordinators(braid)
            braid.run("wait", run)
            stored = self.all_there(braid, "run")
            artifacts = braid.json("artifact", "list")["artifacts"]
            for artifact in artifacts:
                braid.run("artifact", "verify", artifact["id"])
            # What comes back is what went there, through the coordinator's memory alone.
            self.assertEqual(bucket_line(braid)["found"], "s3://models/run has all files")
            model = next(one for one in artifacts if one["kind"] == "checkpoint")
            folder = os.path.join(braid.folder, "model")
            braid.run("artifact", "get", model["id"], "--out", folder)
            for name in os.listdir(folder):
                self.assertIn(digest_of(os.path.join(folder, name)), stored)
            self.secret_is_nowhere(braid)
            self.bytes_that_have_changed_are_found(braid, model, folder)
            self.a_backup_has_all_of_it(braid, stored)
            self.what_nothing_needs_goes(braid, run)

    def secret_is_the_coordinators(self, braid):
        """Neither a worker nor a task has it, and no command line."""
        secret = KEYS["writer"][1].encode()
        self.assertTrue(braid.processes("braid-trainer"))
        for pid in braid.processes():
            self.assertNotIn(secret, content(f"/proc/{pid}/cmdline"))
        for name in ("braid-worker", "braid-trainer"):
            for pid in braid.processes(name):
                self.assertNotIn(secret, content(f"/proc/{pid}/environ"), name)

    def secret_is_nowhere(self, braid, who="writer"):
        for folder, _, names in os.walk(os.path.join(braid.folder, "state")):
            for name in names:
                self.assertNotIn(KEYS[who][1].encode(), content(os.path.join(folder, name)))

    def bytes_that_have_changed_are_found(self, braid, model, folder):
        largest = max(
            os.listdir(folder), key=lambda name: os.path.getsize(os.path.join(folder, name))
        )
        digest = digest_of(os.path.join(folder, largest))
        key = f"run/{digest[:2]}/{digest}"
        size = os.path.getsize(os.path.join(folder, largest))
        self.assertTrue(self.bed.put(key, b"x" * size))
        wrong = braid.run("artifact", "verify", model["id"], code=None)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn(f"blob {digest} has changed in s3://models/run; send it again", wrong.stderr)
        braid.run("artifact", "put", folder)
        self.all_there(braid, "run")
        braid.run("artifact", "verify", model["id"])

    def a_backup_has_all_of_it(self, braid, stored):
        backup = os.path.join(braid.folder, "backup")
        said = braid.run("server", "backup", backup, "--with-blobs").stderr
        self.assertIn("blobs are in s3://models/run and now here, too", said)
        found = {name for _, _, names in os.walk(os.path.join(backup, "store")) for name in names}
        # The bucket may still have files of checkpoints that newer ones have replaced.
        needed = set()
        for number, one in enumerate(braid.json("artifact", "list")["artifacts"]):
            folder = os.path.join(braid.folder, f"got-{number}")
            got = braid.json("artifact", "get", one["id"], "--out", folder)
            needed |= {file["sha256"] for file in json.loads(got["manifestJson"])["files"]}
        self.assertTrue(needed & stored)
        self.assertLessEqual(needed, found)

    def what_nothing_needs_goes(self, braid, run):
        before = self.bed.objects("run")
        braid.run("run", "delete", run, "--yes")
        braid.run("gc")
        self.assertLess(len(self.bed.objects("run")), len(before) / 2)
        for artifact in braid.json("artifact", "list")["artifacts"]:
            braid.run("artifact", "verify", artifact["id"])

    def test_workers_read_from_the_bucket_themselves(self):
        between = Between(self.bed)
        self.addCleanup(between.close)
        with self.service("direct", endpoint=between.endpoint) as braid:
            whole = self.prepare_again(braid, "first")
            self.assertEqual(moved(braid), {"direct": whole, "fetched": 0})
            # The line is cut, and then nothing passes: the coordinator sends the rest.
            between.cut([200_000, 0])
            more = self.prepare_again(braid, "second")
            self.assertGreater(moved(braid)["direct"], whole)
            self.assertGreater(moved(braid)["fetched"], 0)
            self.assertEqual(sum(moved(braid).values()), whole + more)
            table = braid.run("site", "list").stdout
            self.assertIn("DIRECT", table)
            log = content(os.path.join(braid.folder, "state/logs/worker-1.log")).decode()
            self.assertEqual(log.count("files come through the coordinator"), 1, log)
            self.assertIn(between.endpoint, log)
            for folder, _, names in os.walk(os.path.join(braid.folder, "state")):
                for name in names:
                    self.assertNotIn(b"X-Amz-", content(os.path.join(folder, name)), name)

    def test_workers_write_to_the_bucket_themselves(self):
        between = Between(self.bed)
        self.addCleanup(between.close)
        with self.service("sent", endpoint=between.endpoint, more="&part=5MiB") as braid:
            between.hold(7 << 20)
            run = self.train_a_large_model(braid, steps=2)
            wait_until(between.holds.is_set, "a worker to be in the middle of a file")
            # What it has sent is there, and is not sent again.
            self.kill_coordinator(braid)
            between.release()
            braid.run("wait", run)
            large = self.large_files(braid)
            self.assertGreater(max(large.values()), 10 << 20, "three parts")
            self.assertLess(between.sent, sum(large.values()) + (4 << 20))
            wait_until(lambda: models_moved(braid)["direct"], "its bytes to be counted")
            self.assertEqual(models_moved(braid)["direct"], sum(large.values()))
            self.assertLess(models_moved(braid)["sent"], 1 << 20)
            self.assertEqual(self.all_there(braid, "sent") & set(large), set(large))
            self.assertFalse(self.bed.unfinished("sent"))
            # Where nothing passes, the coordinator takes it.
            between.cut([0, 0])
            braid.run("wait", self.train_a_large_model(braid, steps=3))
            more = {key: size for key, size in self.large_files(braid).items() if key not in large}
            self.assertTrue(more)
            wait_until(
                lambda: models_moved(braid)["sent"] > sum(more.values()), "its bytes to be counted"
            )
            self.assertEqual(models_moved(braid)["direct"], sum(large.values()))
            self.assertEqual(self.all_there(braid, "sent") & set(more), set(more))
            log = content(os.path.join(braid.folder, "state/logs/worker-1.log")).decode()
            self.assertEqual(
                log.count("files go through the coordinator, and not directly"), 1, log
            )
            for folder, _, names in os.walk(os.path.join(braid.folder, "state")):
                for name in names:
                    self.assertNotIn(b"X-Amz-", content(os.path.join(folder, name)), name)

    @staticmethod
    def train_a_large_model(braid, steps):
        text = RECIPE.replace("corpus: tales, d: 16", "corpus: tales, d: 192")
        recipe = write_recipe(braid.folder, by_hand.small_texts(), steps, text=text)
        return braid.submit(recipe, "--only", "path_tales")

    @staticmethod
    def large_files(braid):
        """Those of checkpoints that workers send themselves, by their digests."""
        found = {}
        for one in braid.json("artifact", "list")["artifacts"]:
            if one["kind"] == "checkpoint":
                manifest = called(braid, "Artifacts/GetArtifact", {"id": one["id"]})["manifestJson"]
                for file in json.loads(manifest)["files"]:
                    if int(file["size"]) >= 1 << 20:
                        found[file["sha256"]] = int(file["size"])
        return found

    def prepare_again(self, braid, name):
        """A worker prepares other texts, which are in the bucket before it asks for them. Their bytes, of which the
        next call of `moved` has all."""
        texts = {
            corpus: [f"{name} {document}" for document in documents] * 10
            for corpus, documents in by_hand.small_texts().items()
        }
        recipe = write_recipe(braid.folder, texts, steps=4)
        size = sum(os.path.getsize(os.path.join(braid.folder, f"{one}.jsonl")) for one in texts)
        before = sum(moved(braid).values())
        with stopped(braid.processes("braid-worker")):
            run = braid.submit(recipe, "--only", "prepare:tales")
            self.all_there(braid, "direct")
        braid.run("wait", run)
        wait_until(lambda: sum(moved(braid).values()) >= before + size, "all bytes to be counted")
        return size

    def test_coordinator_and_bucket_are_killed(self):
        with self.service("killed") as braid:
            self.addCleanup(self.ensure_up)
            folder = os.path.join(braid.folder, "large")
            os.mkdir(folder)
            with open(os.path.join(folder, "large.bin"), "wb") as file:
                file.write(os.urandom(40 << 20))  # more than one part
            # The server stands still in the middle of an upload, and is killed there.
            with stopped([self.bed.process.pid]):
                braid.run("artifact", "put", folder, "--kind", "source")
                wait_until(self.bed.reads_nothing_of, "an upload to begin")
                self.bed.kill()
            wait_until(lambda: bucket_state(braid).get("bucketError"), "the bucket to be missed")
            line = bucket_line(braid)
            self.assertEqual(line["verdict"], "error")
            self.assertIn("s3://models/killed: ", line["found"])
            self.assertRegex(
                line["advice"],
                r"\d+ files \(4\d.* MiB\) wait on the coordinator's disk until that is mended",
            )
            # Neither a coordinator that begins anew nor a run needs it.
            self.kill_coordinator(braid)
            braid.run("submit", self.recipe(braid), "--only", "path_tales", "--watch")
            self.bed.start()
            self.all_there(braid, "killed")
            for artifact in braid.json("artifact", "list")["artifacts"]:
                braid.run("artifact", "verify", artifact["id"])
            self.keys_are_read_again_after_a_refusal(braid)

    def kill_coordinator(self, braid):
        (coordinator,) = braid.processes("braid-coordinator")
        os.kill(coordinator, signal.SIGKILL)
        wait_until(
            lambda: braid.processes("braid-coordinator") not in ([], [coordinator]),
            "another coordinator",
        )
        braid.wait_ready()

    def keys_are_read_again_after_a_refusal(self, braid):
        write_keys(self.keys, "reader")
        self.kill_coordinator(braid)
        folder = os.path.join(braid.folder, "words")
        os.mkdir(folder)
        with open(os.path.join(folder, "words.txt"), "w", encoding="utf-8") as file:
            file.write("words")
        put = braid.run("artifact", "put", folder, "--kind", "source").stdout.strip()
        error = wait_until(lambda: bucket_state(braid).get("bucketError"), "the refusal")
        self.assertIn("refused (HTTP 403 AccessDenied): access key AKIDREADER needs", error)
        write_keys(self.keys, "writer")
        self.all_there(braid, "killed")
        braid.run("artifact", "verify", put)

    def test_workers_fetch_corpora_from_a_bucket_and_from_the_web(self):
        texts = by_hand.small_texts()
        rows = {
            name: [json.dumps({"text": document}) + "\n" for document in documents]
            for name, documents in texts.items()
        }
        first, second = (
            "".join(rows["tales"][:200]).encode(),
            gzip.compress("".join(rows["tales"][200:]).encode(), mtime=0),
        )
        for key, body in (
            ("texts/part-0.jsonl", first),
            ("texts/lang=en/part 1.jsonl.gz", second),
            ("texts/notes.txt", b"no rows"),
        ):
            self.assertTrue(self.bed.put(key, body))
        service = Service(workers=1, slots=2, words=("--fetch-from", "127.0.0.1"))
        server = Server(service.folder)
        self.addCleanup(server.close)
        sums = "".join(rows["sums"]).encode()
        keys = os.path.join(service.folder, "keys")
        write_keys(keys, "reader")
        for name in list(service.environment):
            if name.startswith("AWS_") or "proxy" in name.lower():
                del service.environment[name]
        service.environment["AWS_SHARED_CREDENTIALS_FILE"] = keys
        service.environment["CURL_CA_BUNDLE"] = server.certificate
        files = {
            "tales": f"'s3://models/texts/**/part*?endpoint={self.bed.endpoint}'",
            "sums": f"'{server.put('sums.jsonl', sums)}'",
        }
        text = RECIPE
        for name, url in files.items():
            text = text.replace(f"[{name}.jsonl]", f"[{url}]")
        with service as braid:
            recipe = write_recipe(braid.folder, {}, steps=4, text=text)
            self.assertIn("corpora.tales.files: 2 files, ", braid.run("plan", recipe).stdout)
            run = braid.submit(recipe, "--only", "prepare:tales", "--only", "prepare:sums")
            braid.run("wait", run)
            artifacts = braid.json("artifact", "list")["artifacts"]
            read = {}
            for number, one in enumerate(one for one in artifacts if one["kind"] == "shards"):
                folder = os.path.join(braid.folder, f"shards-{number}")
                braid.run("artifact", "get", one["id"], "--out", folder)
                with open(os.path.join(folder, "shards.json"), encoding="utf-8") as file:
                    shards = json.load(file)
                read[shards["corpus"]] = {
                    source["url"].split("?")[0]: (source["sha256"], source["size"])
                    for source in shards["sources"]
                }
                self.assertEqual(
                    shards["documents"] + shards["validation_documents"],
                    len(texts[shards["corpus"]]),
                )
            self.assertEqual(
                read,
                {
                    "tales": {
                        "s3://models/texts/part-0.jsonl": sized(first),
                        "s3://models/texts/lang=en/part 1.jsonl.gz": sized(second),
                    },
                    "sums": {server.url("sums.jsonl"): sized(sums)},
                },
            )
            # What was read went from there to the worker alone.
            for one in artifacts:
                if one["kind"] != "source":
                    continue
                folder = os.path.join(braid.folder, "source-" + one["id"])
                braid.run("artifact", "get", one["id"], "--out", folder)
                self.assertEqual(os.listdir(folder), ["braid_remote_files.json"])
            self.secret_is_nowhere(braid, "reader")
            wrong = braid.run("check", self.without_objects(recipe), code=1).stdout
            self.assertIn("s3://models: reading texts/none.jsonl: not there (HTTP 404", wrong)

    @staticmethod
    def without_objects(recipe):
        with open(recipe, encoding="utf-8") as file:
            text = file.read()
        with open(recipe, "w", encoding="utf-8") as file:
            file.write(text.replace("**/part*", "none.jsonl"))
        return recipe

    def ensure_up(self):
        if self.bed.process.poll() is not None:
            self.bed.start()

    @staticmethod
    def recipe(braid):
        return write_recipe(braid.folder, by_hand.small_texts(), steps=4)

    def test_the_server_compares_digests(self):
        """What braid relies on, whole and in parts."""
        wrong = base64.b64encode(b"0" * 32).decode()
        client = self.bed.client
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "BadDigest"):
            client.put_object(Bucket="models", Key="wrong", Body=b"x", ChecksumSHA256=wrong)
        begun = client.create_multipart_upload(
            Bucket="models", Key="wrong", ChecksumAlgorithm="SHA256"
        )
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "BadDigest"):
            client.upload_part(
                Bucket="models",
                Key="wrong",
                UploadId=begun["UploadId"],
                PartNumber=1,
                Body=b"x",
                ChecksumSHA256=wrong,
            )

    def test_a_bucket_that_cannot_be_used_is_refused_at_the_start(self):
        for who, address, why in (
            ("writer", "/mnt/blobs", "no address of a bucket; expected s3://bucket/prefix"),
            ("writer", self.bed.url("x").replace("models", "nobody"), "no bucket nobody at http:"),
            (
                "reader",
                self.bed.url("x"),
                "access key AKIDREADER needs s3:ListBucket, s3:GetObject",
            ),
        ):
            service = self.service("x", who)
            self.addCleanup(shutil.rmtree, service.folder)
            state = os.path.join(service.folder, "state")
            done = subprocess.run(
                [program("braid-coordinator"), "--dir", state, "--blobs", address],
                env=service.environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
