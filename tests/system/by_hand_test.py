#!/usr/bin/env python3
"""Task programs started by hand: a whole main job without a server, and what they do when things go wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import checkpoints, finish, must, start, wait_until, write_task

# It says more than a pipe holds: as long as nobody reads it, it stands still some hundred steps behind its first checkpoint.
LONG = {
    "steps": 1500,
    "epochs": 150,
    "checkpoint": {"steps": 20, "seconds": 0},
    "validate": {"steps": 100, "sequences": 4},
}


def first_checkpoint(folder):
    return wait_until(lambda: checkpoints(folder), "a checkpoint in " + folder)[-1]


class ByHand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-by-hand-")
        cls.whole_run = None
        cls.pipeline = by_hand.Pipeline(cls.folder, by_hand.small_texts())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def fresh(self):
        return tempfile.mkdtemp(dir=self.folder)

    def undisturbed(self):
        """The long path run that interrupted ones are compared with; made once."""
        cls = type(self)
        if cls.whole_run is None:
            cls.whole_run = must(
                by_hand.run(self.fresh(), "train", *self.pipeline.path_task("tales", **LONG))
            )
        return cls.whole_run

    def assert_error(self, ended, category, *words):
        error = ended.last("error")
        self.assertIsNotNone(error, f"no error event; exit code {ended.code}, {ended.errors}")
        self.assertEqual(ended.code, 1)
        self.assertEqual(error["category"], category, error)
        text = error["message"] + " " + error.get("hint", "")
        for word in words:
            self.assertIn(word, text)
        self.assertIsNone(ended.last("result"))

    # -- the main job ---------------------------------------------------------------------------------------------
    def test_gang_of_two_trains_like_one(self):
        (alone,) = self.pipeline.joint(1, "joint-1")
        first, second = self.pipeline.joint(2, "joint-2")
        for ended in (alone, first, second):
            must(ended)
        self.assertEqual(second.last("result").get("outputs", {}), {})
        self.assertEqual(second.losses(), {})
        self.assertEqual(sorted(alone.losses()), list(range(1, 25)))
        for step, values in alone.losses().items():
            one, two = json.loads(values), json.loads(first.losses()[step])
            self.assertAlmostEqual(one["loss"], two["loss"], delta=1e-5)
        self.assertLess(
            json.loads(alone.losses()[24])["loss"], json.loads(alone.losses()[1])["loss"] - 0.5
        )

    def test_gate_holds_and_a_changed_composite_does_not_pass(self):
        parents = {"parent.path_" + name: self.pipeline.path(name) for name in self.pipeline.texts}
        data = {"data." + name: self.pipeline.shards(name) for name in self.pipeline.texts}
        spec = {"parents": ["path_tales", "path_sums"], "sequences": 4, "sequence": 32}
        must(
            by_hand.run(
                self.fresh(), "gate", spec, {"model": self.pipeline.merged(), **parents, **data}
            )
        )

        changed = os.path.join(self.fresh(), "model")
        shutil.copytree(self.pipeline.merged(), changed)
        weights = os.path.join(changed, "model.safetensors")
        with open(weights, "r+b") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            file.seek(0)
            at = (
                8
                + int.from_bytes(file.read(8), "little")
                + header["parallel.1.path.0.ffn.down.weight"]["data_offsets"][0]
            )
            file.seek(at)
            file.write(b"\x00\x00\x80\x3f")  # one weight becomes 1.0
        ended = by_hand.run(self.fresh(), "gate", spec, {"model": changed, **parents, **data})
        self.assertEqual(ended.code, 1)
        self.assertIn("path_tales", ended.last("error")["message"])

    # -- stopped and killed ---------------------------------------------------------------------------------------
    def resume(self, folder):
        spec, inputs = self.pipeline.path_task("tales", **LONG)
        return must(
            by_hand.run(self.fresh(), "train", spec, inputs, resume=checkpoints(folder)[-1])
        )

    def test_killed_path_resumes_with_the_same_bits(self):
        folder = self.fresh()
        process = start(
            write_task(folder, "train", *self.pipeline.path_task("tales", **LONG)), "train"
        )
        first_checkpoint(folder)
        process.kill()
        before = finish(process)
        self.assertEqual(before.code, -signal.SIGKILL)
        after = self.resume(folder)
        self.assertGreater(min(after.losses()), 1)
        self.assertEqual({**before.losses(), **after.losses()}, self.undisturbed().losses())
        for step in set(before.losses()) & set(after.losses()):
            self.assertEqual(before.losses()[step], after.losses()[step])

    def test_sigterm_leaves_a_checkpoint_of_the_last_step(self):
        folder = self.fresh()
        process = start(
            write_task(folder, "train", *self.pipeline.path_task("tales", **LONG)), "train"
        )
        first_checkpoint(folder)
        process.send_signal(signal.SIGTERM)
        before = finish(process)
        self.assertEqual(before.code, 0, before.errors)
        self.assertEqual(before.last("error")["category"], "preempted")
        last = max(before.losses())
        self.assertTrue(checkpoints(folder)[-1].endswith(f"step-{last}"))
        after = self.resume(folder)
        self.assertEqual(min(after.losses()), last + 1)
        self.assertEqual({**before.losses(), **after.losses()}, self.undisturbed().losses())

    def test_a_rank_that_loses_its_peer_ends_with_75(self):
        spec, inputs = self.pipeline.joint_task(**LONG)
        folder = self.fresh()
        processes = [
            start(
                write_task(
                    own,
                    "joint",
                    spec,
                    inputs,
                    rank=rank,
                    world=2,
                    rendezvous=os.path.join(folder, "rendezvous"),
                ),
                "joint",
            )
            for rank, own in enumerate((folder, os.path.join(folder, "rank-1")))
        ]
        first_checkpoint(folder)
        processes[1].kill()
        self.assertEqual(finish(processes[0]).code, 75)
        processes[1].communicate()

    # -- refused and broken ---------------------------------------------------------------------------------------
    def test_full_disk_is_named_and_loses_nothing(self):
        """A file size limit stands in for the full disk: writing fails in the middle of a file."""
        folder = self.fresh()
        spec, inputs = self.pipeline.path_task("tales", **LONG)

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        ended = finish(
            start(write_task(folder, "train", spec, inputs), "train", preexec_fn=small_files)
        )
        self.assert_error(ended, "infra", "safetensors")
        self.assertEqual(checkpoints(folder), [])

    def test_checkpoint_cut_short_is_refused(self):
        cut = os.path.join(self.fresh(), "model")
        shutil.copytree(self.pipeline.path("tales"), cut)
        weights = os.path.join(cut, "model.safetensors")
        os.truncate(weights, os.path.getsize(weights) - 100)
        names = ["path_tales", "path_sums"]
        ended = by_hand.run(
            self.fresh(),
            "merge",
            {"model": self.pipeline.composite_model(names), "seed": 42, "parents": names},
            {"parent.path_tales": cut, "parent.path_sums": self.pipeline.path("sums")},
        )
        self.assertEqual(ended.code, 1)
        self.assertIn("model.safetensors", ended.last("error")["message"])

    def test_shards_cut_short_are_refused(self):
        cut = os.path.join(self.fresh(), "shards")
        shutil.copytree(self.pipeline.shards("tales"), cut)
        tokens = os.path.join(cut, "train", "tokens.bin")
        os.truncate(tokens, os.path.getsize(tokens) // 2)
        spec, inputs = self.pipeline.path_task("tales")
        ended = by_hand.run(self.fresh(), "train", spec, {**inputs, "data.tales": cut})
        self.assertEqual(ended.code, 1)
        self.assertIn("tokens.bin", ended.last("error")["message"])

    def merge_with_changed_config(self, **change):
        other = os.path.join(self.fresh(), "model")
        shutil.copytree(self.pipeline.path("sums"), other)
        config = os.path.join(other, "config.json")
        with open(config, encoding="utf-8") as file:
            content = json.load(file)
        content["model"].update(change)
        with open(config, "w", encoding="utf-8") as file:
            json.dump(content, file)
        names = ["path_tales", "path_sums"]
        return by_hand.run(
            self.fresh(),
            "merge",
            {"model": self.pipeline.composite_model(names), "seed": 42, "parents": names},
            {"parent.path_tales": self.pipeline.path("tales"), "parent.path_sums": other},
        )

    def test_merge_refuses_another_tokenizer(self):
        self.assert_error(
            self.merge_with_changed_config(tokenizer="0" * 64), "user", "path_sums", "tokenizer"
        )

    def test_merge_refuses_another_vocabulary(self):
        self.assert_error(
            self.merge_with_changed_config(vocab=500, pad_id=499), "user", "path_sums", "vocab"
        )

    # -- braid eval ------------------------------------------------------------------------------------------------
    def loops(self):
        """A dual-path model of the tales, hardly trained."""
        spec, inputs = self.pipeline.path_task("tales", steps=2)
        dual = {"loops": 2, "ffn_deep": 16, "ffn_wide": 24, "scale_init": 0}
        spec["model"]["dense"] = {
            "name": "path_tales",
            "d": 16,
            "heads": 2,
            "blocks": 2,
            "block": "dual_path",
            "dual": dual,
        }
        folder = self.fresh()
        must(by_hand.run(folder, "train", spec, inputs))
        return os.path.join(folder, "output", "model")

    def eval(self, *words):
        return subprocess.run(
            [by_hand.program("braid"), "--dir", self.fresh(), "-o", "json", "eval", *words],
            capture_output=True,
            text=True,
        )

    def test_eval_prints_one_json_document(self):
        model, shards, pairs = self.loops(), self.pipeline.shards("tales"), self.fresh()
        with open(os.path.join(pairs, "order.jsonl"), "w", encoding="utf-8") as out:
            out.write(
                json.dumps({"sentence_good": "the red fox", "sentence_bad": "fox red the"}) + "\n"
            )
        parts = {"dual": ("--dual", "published"), "loss": (), "blimp": ("--blimp", pairs)}
        for wanted in (("dual", "loss"), ("dual", "loss", "blimp")):
            done = self.eval(
                model,
                "--shards",
                shards,
                "--sequences",
                "2",
                *(word for part in wanted for word in parts[part]),
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            document = json.loads(done.stdout)
            self.assertEqual(set(document), set(wanted))
            self.assertGreater(document["loss"]["tales"]["loss"], 0)
            self.assertEqual(len(document["dual"]["layers"]), 2)
        alone = self.eval(model, "--shards", shards, "--sequences", "2")
        self.assertEqual(json.loads(alone.stdout), document["loss"])
        # One part that fails leaves no half of a document.
        broken = self.eval(model, "--shards", shards, "--sequences", "2", "--blimp", self.fresh())
        self.assertNotEqual(broken.returncode, 0)
        self.assertEqual(broken.stdout, "")

    def test_too_little_held_out_text_is_known_before_anything_is_measured(self):
        """Of the second corpus, too: the first one is not read before."""
        small = self.fresh()
        texts = by_hand.Pipeline(
            small, {"tales": by_hand.small_texts()["tales"], "notes": ["a red fox"] * 12}
        )
        shards = [texts.shards(name) for name in ("tales", "notes")]
        spec, inputs = (
            texts.train_spec(
                texts.path_model("m"),
                ["tales", "notes"],
                "all",
                1,
                steps=3,
                validate={"steps": 0, "sequences": 0},
            ),
            texts.data_inputs(["tales", "notes"]),
        )
        ended = by_hand.run(self.fresh(), "train", spec, inputs)
        self.assert_error(
            ended,
            "user",
            "corpus notes: ",
            "tokens set aside are not one sequence of 32; raise validation.documents",
        )
        self.assertEqual(ended.losses(), {})
        spec["data"]["sources"] = spec["data"]["sources"][:1]
        model = os.path.join(self.fresh(), "trained")
        must(
            by_hand.run(
                model, "train", spec, {"tokenizer": texts.tokenizer(), "data.tales": shards[0]}
            )
        )
        done = self.eval(os.path.join(model, "output", "model"), "--shards", *shards)
        self.assertEqual(done.returncode, 1)
        self.assertIn("corpus notes: ", done.stderr)
        self.assertIn("raise validation.documents", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_task_file_with_nonsense_names_the_field(self):
        spec, inputs = self.pipeline.path_task("tales")
        spec["train"]["batch"] = "many"
        self.assert_error(by_hand.run(self.fresh(), "train", spec, inputs), "user", "train.batch")


if __name__ == "__main__":
    unittest.main(verbosity=2)
