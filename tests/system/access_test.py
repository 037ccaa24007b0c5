#!/usr/bin/env python3
"""Who may do what on a machine with other people: state is private, calls need the token, files are read below data roots only."""

import json
import os
import signal
import stat
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from service import RECIPE, Service, content, wait_job, write_recipe


def open_to_others(folder):
    """Files and folders below that others could read, write or enter."""
    found = []
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(at, name)
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:
                continue  # what a job has left is removed a moment after its end
            if not stat.S_ISLNK(mode) and mode & 0o077:
                found.append((oct(mode), path))
    return found


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        before = os.umask(0)  # the most careless user
        cls.service = Service()
        cls.service.__enter__()
        os.umask(before)
        cls.recipe = write_recipe(cls.service.folder, by_hand.small_texts(), steps=30, every=10)

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def list_runs(self, *words, **environment):
        """`braid list runs` from elsewhere."""
        return subprocess.run(
            [program("braid"), *words, "list", "runs"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={**self.service.environment, **environment},
        )

    def test_state_is_private(self):
        state = os.path.join(self.service.folder, "state")
        self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o700)
        self.service.run("submit", self.recipe, "--only", "path_tales", "--watch")
        self.assertEqual(open_to_others(state), [])

    def test_commands_find_the_token_by_themselves(self):
        endpoint = self.service.endpoint()
        self.assertEqual(stat.S_IMODE(os.stat(endpoint["token_file"]).st_mode), 0o600)
        self.assertEqual(
            self.list_runs("--dir", os.path.join(self.service.folder, "state")).returncode, 0
        )
        for words in (
            ["--token-file", endpoint["token_file"]],
            ["--dir", os.path.join(self.service.folder, "state")],
        ):
            self.assertEqual(self.list_runs("--addr", endpoint["grpc"], *words).returncode, 0)
        self.assertEqual(
            self.list_runs(
                "--addr", endpoint["grpc"], BRAID_TOKEN_FILE=endpoint["token_file"]
            ).returncode,
            0,
        )

    def test_a_missing_or_wrong_token_is_named(self):
        endpoint = self.service.endpoint()
        done = self.list_runs("--addr", endpoint["grpc"], "--dir", self.service.folder)
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in (
            "no token was sent",
            endpoint["token_file"],
            "--token-file",
            "nothing here names a token's file for this address",
        ):
            self.assertIn(word, done.stderr)
        wrong = os.path.join(self.service.folder, "wrong")
        with open(wrong, "w", encoding="utf-8") as out:
            out.write("0" * 64)
        done = self.list_runs("--addr", endpoint["grpc"], "--token-file", wrong)
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in (
            "the token is not this coordinator's",
            endpoint["token_file"],
            f"the token of {wrong} was sent",
        ):
            self.assertIn(word, done.stderr)
        done = self.list_runs("--addr", endpoint["grpc"], "--token-file", wrong + ".none")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(wrong + ".none", done.stderr)
        with open(wrong, "w", encoding="utf-8") as out:
            out.write("short")
        self.assertIn(
            f"{wrong} does not hold a token",
            self.list_runs("--addr", endpoint["grpc"], "--token-file", wrong).stderr,
        )
        # A worker as well: it says so in its log, and goes on trying.
        with open(wrong, "w", encoding="utf-8") as out:
            out.write("0" * 64)
        folder = os.path.join(self.service.folder, "stranger")
        with open(folder + ".log", "w+", encoding="utf-8") as log:
            worker = subprocess.Popen(
                [
                    program("braid-worker"),
                    "--coordinator",
                    endpoint["grpc"],
                    "--token-file",
                    wrong,
                    "--dir",
                    folder,
                    "--id",
                    "stranger",
                ],
                stderr=log,
                env=self.service.environment,
                cwd=self.service.folder,
            )
            try:

                def said():
                    with open(folder + ".log", encoding="utf-8") as lines:
                        return "the token is not this coordinator's" in lines.read()

                wait_until(said, "the worker to say why")
            finally:
                worker.terminate()
                worker.wait(timeout=60)
        self.assertNotIn(
            "stranger", [worker["id"] for worker in self.service.json("worker", "list")["workers"]]
        )

    def test_http_needs_the_token_and_a_name_of_this_machine(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.service.http(path, headers={}), (200, "ok\n"))
        for path in ("/metrics", "/api/v1/runs", "/api/v1/runs/x"):
            code, said = self.service.http(path, headers={})
            self.assertEqual(code, 401)
            self.assertIn(self.service.endpoint()["token_file"], json.loads(said)["error"])
        self.assertIn("braid_workers", self.service.http("/metrics")[1])
        code, said = self.service.http("/healthz", headers={"Host": "evil.example"})
        self.assertEqual(code, 403)
        self.assertIn("--http-host", said)

    def test_a_request_that_is_no_utf8_harms_nobody(self):
        (pid,) = self.service.processes("braid-coordinator")
        for path in ("/api/v1/runs/%ff", "/api/v1/runs/%c0%af", "/%ff", "/metrics?%ff=%fe"):
            self.service.http(path)
        self.assertEqual(self.service.processes("braid-coordinator"), [pid])

    def test_the_token_is_told_to_nobody(self):
        run = self.service.submit(
            write_recipe(
                self.service.folder, by_hand.small_texts(), steps=10_000_000, name="long.yaml"
            ),
            "--only",
            "path_tales",
        )
        wait_job(
            self.service,
            run,
            "path_tales",
            lambda job: self.service.processes("braid-trainer"),
            "running",
        )
        token = self.service.token().encode()
        for pid in self.service.processes():
            for what in ("cmdline", "environ"):
                self.assertNotIn(token, content(f"/proc/{pid}/{what}"))
        (trainer,) = self.service.processes("braid-trainer")
        self.assertNotIn(b"BRAID_TOKEN", content(f"/proc/{trainer}/environ"))
        self.service.run("cancel", run)
        self.service.run("wait", run, "--timeout", "60s", code=11)
        holds = []
        for at, _, names in os.walk(self.service.folder):
            for name in names:
                if token in content(os.path.join(at, name)):
                    holds.append(os.path.join(at, name))
        self.assertEqual(holds, [self.service.endpoint()["token_file"]])

    def test_a_new_token_reaches_who_may_have_it(self):
        before = self.service.token()
        os.remove(self.service.endpoint()["token_file"])
        (pid,) = self.service.processes("braid-coordinator")
        os.kill(pid, signal.SIGKILL)
        self.service.wait_ready()
        self.assertNotEqual(self.service.token(), before)


