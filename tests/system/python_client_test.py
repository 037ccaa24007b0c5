#!/usr/bin/env python3
"""The Python client as a wheel in an environment of its own, against a real `braid up`."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import by_hand
from service import Service, write_recipe

SOURCE = by_hand.SOURCE_DIR
CLIENT = os.path.join(SOURCE, "clients", "python")
sys.dont_write_bytecode = True  # nothing is written beside the sources
RECIPE = """run: pair
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
  sums: {files: ["su*.jsonl"], text: text}
validation: {documents: 0.1}
sequence: 32
paths:
  - {name: path_tales, corpus: tales, d: 16, heads: 2, blocks: 1}
  - {name: path_sums, corpus: sums, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 4, sequences: 4}}
"""


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=280, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def examples():
    """The code of docs/python.md, as one program."""
    with open(os.path.join(SOURCE, "docs", "python.md"), encoding="utf-8") as file:
        return "\n".join(re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL))


class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="braid client ")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        # Built from a copy: the source folder may not be this user's to write.
        wheels = os.path.join(cls.folder, "wheels")
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", wheels, CLIENT)  # fmt: skip
        (cls.wheel,) = glob.glob(os.path.join(wheels, "*.whl"))
        cls.environment = os.path.join(cls.folder, "environment")
        run(sys.executable, "-m", "venv", "--without-pip", cls.environment)
        cls.python = os.path.join(cls.environment, "bin", "python")
        run(sys.executable, "-m", "pip", "--python", cls.python, "install", "--quiet", "--no-deps",
            "--disable-pip-version-check", "--no-index", cls.wheel)  # fmt: skip
        cls.service = Service(workers=2)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        cls.service.start()
        texts = by_hand.small_texts()
        texts = {corpus: texts[corpus] for corpus in ("tales", "sums")}
        write_recipe(cls.service.folder, texts, 6, 6, RECIPE)

    def environ(self, **more):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
        state = os.path.join(self.service.folder, "state")
        path = os.path.join(by_hand.BINARY_DIR, "bin") + os.pathsep + clean["PATH"]
        return {**clean, "PATH": path, "PYTHONUTF8": "1", "BRAID_DIR": state, **more}

    def program(self, text, **more):
        """What a program prints in the fresh environment, where pandas is not."""
        return run(self.python, "-c", text, env=self.environ(**more), cwd=self.service.folder)

    def error(self, text, **more):
        return self.program(
            "import braid_client\nclient = braid_client.Client()\ntry:\n    "
            + text
            + "\nexcept braid_client.BraidError as error:\n"
            "    print(type(error).__name__, error.code, error.reason, error, sep='|')",
            **more,
        ).strip()

    def test_the_wheel_is_what_it_says(self):
        self.assertRegex(os.path.basename(self.wheel), r"^braid_client-[\d.]+-py3-none-any\.whl$")
        with open(os.path.join(SOURCE, "base", "version.h"), encoding="utf-8") as file:
            version = re.search(r'kVersion\[\] = "([^"]+)"', file.read()).group(1)
        installed = self.program(
            "import importlib.metadata as m, braid_client as b, os;"
            "print(m.version('braid-client'), b.__version__, m.requires('braid-client'),"
            " os.path.exists(os.path.join(os.path.dirname(b.__file__), 'py.typed')))"
        )
        self.assertRegex(installed, rf"^{version} {version} .*True$")
        self.assertNotRegex(installed, r"'[a-z]+>=[\d.]+'(?! ; extra)")

    def test_the_types_are_made_of_the_description_of_the_api(self):
        made = run(sys.executable, os.path.join(CLIENT, "make_types.py"), "--print")
        with open(
            os.path.join(CLIENT, "src", "braid_client", "types.py"), encoding="utf-8"
        ) as file:
            self.assertEqual(file.read(), made, "clients/python/make_types.py writes it anew")

    def test_the_types_hold(self):
        cache = os.path.join(self.folder, "mypy")
        run(sys.executable, "-m", "mypy", "--cache-dir", cache, "--no-error-summary", cwd=CLIENT)

    def test_the_examples_of_the_manual_run(self):
        """With pandas and pyarrow, which stand beside the test; everything else is the fresh wheel."""
        (site,) = glob.glob(os.path.join(self.environment, "lib", "python3*", "site-packages"))
        said = run(
            sys.executable,
            "-c",
            examples(),
            env=self.environ(PYTHONPATH=site),
            cwd=self.service.folder,
        )
        self.assertIn("RUN_SUCCEEDED ['tokenizer'", said)
        self.assertIn("ADMIN", said)
        self.assertRegex(said, r"\n6 \d")  # the last step of the training
        self.assertRegex(said, r"\n\d+ run\.succeeded")
        self.assertRegex(said, r"(?m)^model\.safetensors \d+$")
        self.assertIn("checkpoint', 'shards'", said)
        self.assertRegex(said, r"\(\d\.\d+, 'RUN_SUCCEEDED'\)")
        self.assertIn("NOT_FOUND there is no run nobody", said)
        self.assertRegex(said, r"\nthe owner DrainWorker worker-2 OK\n")
        self.assertRegex(said, r"\nuser \S+ \d+ \d+\n")
        model = os.path.join(self.service.folder, "model")
        self.assertEqual(
            {name for name in os.listdir(model) if name.endswith(".part")}, set(), "parts are left"
        )
        pages = glob.glob(os.path.join(self.service.folder, "reports", "r-*", "report.html"))
        self.assertEqual(len(pages), 1)
        sample = self.service.json(
            "generate", os.path.basename(os.path.dirname(pages[0])) + "/path_tales",
            "Once upon a time", "--tokens", "12", "--temperature", "0.8", "--seed", "1",
        )  # fmt: skip
        # Whatever it says: where it is read, all ends of lines are one.
        whole = (sample["prompt"] + sample["text"]).replace("\r\n", "\n").replace("\r", "\n")
        self.assertIn("\n" + whole + "\n[(", said)

    def test_metrics_are_exported(self):
        said = self.program(
            "import braid_client, csv, os, subprocess, sys\n"
            "from braid_client import export\n"
            "client = braid_client.Client()\n"
            "run = client.submit('recipe.yaml', only=['path_sums'])\n"
            "client.wait(run.id, check=True)\n"
            "script = os.path.join(os.path.dirname(sys.executable), 'braid-export')\n"
            "words = [script, '--csv', 'csv', run.id]\n"
            "print(subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip())\n"
            "rows = list(csv.DictReader(open('csv/path_sums.csv', newline='')))\n"
            "metrics = client.metrics(run.id, 'path_sums', ['loss'])\n"
            "print([float(row['loss']) for row in rows] == metrics.column('loss'), len(rows))\n"
            "print(metrics[-1].step, metrics[2:4].steps, metrics)\n"
            "print([row['validation/all'] != '' for row in rows])\n"
            "print(export.main(['--csv', 'csv', 'nobody']))\n"
        ).splitlines()
        self.assertEqual(said[0], os.path.join("csv", "path_sums.csv"))
        self.assertEqual(said[1:3], ["True 6", "6 [3, 4] <Metrics of 6 steps: loss>"])
        self.assertEqual(said[3], "[False, False, False, True, False, True]")
        self.assertEqual(said[4], "1")

    def test_a_damaged_download_is_refused_and_one_that_was_cut_goes_on(self):
        said = self.program(
            "import braid_client, os, pathlib\n"
            "client = braid_client.Client()\n"
            "pathlib.Path('big.txt').write_bytes(bytes(range(256)) * 20000)\n"
            "made = client.put('big.txt', name='big')\n"
            "pathlib.Path('there').mkdir()\n"
            "part = pathlib.Path('there/big.txt.part')\n"
            "part.write_bytes(bytes(range(256)) * 100)\n"
            "heard = []\n"
            "client.download(made.id, 'there', progress=lambda done, all: heard.append(done))\n"
            "print(heard[0] > 256 * 100, heard[-1], part.exists())\n"
            "print(pathlib.Path('there/big.txt').read_bytes() == pathlib.Path('big.txt').read_bytes())\n"
            "pathlib.Path('there/big.txt').unlink()\n"
            "part.write_bytes(b'wrong')\n"
            "try:\n"
            "    client.download(made.id, 'there')\n"
            "except braid_client.DataLoss as error:\n"
            "    print(error.reason, error, part.exists())\n"
            "print(client.verify(made.id).files, client.put('big.txt', name='big').id == made.id)\n"
        ).splitlines()
        self.assertEqual(said[0], f"True {256 * 20000} False")
        self.assertEqual(said[1], "True")
        self.assertRegex(
            said[2], r"^DIGEST_MISMATCH there/big\.txt: what came has SHA-256 .* False$"
        )
        self.assertEqual(said[3], "1 True")

    def test_errors_say_what_to_do(self):
        wrong = os.path.join(self.folder, "wrong")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("f" * 64)
        self.assertRegex(
            self.error("client.server()", BRAID_TOKEN_FILE=wrong),
            r"^Unauthenticated\|UNAUTHENTICATED\|\|the coordinator at http://127\.0\.0\.1:\d+: .*"
            r"the token is not this coordinator's.*\(the token of .*wrong was sent\)$",
        )
        nowhere = os.path.join(self.folder, "nowhere")
        self.assertEqual(
            self.error("client.server()", BRAID_DIR=nowhere),
            f"Unavailable|UNAVAILABLE||no coordinator: {nowhere}/address.json is not there; start one "
            "with braid up, or give url= (BRAID_HTTP) and token_file= (BRAID_TOKEN_FILE)",
        )
        self.assertRegex(
            self.error("braid_client.Client('127.0.0.1:1', retry_s=0).server()"),
            r"^Unavailable\|.*no coordinator answers at http://127\.0\.0\.1:1 \(.*refused.*\); is it up\?",
        )
        self.assertRegex(
            self.error("braid_client.Client('http://example.org:80').server()"),
            r"^PermissionDenied\|.*is not a loopback address, .* come through an SSH tunnel",
        )
        # An address of its own is never sent the token of the state folder.
        self.assertRegex(
            self.error(
                "braid_client.Client('localhost:' + client._transport.endpoint().url.rsplit(':')[-1]).server()"
            ),
            r"^Unauthenticated\|.*no token was sent.*\(nothing here names a token's file",
        )
        self.assertRegex(
            self.error("client.cancel('nobody')"),
            r"^NotFound\|NOT_FOUND\|NOT_FOUND\|there is no run nobody",
        )
        self.assertIn("pip install 'braid-client[pandas]'", self.program(
            "import braid_client\ntry:\n    braid_client.Metrics([]).to_pandas()\n"
            "except ImportError as error:\n    print(error)"))  # fmt: skip

    def test_a_run_is_paused_and_resumed(self):
        workers = ("worker-1", "worker-2")
        for worker in workers:  # so that the run cannot end meanwhile
            self.service.run("worker", "cordon", worker)
        try:
            said = self.program(
                "import asyncio, braid_client\n"
                "client = braid_client.Client()\n"
                "run = client.submit('recipe.yaml', tags=['first'])\n"
                "print(client.tag(run.id, ['a b'], ['never']).tags)\n"
                "print([one.id == run.id for one in client.runs(tags=['a b', 'first'])])\n"
                "loads = client.worker_loads(['nobody'])\n"
                "print(loads.piece_interval_ms, loads.workers)\n"
                "try:\n    client.tag(run.id, 'a b')\n"
                "except TypeError as error:\n    print(error)\n"
                "paused = client.pause(run.id, 'it is night')\n"
                "print(paused.state, paused.paused_ms > 0, paused.pause_reason)\n"
                "print({job.pending for job in paused.jobs if job.state == 'JOB_QUEUED'})\n"
                "resumed = client.resume(run.id)\n"
                "print(resumed.paused_ms, repr(resumed.pause_reason))\n"
                "async def again():\n"
                "    async with braid_client.AsyncClient() as other:\n"
                "        print((await other.tag(run.id, remove=['first'])).tags,"
                " [one.tags for one in await other.runs(tags=['a b'])])\n"
                "        print((await other.pause(run.id)).paused_ms > 0,"
                " (await other.resume(run.id)).paused_ms)\n"
                "asyncio.run(again())\n"
                "client.cancel(run.id)\n"
            )
        finally:
            for worker in workers:
                self.service.run("worker", "cordon", worker, "--open")
        self.assertEqual(
            said.splitlines(),
            [
                "['a b', 'first']",
                "[True]",
                "30000 []",
                "give a list of words, not the word 'a b' alone",
                "RUN_ACTIVE True it is night",
                "{'RUN_PAUSED'}",
                "0 ''",
                "['a b'] [['a b']]",
                "True 0",
            ],
        )

    def test_a_model_says_something_here(self):
        said = self.program(
            "import asyncio, braid_client, os, pathlib\n"
            "client = braid_client.Client()\n"
            "run = client.submit('recipe.yaml', only=['path_sums'])\n"
            "run = client.wait(run.id, check=True)\n"
            "model = run.id + '/path_sums'\n"
            "sample = client.generate(model, '--two', tokens=5)\n"
            "print(repr(str(sample)), sample.prompt == '--two', len(sample.next) > 1)\n"
            "async def again():\n"
            "    async with braid_client.AsyncClient() as other:\n"
            "        return await other.generate(model, '--two', tokens=5)\n"
            "print(asyncio.run(again()) == sample)\n"
            "kept = client.fetch_model(model)\n"
            "print(kept.parent.name, sorted(path.name for path in kept.iterdir()))\n"
            "nobody = braid_client.Client('127.0.0.1:1', retry_s=0)\n"
            "print(nobody.generate(kept, '--two', tokens=5) == sample)\n"
            "shards = run.job('prepare:sums').outputs['shards']\n"
            "os.environ['PATH'] = '/nowhere'\n"
            "for words in ({'model': shards}, {'tokens': 0, 'program': os.environ['BRAID']},"
            " {}, {'program': '/nowhere/braid'}, {'model': 'nothing'}):\n"
            "    try:\n"
            "        client.generate(**{'model': model, 'prompt': 'a', **words})\n"
            "    except braid_client.BraidError as error:\n"
            "        print(type(error).__name__, error)\n",
            BRAID=by_hand.program("braid"),
        ).splitlines()
        self.assertRegex(said[0], r"^['\"]--two.* True True$")
        self.assertEqual(said[1], "True")
        self.assertEqual(
            said[2], "models ['config.json', 'model.safetensors', 'state.json', 'tokenizer.json']"
        )
        self.assertEqual(said[3], "True")
        self.assertRegex(
            said[4], r"^InvalidArgument artifact [0-9a-f]+ is of kind shards, not a checkp"
        )
        self.assertRegex(said[5], r"^InvalidArgument braid generate: --tokens: .*1.*100000")
        self.assertRegex(
            said[6],
            r"^NotFound a model is run by the program braid on this machine, which is neither in "
            r".*bin nor in PATH: pip install braid-service, or name it with program=$",
        )
        self.assertEqual(said[7], "NotFound /nowhere/braid is no program that can be started")
        self.assertRegex(said[8], r"^InvalidArgument artifact nothing: give the id")

    def test_a_service_is_kept(self):
        """Workers, tokens and the log of changes, with the errors that people meet there."""
        said = self.program(
            "import asyncio, braid_client, datetime, os, pathlib\n"
            "from braid_client import _service\n"
            "client = braid_client.Client()\n"
            "print(client.cordon('worker-1').admit, client.uncordon('worker-1').admit,"
            " client.drain('worker-1').admit, client.uncordon('worker-1').admit,"
            " client.release('worker-1').admit)\n"
            "hour = datetime.timedelta(hours=1)\n"
            "made = client.create_token('vera', 'viewer', lifetime=hour, file='kept.token')\n"
            "print(oct(os.stat('kept.token').st_mode & 0o777), made.secret in repr(made),"
            " pathlib.Path('kept.token').read_text() == made.secret + '\\n')\n"
            "credential = made.credential\n"
            "print(credential.expires_ms - credential.created_ms, credential.role)\n"
            "print([one.name for one in client.tokens() if one.id == credential.id])\n"
            "vera = braid_client.Client(client._transport.endpoint().url, token=made.secret)\n"
            "def fails(work):\n"
            "    try:\n"
            "        work()\n"
            "    except braid_client.BraidError as error:\n"
            "        print(type(error).__name__, error)\n"
            "print(vera.whoami().name)\n"
            "fails(lambda: vera.drain('worker-1'))\n"
            "fails(lambda: vera.create_token('eve', 'admin', file='eve.token'))\n"
            "print(os.path.exists('eve.token'))\n"
            "fails(lambda: client.create_token('eve', 'queen'))\n"
            "fails(lambda: client.create_token('eve', lifetime=-hour))\n"
            "fails(lambda: client.create_token('eve', file='kept.token'))\n"
            "print(client.revoke_token('vera').id == credential.id)\n"
            "fails(vera.whoami)\n"
            "begin = datetime.datetime.now(datetime.timezone.utc) - hour\n"
            "rows = client.audit(user='vera', since=begin)\n"
            "print([(row.call, row.outcome) for row in rows])\n"
            "print(client.audit(user='vera', until=begin))\n"
            "_service._ROWS = 2\n"
            "print([row.object for row in client.audit(object='worker-1', limit=3)])\n"
            "async def quotas():\n"
            "    async with braid_client.AsyncClient() as other:\n"
            "        print({one.kind for one in await other.quotas()} <= {'user', 'site'})\n"
            "        print((await other.cordon('worker-2')).admit,"
            " (await other.uncordon('worker-2')).admit)\n"
            "asyncio.run(quotas())\n"
        ).splitlines()
        self.assertRegex(
            said[0],  # what has nothing to stop is drained at once
            "^WORKER_CORDONED WORKER_OPEN WORKER_(DRAINING|CORDONED) WORKER_OPEN WORKER_OPEN$",
        )
        self.assertEqual(said[1:5], ["0o600 False True", "3600000 VIEWER", "['vera']", "vera"])
        self.assertRegex(said[5], "^PermissionDenied .*operator")
        self.assertRegex(said[6], "^PermissionDenied .*admin")
        self.assertEqual(
            said[7:12],
            [
                "False",
                "InvalidArgument role queen: there are viewer, submitter, operator, admin, worker",
                "InvalidArgument lifetime -1 day, 23:00:00: a token that is never good",
                "AlreadyExists kept.token is there already",
                "True",
            ],
        )
        self.assertRegex(said[12], "^Unauthenticated ")
        self.assertEqual(
            said[13:],
            [
                "[('CreateToken', 'PERMISSION_DENIED'), ('DrainWorker', 'PERMISSION_DENIED')]",
                "[]",
                "['worker-1', 'worker-1', 'worker-1']",
                "True",
                "WORKER_CORDONED WORKER_OPEN",
            ],
        )

    def test_a_refused_recipe_has_its_findings(self):
        good = RECIPE.replace("STEPS", "1").replace("EVERY", "1")
        with open(os.path.join(self.service.folder, "bad.yaml"), "w", encoding="utf-8") as file:
            file.write(good.replace("heads: 2", "heads: 3", 1).replace("sequence:", "sequenc:"))
        said = self.error(
            "try:\n        client.submit('bad.yaml')\n    except braid_client.RecipeRefused as error:\n"
            "        print([(one.line, one.field) for one in error.findings])\n        raise"
        ).splitlines()
        self.assertEqual(said[0], "[(7, 'sequenc'), (9, 'paths.0.heads')]")
        self.assertTrue(
            said[1].startswith("RecipeRefused|INVALID_ARGUMENT|INVALID_RECIPE|bad.yaml:7:1: ")
        )
        missing = good.replace("su*.jsonl", "no*.jsonl")
        self.assertRegex(
            self.error(f"client.submit(text={missing!r})"),
            r"RecipeRefused\|.*\|recipe\.yaml:5: source\.sums: no file matches .*no\*\.jsonl",
        )
        self.assertEqual(
            self.program(
                "import braid_client\n"
                f"found = braid_client.Client().check(text={missing!r}).findings\n"
                "print([one.missing for one in found if one.severity == 'ERROR'])"
            ).strip(),
            "[True]",
        )

    def test_what_it_is_answered_is_as_the_description_says(self):
        """The served description is that of docs/, and real answers fit its schemas."""
        import jsonschema

        status, text = self.service.http("/api/v1/openapi.json", headers={})
        self.assertEqual(status, 200)
        document = json.loads(text)
        with open(os.path.join(SOURCE, "docs", "openapi.json"), encoding="utf-8") as file:
            self.assertEqual(document, json.load(file))
        listed = json.loads(self.service.http("/api/v1")[1])["methods"]
        self.assertEqual(
            {one["path"] for one in listed} - set(document["paths"]), set(), "not described"
        )
        for path in (
            "Admin/GetServerInfo",
            "Admin/ListWorkers",
            "Runs/ListEvents",
            "Runs/ListRuns",
        ):
            answer = json.loads(self.service.http(f"/api/v1/{path}")[1])
            content = document["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]
            schema = {**content["application/json"]["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer)
            described = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            self.assertEqual(set(answer) - set(described["properties"]), set(), path)
        status, text = self.service.http("/api/v1/Runs/GetRun?id=nobody")
        self.assertEqual(status, 404)
        schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))


if __name__ == "__main__":
    unittest.main(verbosity=2)
