"""A coordinator and workers of one test: started from nothing in a folder of its own, found again by a mark in their
environment, and gone at the end."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
import uuid

from by_hand import program, wait_until

RECIPE = """run: small
tokenizer: {train: {vocab: 400}}
corpora:
  tales: {files: [tales.jsonl], text: text}
  sums:  {files: [sums.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
paths:
  - {name: path_tales, corpus: tales, d: 16, heads: 2, blocks: 2}
  - {name: path_sums, corpus: sums, d: 16, heads: 2, blocks: 2}
composites:
  - {name: both, connect: share}
baselines:
  - {name: dense, d: 32, heads: 4, blocks: 2}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 100, sequences: 4}}
joint: {ranks: 2}
evaluate:
  - loss: all
  - generate: {prompts: ["The red fox"], tokens: 8}
"""


def content(path):
    """The bytes of a file; none of one that is gone: processes end, and what a job has left is removed a moment after
    its end."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def write_recipe(folder, texts, steps, every=50, text=RECIPE, name="recipe.yaml"):
    for corpus, documents in texts.items():
        with open(os.path.join(folder, corpus + ".jsonl"), "w", encoding="utf-8") as out:
            out.writelines(json.dumps({"text": document}) + "\n" for document in documents)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text.replace("STEPS", str(steps)).replace("EVERY", str(every)))
    return path


