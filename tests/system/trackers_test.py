#!/usr/bin/env python3
"""The metrics of a real run as CSV and in TensorBoard, MLflow, Weights & Biases and trackio, each written and read back by
its own package; and its model on a Hub."""

import csv
import glob
import json
import os
import struct
import subprocess
import sys
import unittest

import by_hand
from hold import held_at, prepare_holds
from hub_bed import Hub
from service import Service, write_recipe

sys.dont_write_bytecode = True  # nothing is written beside the sources
CLIENT = os.path.join(by_hand.SOURCE_DIR, "clients", "python", "src")
QUIET = {
    # MLflow would rather have a database, whose packages are large.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # Nothing tells its makers that it runs.
    "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
}


def wandb_records(path):
    """The records of a .wandb file: seven bytes of its own, then the log format of LevelDB."""
    from wandb.proto import wandb_internal_pb2

    with open(path, "rb") as file:
        data = file.read()
    at, whole, block = 7, b"", 32768
    while at + 7 <= len(data):
        if block - at % block < 7:  # no header fits: the rest of the block is empty
            at += block - at % block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


class Trackers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=1)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        prepare_holds(cls.service)
        cls.service.start()
        cls.folder = cls.service.folder
        texts = {corpus: by_hand.small_texts()[corpus] for corpus in ("tales", "sums")}
        recipe = write_recipe(cls.folder, texts, 30, 10)
        cls.store = "file://" + os.path.join(cls.folder, "ml runs")
        cls.offline = os.path.join(cls.folder, "w b")
        cls.tables = os.path.join(cls.folder, "tables")
        table = os.path.join(cls.tables, "path_tales.csv")
        with held_at(cls.service, "path_tales", 10):
            cls.run_id = cls.service.submit(recipe, "--only", "path_tales", "--only", "path_sums")
            # They begin before the training has ended, which stands still.
            cls.following = {
                name: cls.start("--" + name, where, "--follow", cls.run_id)
                for name, where in {
                    "wandb": cls.offline,
                    "trackio": "my project",
                    "csv": cls.tables,
                }.items()
            }
            cls.following["mlflow"] = cls.start_braid(
                "export", cls.run_id, "--mlflow", cls.store, "--follow"
            )
            cls.live = by_hand.wait_until(lambda: cls.rows(table), "rows while the training runs")
        cls.service.run("wait", cls.run_id)
        cls.points = {
            step: json.loads(values)
            for step, values in cls.service.metrics(cls.run_id, "path_tales").items()
        }

    @staticmethod
    def rows(path):
        """Step -> its values, of a table that may be growing, or not be there yet."""
        if not os.path.exists(path):
            return {}
        with open(path, newline="", encoding="utf-8") as file:
            whole = file.read().rpartition("\n")[0]  # a line may be half written
        read = {int(row.pop("step")): row for row in csv.DictReader(whole.splitlines())}
        return {
            step: {name: float(value) for name, value in row.items() if value}
            for step, row in read.items()
        }

    @classmethod
    def environ(cls):
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BRAID_", "MLFLOW_", "TRACKIO_", "WANDB_", "XDG_"))
        }
        return {
            **clean,
            "BRAID_DIR": os.path.join(cls.folder, "state"),
            "PYTHONPATH": CLIENT,
            "TRACKIO_DIR": os.path.join(cls.folder, "trackio"),
            "HOME": cls.folder,
            **QUIET,
        }

    @classmethod
    def start(cls, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "braid_client.export", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cls.folder,
            env=cls.environ(),
        )

    @classmethod
    def start_braid(cls, *words):
        """`braid` starts the Python that it finds, which is this one."""
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        environ = {**cls.environ(), "PATH": path}
        environ.pop("BRAID_DIR")
        environ.pop("VIRTUAL_ENV", None)
        return subprocess.Popen(
            cls.service.command(words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cls.folder,
            env=environ,
        )

    def finish(self, process, code=0):
        """What it prints: standard output, or standard error where it is to fail."""
        out, error = process.communicate(timeout=240)
        self.assertEqual(process.returncode, code, out + error)
        return out.splitlines() if code == 0 else error

    def refused(self, *words):
        return self.finish(self.start(*words), code=1)

    def test_csv(self):
        paths = self.finish(self.following["csv"])
        self.assertEqual(
            {os.path.relpath(path, self.tables) for path in paths},
            {"path_tales.csv", "path_sums.csv"},
        )
        self.assertEqual(set(os.listdir(self.tables)), {"path_tales.csv", "path_sums.csv"})
        # What stood there while the training was held, and had not ended.
        for step, values in self.live.items():
            self.assertEqual(values, self.points[step])
        self.assertEqual(self.rows(os.path.join(self.tables, "path_tales.csv")), self.points)
        self.assertLess(len(self.points[1]), len(self.points[30]))

    def test_mlflow(self):
        ids = self.finish(self.following["mlflow"])
        self.assertEqual(len(set(ids)), 2)
        os.environ.update(QUIET)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=self.store)
        runs = {run.info.run_name: run for run in map(client.get_run, ids)}
        self.assertEqual(set(runs), {"path_tales", "path_sums"})
        run = runs["path_tales"]
        run_id = run.info.run_id
        self.assertEqual(client.get_experiment(run.info.experiment_id).name, "small")
        self.assertEqual((run.info.run_name, run.info.status), ("path_tales", "FINISHED"))
        self.assertEqual(run.data.tags["braid.run"], self.run_id)
        self.assertEqual(run.data.params["train.optimizer.lr"], "0.002")
        read = {}
        for name in run.data.metrics:
            for metric in client.get_metric_history(run_id, name):
                read.setdefault(metric.step, {})[name] = metric.value
        self.assertEqual(read, self.points)
        again = self.refused("--mlflow", self.store, self.run_id)
        self.assertRegex(again, f"run {self.run_id} is in MLflow already, as run ({'|'.join(ids)})")

    def test_wandb(self):
        into = self.offline
        folders = self.finish(self.following["wandb"])
        self.assertEqual(len(folders), 2)
        (folder,) = (one for one in folders if one.endswith("path_tales"))
        (path,) = glob.glob(os.path.join(glob.escape(folder), "*.wandb"))
        read, run, ended = {}, None, None
        for record in wandb_records(path):
            if record.HasField("run"):
                run = record.run
            elif record.HasField("exit"):
                ended = record.exit.exit_code
            elif record.HasField("history"):
                items = {
                    "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                    for item in record.history.item
                }
                step = items.pop("_step")
                read[step] = {k: v for k, v in items.items() if not k.startswith("_")}
        self.assertEqual(
            (run.project, run.run_group, run.display_name), ("small", self.run_id, "path_tales")
        )
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        self.assertEqual(config["train.optimizer.lr"], 0.002)
        self.assertEqual(ended, 0)
        self.assertEqual(read, self.points)
        again = self.refused("--wandb", into, self.run_id)
        self.assertIn(f"run {self.run_id} is in {into} already", again)

    def test_trackio(self):
        names = self.finish(self.following["trackio"])
        name = f"{self.run_id} path_tales"
        self.assertEqual(set(names), {name, f"{self.run_id} path_sums"})
        read = subprocess.run(
            [
                sys.executable,
                "-c",
                "import trackio, json\n"
                "from trackio.sqlite_storage import SQLiteStorage\n"
                "(run,) = [r for r in trackio.Api().runs('my project') if 'tales' in r.name]\n"
                "print(json.dumps([run.config, SQLiteStorage.get_logs('my project', run.name)]))",
            ],
            capture_output=True,
            text=True,
            env=self.environ(),
        )
        self.assertEqual(read.returncode, 0, read.stderr)
        config, lines = json.loads(read.stdout)
        self.assertEqual(config["train.optimizer.lr"], 0.002)
        self.assertEqual(config["braid.job"], "path_tales")
        for line in lines:
            line.pop("timestamp")
        self.assertEqual({line.pop("step"): line for line in lines}, self.points)
        again = self.refused("--trackio", "my project", self.run_id)
        self.assertIn(f"run {self.run_id} is in project my project of trackio already", again)

    def test_tensorboard(self):
        from tensorboard.backend.event_processing import event_file_loader
        from tensorboard.util import tensor_util

        into = os.path.join(self.folder, "events")
        folders = self.finish(self.start("--tensorboard", into, self.run_id))
        self.assertEqual({os.path.basename(one) for one in folders}, {"path_tales", "path_sums"})
        folder = os.path.join(into, "path_tales")
        (name,) = os.listdir(folder)
        read = {}
        for event in event_file_loader.EventFileLoader(os.path.join(folder, name)).Load():
            for value in event.summary.value:
                number = tensor_util.make_ndarray(value.tensor).item()
                read.setdefault(event.step, {})[value.tag] = number
        wanted = {
            step: {
                name: struct.unpack("f", struct.pack("f", value))[0]
                for name, value in values.items()
            }
            for step, values in self.points.items()
        }
        self.assertEqual(read, wanted)

    def python(self, text, **more):
        """What a program prints that has a client."""
        done = subprocess.run(
            [sys.executable, "-c", "import braid_client\nclient = braid_client.Client()\n" + text],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environ(), **more},
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def test_a_model_is_pushed_to_a_hub(self):
        model = f"{self.run_id}/path_tales"
        folder = os.path.join(self.folder, "for transformers")
        self.service.run("export", model, "--out", folder)
        exported = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                exported[name] = file.read()
        shards = self.service.json("describe", self.run_id, "prepare:tales")["outputs"]["shards"]
        with Hub("hf_0123") as hub:
            said = self.python(
                f"model, program = {model!r}, {by_hand.program('braid')!r}\n"
                "push = braid_client.hub.push\n"
                "print(push(client, model, 'ada/tales', program=program))\n"
                f"print(push(client, {folder!r}, 'ada/tales', message='again', revision='v2'))\n"
                f"for wrong, token in (('.', None), ({shards!r}, None), (model, 'hf_9')):\n"
                "    try:\n"
                "        push(client, wrong, 'ada/other', token=token)\n"
                "    except Exception as error:\n"
                "        print(type(error).__name__, str(error).splitlines()[0])\n",
                HF_ENDPOINT=hub.url,
                HF_HUB_DISABLE_XET="1",
                HF_HUB_OFFLINE="0",
                HF_TOKEN="hf_0123",
            )
        self.assertEqual(said[:2], [f"{hub.url}/ada/tales/commit/{n:040x}" for n in (1, 2)])
        self.assertEqual(
            list(hub.repositories), ["ada/tales"]
        )  # nothing was made for what is refused
        repository = hub.repositories["ada/tales"]
        self.assertEqual(repository["visibility"], "private")
        first, second = repository["commits"]
        self.assertEqual((first["revision"], second["revision"]), ("main", "v2"))
        self.assertEqual(
            (first["summary"], second["summary"]), ("Upload path_tales from braid", "again")
        )
        self.assertEqual(second["files"], exported)
        self.assertEqual(first["files"], exported)
        self.assertRegex(
            said[2], r"^InvalidArgument .* is no model: it has neither tokenizer_config"
        )
        self.assertRegex(
            said[3], rf"^InvalidArgument artifact {shards} is of kind shards: push takes"
        )
        self.assertRegex(said[4], r"^HfHubHTTPError .*401")
        # The library asks whether it is there all the same.
        self.assertEqual(hub.refused, ["POST /api/repos/create", "GET /api/models/ada/other"])

    def test_errors_of_a_tool_are_a_sentence(self):
        said = self.refused("--mlflow", "nonsense://there", self.run_id)
        self.assertRegex(said, r"^braid_client: \w+: .*nonsense")
        self.assertNotIn("Traceback", said)
        said = self.refused("--trackio", "p", "nobody")
        self.assertRegex(said, "^braid_client: there is no run nobody: .*\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
