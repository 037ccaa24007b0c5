#!/usr/bin/env python3
"""braid-trainer as a program: gangs that are killed or stopped, and its subcommands on a checkpoint folder."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import checkpoints, finish, must, start, wait_until, write_task

GANG = {
    "steps": 60,
    "epochs": 40,
    "checkpoint": {"steps": 10, "seconds": 0},
    "validate": {"steps": 20, "sequences": 4},
}
# Less than a gang says in these steps: as long as nobody reads it, rank 0 stands still behind its first checkpoint.
PIPE_BYTES = 8192
# What must be the same, bit for bit, whatever happened on the way.
FILES = [
    "model/model.safetensors",
    "model/optimizer.safetensors",
    "model/state.json",
    "history/history.jsonl",
]


class Trainer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-trainer-")
        cls.pipeline = by_hand.Pipeline(cls.folder, by_hand.small_texts())
        cls.whole = None

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def start_gang(self, folder, generation, **more):
        spec, inputs = self.pipeline.joint_task(**GANG)
        return [
            start(
                write_task(
                    own,
                    "joint",
                    spec,
                    inputs,
                    rank=rank,
                    world=2,
                    generation=generation,
                    rendezvous=os.path.join(folder, "rendezvous"),
                    **more,
                ),
                "joint",
                pipesize=PIPE_BYTES,
            )
            for rank, own in enumerate((folder, os.path.join(folder, "rank-1")))
        ]

    def undisturbed(self):
        cls = type(self)
        if cls.whole is None:
            cls.whole = tempfile.mkdtemp(dir=self.folder)
            for ended in [finish(process) for process in self.start_gang(cls.whole, 1)]:
                must(ended)
        return cls.whole

    def assert_same_bits(self, folder, other):
        for name in FILES:
            contents = []
            for run in (folder, other):
                with open(os.path.join(run, "output", name), "rb") as file:
                    contents.append(file.read())
            self.assertEqual(contents[0], contents[1], name + " differs")

    def resume(self, broken):
        folder = tempfile.mkdtemp(dir=self.folder)
        for ended in [
            finish(process)
            for process in self.start_gang(folder, 2, resume=checkpoints(broken)[-1])
        ]:
            must(ended)
        return folder

    # -- gangs ----------------------------------------------------------------------------------------------------
    def test_killed_gang_resumes_with_the_same_bits(self):
        for victim in (0, 1):
            with self.subTest(killed_rank=victim):
                folder = tempfile.mkdtemp(dir=self.folder)
                processes = self.start_gang(folder, 1)
                wait_until(lambda: checkpoints(folder), "a checkpoint of the gang")
                processes[victim].kill()
                ended = [finish(process) for process in processes]
                self.assertEqual(ended[victim].code, -signal.SIGKILL)
                self.assertEqual(ended[1 - victim].code, 75, ended[1 - victim].errors)
                self.assertEqual(ended[1 - victim].last("error")["category"], "infra")
                self.assert_same_bits(self.resume(folder), self.undisturbed())

    def test_sigterm_of_one_rank_stops_both_at_one_step(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        processes = self.start_gang(folder, 1)
        wait_until(lambda: checkpoints(folder), "a checkpoint of the gang")
        processes[1].send_signal(signal.SIGTERM)
        ended = [finish(process) for process in processes]
        messages = [one.last("error")["message"] for one in ended]
        self.assertEqual([one.code for one in ended], [0, 0])
        self.assertEqual(messages[0], messages[1])
        self.assertEqual([one.last("error")["category"] for one in ended], ["preempted"] * 2)
        self.assertTrue(checkpoints(folder)[-1].endswith("step-%d" % max(ended[0].losses())))
        self.assert_same_bits(self.resume(folder), self.undisturbed())

    # -- subcommands ----------------------------------------------------------------------------------------------
    def trainer(self, *arguments):
        return subprocess.run(
            [by_hand.program("braid-trainer"), *arguments],
            capture_output=True,
            text=True,
            timeout=240,
        )

    def test_subcommands_on_a_folder(self):
        model = self.pipeline.path("tales")
        described = self.trainer("describe", model)
        self.assertEqual(described.returncode, 0, described.stderr)
        self.assertIn("blocks.1.ffn.down.weight", described.stdout)
        generated = self.trainer("generate", model, "once", "--tokens", "5", "--json")
        self.assertEqual(generated.returncode, 0, generated.stderr)
        sample = json.loads(generated.stdout)
        self.assertEqual((sample["prompt"], len(sample["next"])), ("once", 5))
        self.assertEqual(
            sample,
            json.loads(self.trainer("generate", model, "once", "--tokens", "5", "--json").stdout),
        )
        evaluated = self.trainer(
            "evaluate", model, self.pipeline.shards("tales"), self.pipeline.shards("sums")
        )
        self.assertEqual(evaluated.returncode, 0, evaluated.stderr)
        self.assertRegex(
            evaluated.stdout,
            r"(?m)^all +loss \d+\.\d{4}  perplexity \d+\.\d\d  bits a byte \d\.\d{4}  over \d+ tokens$",
        )

    def test_subcommands_say_what_is_wrong(self):
        model = self.pipeline.path("tales")
        for arguments, words in (
            (["describe", self.folder], "config.json"),
            (["generate", model], "a prompt"),
            (["generate", model, "x", "--tokens", "many"], "tokens"),
            (["evaluate", model, self.folder], "shards.json"),
            (["generate", os.path.join(self.folder, "none"), "x"], "tokenizer.json"),
        ):
            ended = self.trainer(*arguments)
            self.assertEqual(ended.returncode, 1, arguments)
            self.assertIn(words, ended.stderr)
            self.assertEqual(ended.stderr.count("terminate called"), 0)
        misspelt = self.trainer("generate", model, "x", "--temprature", "1")
        self.assertEqual(misspelt.returncode, 2)
        self.assertIn("--temperature", misspelt.stderr)
        helped = self.trainer("--help")
        self.assertEqual(helped.returncode, 0)
        for word in ("TASK.json", "describe", "generate", "evaluate"):
            self.assertIn(word, helped.stdout)
        broken = os.path.join(self.folder, "broken")
        shutil.copytree(model, broken)
        os.truncate(os.path.join(broken, "model.safetensors"), 1000)
        ended = self.trainer("generate", broken, "x")
        self.assertIn("model.safetensors", ended.stderr)
        self.assertIn("fetch or make the file again", ended.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
