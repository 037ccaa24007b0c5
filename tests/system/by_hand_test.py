#!/usr/bin/env python3
"""Task programs started by hand: a whole main job without a server, and what they do when things go wrong."""
import json
import os
import resource
import shutil
import signal
import tempfile
import unittest

import by_hand
from by_hand import checkpoints, finish, must, start, wait_until, write_task

LONG = {"steps": 400, "epochs": 40, "checkpoint": {"steps": 20, "seconds": 0}, "validate": {"steps": 100, "sequences": 4}}


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
            cls.whole_run = must(by_hand.run(self.fresh(), "train", *self.pipeline.path_task("tales", **LONG)))
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
        self.assertLess(json.loads(alone.losses()[24])["loss"], json.loads(alone.losses()[1])["loss"] - 0.5)

    def test_gate_holds_and_a_changed_composite_does_not_pass(self):
        parents = {"parent.path_" + name: self.pipeline.path(name) for name in self.pipeline.texts}
        data = {"data." + name: self.pipeline.shards(name) for name in self.pipeline.texts}
        spec = {"parents": ["path_tales", "path_sums"], "sequences": 4, "sequence": 32}
        must(by_hand.run(self.fresh(), "gate", spec, {"model": self.pipeline.merged(), **parents, **data}))

        changed = os.path.join(self.fresh(), "model")
        shutil.copytree(self.pipeline.merged(), changed)
        weights = os.path.join(changed, "model.safetensors")
        with open(weights, "r+b") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            file.seek(0)
            at = 8 + int.from_bytes(file.read(8), "little") + header["parallel.1.path.0.ffn.down.weight"]["data_offsets"][0]
            file.seek(at)
            file.write(b"\x00\x00\x80\x3f")  # one weight becomes 1.0
        ended = by_hand.run(self.fresh(), "gate", spec, {"model": changed, **parents, **data})
        self.assertEqual(ended.code, 1)
        self.assertIn("path_tales", ended.last("error")["message"])

    # -- stopped and killed ---------------------------------------------------------------------------------------
    def resume(self, folder):
        spec, inputs = self.pipeline.path_task("tales", **LONG)
        return must(by_hand.run(self.fresh(), "train", spec, inputs, resume=checkpoints(folder)[-1]))

    def test_killed_path_resumes_with_the_same_bits(self):
        folder = self.fresh()
        process = start(write_task(folder, "train", *self.pipeline.path_task("tales", **LONG)), "train")
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
        process = start(write_task(folder, "train", *self.pipeline.path_task("tales", **LONG)), "train")
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
        processes = [start(write_task(own, "joint", spec, inputs, rank=rank, world=2,
                                      rendezvous=os.path.join(folder, "rendezvous")), "joint")
                     for rank, own in enumerate((folder, os.path.join(folder, "rank-1")))]
        first_checkpoint(folder)
        processes[1].kill()
        self.assertEqual(finish(processes[0], timeout_s=60).code, 75)
        processes[1].communicate()

    # -- refused and broken ---------------------------------------------------------------------------------------
    def test_full_disk_is_named_and_loses_nothing(self):
        """A file size limit stands in for the full disk: writing fails in the middle of a file."""
        folder = self.fresh()
        spec, inputs = self.pipeline.path_task("tales", **LONG)

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        ended = finish(start(write_task(folder, "train", spec, inputs), "train", preexec_fn=small_files))
        self.assert_error(ended, "infra", "safetensors")
        self.assertEqual(checkpoints(folder), [])

    def test_checkpoint_cut_short_is_refused(self):
        cut = os.path.join(self.fresh(), "model")
        shutil.copytree(self.pipeline.path("tales"), cut)
        weights = os.path.join(cut, "model.safetensors")
        os.truncate(weights, os.path.getsize(weights) - 100)
        names = ["path_tales", "path_sums"]
        ended = by_hand.run(self.fresh(), "merge", {"model": self.pipeline.composite_model(names), "seed": 42, "parents": names},
                            {"parent.path_tales": cut, "parent.path_sums": self.pipeline.path("sums")})
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
        return by_hand.run(self.fresh(), "merge", {"model": self.pipeline.composite_model(names), "seed": 42, "parents": names},
                           {"parent.path_tales": self.pipeline.path("tales"), "parent.path_sums": other})

    def test_merge_refuses_another_tokenizer(self):
        self.assert_error(self.merge_with_changed_config(tokenizer="0" * 64), "user", "path_sums", "tokenizer")

    def test_merge_refuses_another_vocabulary(self):
        self.assert_error(self.merge_with_changed_config(vocab=500, pad_id=499), "user", "path_sums", "vocab")

    def test_task_file_with_nonsense_names_the_field(self):
        spec, inputs = self.pipeline.path_task("tales")
        spec["train"]["batch"] = "many"
        self.assert_error(by_hand.run(self.fresh(), "train", spec, inputs), "user", "train.batch")


if __name__ == "__main__":
    unittest.main(verbosity=2)