class DataRoots(unittest.TestCase):
    def prepared(self, service, *files):
        """The job `prepare:tales` of a recipe that reads these files in place."""
        text = RECIPE.replace(
            "{files: [tales.jsonl], text: text}",
            "{site: local, files: [%s], text: text}" % ", ".join(f'"{file}"' for file in files),
        )
        path = write_recipe(
            service.folder, by_hand.small_texts(), steps=30, text=text, name="site.yaml"
        )
        run = service.run(
            "submit", path, "--only", "prepare:tales", "--watch", code=None
        ).stdout.strip()
        jobs = {job["name"]: job for job in service.json("describe", run)["jobs"]}
        failed = [job for job in jobs.values() if job["state"] == "JOB_FAILED"]
        return failed[0] if failed else jobs["prepare:tales"]

    def test_without_one_no_file_is_read_in_place(self):
        with Service(workers=1) as service:
            secret = os.path.join(service.folder, "secret.txt")
            with open(secret, "w", encoding="utf-8") as out:
                out.write("to be read by nobody " * 50)
            job = self.prepared(service, secret)
            self.assertEqual(job["state"], "JOB_FAILED")
            self.assertIn(secret, job["error"])
            self.assertIn("--data-root", job["error"])
            self.assertEqual(len(job["attempts"]), 1)

    def test_files_below_one_are_read_and_no_others(self):
        with Service(workers=1) as service:
            data, elsewhere = (
                os.path.join(service.folder, "data"),
                os.path.join(service.folder, "data-elsewhere"),
            )
            for folder in (data, elsewhere):
                os.makedirs(os.path.join(folder, "deep"))
                write_recipe(os.path.join(folder, "deep"), by_hand.small_texts(), steps=1)
            os.symlink(elsewhere, os.path.join(data, "out"))
            os.symlink(os.path.join(data, "deep"), os.path.join(data, "within"))
            self.assertTrue(service.stop())
            service.words = ("--data-root", os.path.join(service.folder, "none"))
            done = service.run("up", *service.words, code=1)
            self.assertIn("there is no such folder", done.stderr)
            service.words = ("--data-root", data)
            service.start()
            for file in (
                "deep/tales.jsonl",
                "**/tales.json*",
                "within/tales.jsonl",
                "deep/../deep/tales.jsonl",
            ):
                job = self.prepared(service, os.path.join(data, file))
                # A search that meets the link out of the root does not read half of it.
                self.assertEqual(
                    job["state"],
                    "JOB_FAILED" if file.startswith("*") else "JOB_SUCCEEDED",
                    (file, job.get("error")),
                )
            for file in (
                os.path.join(elsewhere, "deep", "tales.jsonl"),
                os.path.join(data, "out/deep/tales.jsonl"),
                os.path.join(data, "..", "data-elsewhere/deep/*.jsonl"),
                "/etc/host*",
                "/etc/passwd",
            ):
                job = self.prepared(service, file)
                self.assertEqual(job["state"], "JOB_FAILED", file)
                self.assertIn(
                    "is not below a data root of this worker (" + data + ")", job["error"]
                )


if __name__ == "__main__":
    unittest.main(verbosity=2)