class Braid:
    """The CLI against one state folder. `run` gives a CompletedProcess, `json` what a command prints."""

    def __init__(self, folder):
        self.folder, self.mark = folder, uuid.uuid4().hex
        self.environment = {**os.environ, "BRAID_TEST_MARK": self.mark}
        for name in ("BRAID_ADDR", "BRAID_DIR", "BRAID_OUTPUT", "BRAID_TOKEN_FILE"):
            self.environment.pop(name, None)

    def command(self, words):
        """What runs `braid words`."""
        return [program("braid"), "--dir", os.path.join(self.folder, "state"), *words]

    def run(self, *words, code=0, **more):
        """Runs `braid --dir ... words`; `code` is the exit code that must come, None for any."""
        done = subprocess.run(
            self.command(words),
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=300,
            **more,
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"braid {' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
            )
        return done

    def json(self, *words, **more):
        return json.loads(self.run("-o", "json", *words, **more).stdout)

    def submit(self, recipe, *words):
        return self.run("submit", recipe, *words).stdout.strip()

    def job(self, run, name):
        """The job, or {} while the coordinator does not answer."""
        done = self.run("-o", "json", "describe", run, name, code=None)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def metrics(self, run, job):
        """Step -> its line as printed: equal text is equal bits."""
        return self.points(self.run("-o", "json", "metrics", run, job).stdout)

    @staticmethod
    def points(lines):
        points = [json.loads(line) for line in lines.splitlines()]
        return {int(point["step"]): json.dumps(point["values"], sort_keys=True) for point in points}

    def endpoint(self):
        """What the coordinator says of itself: `grpc`, `http`, and `token_file` with its whole path."""
        state = os.path.join(self.folder, "state")
        with open(os.path.join(state, "address.json"), encoding="utf-8") as file:
            endpoint = json.load(file)
        return {**endpoint, "token_file": os.path.join(state, endpoint["token_file"])}

    def token(self):
        with open(self.endpoint()["token_file"], encoding="utf-8") as file:
            return file.read().strip()

    def authorization(self):
        """The pair that every call carries: metadata of gRPC, a header of HTTP."""
        return "authorization", "Bearer " + self.token()

    def http(self, path, headers=None, method="GET"):
        """Status and text of an answer; the token goes with it unless `headers` are given."""
        request = urllib.request.Request(
            "http://" + self.endpoint()["http"] + path,
            method=method,
            headers=dict([self.authorization()]) if headers is None else headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def start_command(self, *words):
        """A command that goes on while others run; finish_command gives what it printed."""
        output = tempfile.TemporaryFile("w+", dir=self.folder, encoding="utf-8")
        process = subprocess.Popen(
            [program("braid"), "--dir", os.path.join(self.folder, "state"), *words],
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        return process, output, words

    def finish_command(self, command, timeout_s=240):
        process, output, words = command
        with output:
            if process.wait(timeout=timeout_s) != 0:
                raise AssertionError(f"braid {' '.join(words)}: exit code {process.returncode}")
            output.seek(0)
            return output.read()

    def events(self):
        """All events, oldest first; the CLI prints one JSON object after another."""
        text, decoder, found, at = (
            self.run("-o", "json", "events").stdout,
            json.JSONDecoder(),
            [],
            0,
        )
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            event, at = decoder.raw_decode(text, at)
            found.append(event)
        return found

    def processes(self, name=None, words=()):
        """Pids of this test's processes, of one program perhaps, whose command line holds all `words`."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if self.mark.encode() not in file.read():
                        continue
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().decode().split("\0")
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if name and os.path.basename(command[0]) != name:
                continue
            if all(any(word in part for part in command) for word in words):
                found[int(entry)] = (parent, command)
        # Between fork and exec, a program that is being started still looks like the one that starts it.
        return [
            pid
            for pid, (parent, command) in found.items()
            if found.get(parent, (0, None))[1] != command
        ]


class Service(Braid):
    """`braid up` in the foreground, as a child of the test."""

    def __init__(self, workers=2, slots=1, words=()):
        super().__init__(tempfile.mkdtemp(prefix="braid-system-"))
        self.workers, self.slots, self.words, self.up = workers, slots, words, None

    def __enter__(self):
        self.start()
        return self

    def start(self):
        with open(os.path.join(self.folder, "up.log"), "a", encoding="utf-8") as log:
            self.up = subprocess.Popen(
                [
                    program("braid"),
                    "--dir",
                    os.path.join(self.folder, "state"),
                    "up",
                    "--workers",
                    str(self.workers),
                    "--slots",
                    str(self.slots),
                    *self.words,
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        self.wait_ready()

    def wait_ready(self):
        def ready():
            done = self.run("-o", "json", "worker", "list", code=None)
            if done.returncode != 0:
                return False
            listed = json.loads(done.stdout).get("workers", [])
            return sum(worker.get("link") == "WORKER_READY" for worker in listed) >= self.workers

        wait_until(ready, "coordinator and workers")

    def stop(self):
        """SIGTERM to `up`; true if it ended by itself with code 0."""
        self.up.send_signal(signal.SIGTERM)
        try:
            return self.up.wait(timeout=120) == 0
        except subprocess.TimeoutExpired:
            return False

    def __exit__(self, kind, *_):
        clean = self.stop() if self.up.poll() is None else True
        # Whatever the test itself killed before may still be ending.
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.processes(), "the last processes to end", timeout_s=10)
        left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if kind is not None or os.environ.get("BRAID_KEEP_TESTS"):
            print("state kept in", self.folder)
        else:
            shutil.rmtree(self.folder)
            assert clean, "braid up did not end cleanly on SIGTERM"
            assert not left, f"{len(left)} processes left behind"

    def up_log(self):
        with open(os.path.join(self.folder, "up.log"), encoding="utf-8") as file:
            return file.read()

    def log(self, name):
        with open(
            os.path.join(self.folder, "state", "logs", name + ".log"), encoding="utf-8"
        ) as file:
            return file.read()


@contextlib.contextmanager
def stopped(pids):
    """The processes make no progress inside the block, so that a fast machine does not end their training in it."""

    def send(number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    send(signal.SIGSTOP)
    try:
        yield
    finally:
        send(signal.SIGCONT)


def wait_job(braid, run, name, condition, what, timeout_s=240):
    """Polls a job until `condition(job)`; fails at once if the job has ended without it."""

    def check():
        job = braid.job(run, name)
        if job and condition(job):
            return job
        if job.get("state") in ("JOB_SUCCEEDED", "JOB_FAILED", "JOB_SKIPPED", "JOB_CANCELLED"):
            raise AssertionError(
                f"{name} ended as {job['state']} before {what}: {job.get('error')}"
            )
        return None

    return wait_until(check, f"{name}: {what}", timeout_s=timeout_s)
