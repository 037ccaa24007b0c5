"""Acceptance checks of both specifications that need the real programs (README.md here lists them
all): paths of unlike blocks are trained, merged by every connection, trained on, saved and
resumed, and what the composites compute is compared with the restatement and with their parents."""

import os
import shutil
import sys
import tempfile
import unittest

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system")
)
if len(sys.argv) > 2:
    os.environ["BRAID_BINARY_DIR"] = os.path.dirname(sys.argv[1])
import by_hand  # noqa: E402
from dump import read_model, run_network  # noqa: E402
from restatement import Run, logits  # noqa: E402

DUMP = os.path.join(sys.argv[2], "model_dump") if len(sys.argv) > 2 else "model_dump"
ROUTER = {"kind": "gumbel", "input": "combined", "tau": 1.0, "hard": True}
CONNECTIONS = {
    "share": {"kind": "share"},
    "routed": {"kind": "routed", "router": ROUTER},
    "slice": {"kind": "slice"},
}


class UnlikePaths(by_hand.Pipeline):
    """`tales` of llama blocks, `sums` of dual-path ones; composites of each connection."""

    TRAIN = {
        **by_hand.Pipeline.TRAIN,
        "steps": 8,
        "checkpoint": {"steps": 4, "seconds": 0},
        "validate": {"steps": 8, "sequences": 2},
    }

    def stack(self, name):
        if name != "path_sums":
            return super().stack(name)
        dual = {
            "loops": 3,
            "ffn_deep": 24,
            "ffn_wide": 40,
            "gate": "two_gates",
            "mix": "act",
            "scale_init": -1.0,
        }
        return {
            "name": name,
            "d": self.WIDTH,
            "heads": self.HEADS,
            "blocks": self.BLOCKS,
            "block": "dual_path",
            "dual": dual,
        }

    def composite(self, connection):
        width = 2 * self.WIDTH
        large = {
            "name": "large",
            "d": width,
            "heads": 4,
            "blocks": 2,
            "block": "llama",
            "identity": connection == "slice",
        }
        return {
            **self.blank_model("composite"),
            "kind": "composite",
            "connection": CONNECTIONS[connection],
            "paths": [self.stack("path_tales"), self.stack("path_sums")],
            "large": large,
        }

    def parents(self):
        return {"parent.path_tales": self.path("tales"), "parent.path_sums": self.path("sums")}

    def merge(self, connection, parents, folder=None):
        spec = {
            "model": self.composite(connection),
            "seed": 42,
            "parents": ["path_tales", "path_sums"],
        }
        return by_hand.run(folder or tempfile.mkdtemp(dir=self.folder), "merge", spec, parents)

    def merged_by(self, connection):
        folder = self.at("merged-" + connection)
        if not os.path.exists(folder):
            by_hand.must(self.merge(connection, self.parents(), folder))
        return os.path.join(folder, "output", "model")

    def train_on(self, connection, **more):
        """The joint phase: its folder, and what it said."""
        spec = self.train_spec(self.composite(connection), ["tales", "sums"], "joint", 42)
        folder = tempfile.mkdtemp(dir=self.folder)
        inputs = {**self.data_inputs(["tales", "sums"]), "init": self.merged_by(connection)}
        return folder, by_hand.must(by_hand.run(folder, "joint", spec, inputs, **more))


class AcceptanceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="braid-acceptance-")
        cls.pipeline = UnlikePaths(cls.folder, by_hand.small_texts())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def ids(self, seed, vocab, rows=2, length=16):
        ids = torch.randint(
            1, vocab - 1, (rows, length), generator=torch.Generator().manual_seed(seed)
        )
        return {"ids": ids, "labels": torch.cat([ids[:, 1:], torch.full((rows, 1), -1)], 1)}

    def test_merged_tensors_are_the_parents_bits(self):
        """PaPaformer 11.4 and dual-path 9: slices of embedding and head, and all blocks, whatever their type."""
        for connection in CONNECTIONS:
            _, merged = read_model(self.pipeline.merged_by(connection))
            for p, name in enumerate(("tales", "sums")):
                _, parent = read_model(self.pipeline.path(name))
                own = slice(p * 16, p * 16 + 16)
                left = dict(parent)
                for tensor in ("embed.weight", "head.weight"):
                    self.assertTrue(torch.equal(merged[tensor][:, own], left.pop(tensor)), tensor)
                norm = left.pop("norm.weight")
                self.assertTrue(
                    torch.equal(
                        merged["norm.weight"][own],
                        norm if connection == "slice" else torch.ones(16),
                    )
                )
                for tensor, value in left.items():
                    layer, rest = tensor.removeprefix("blocks.").split(".", 1)
                    self.assertTrue(
                        torch.equal(merged[f"parallel.{layer}.path.{p}.{rest}"], value),
                        (connection, tensor),
                    )

    def test_the_head_of_a_composite_is_the_sum_of_its_parents_heads(self):
        """PaPaformer 11.4: head(h) = head_1(h[0:d]) + head_2(h[d:D])."""
        _, merged = read_model(self.pipeline.merged_by("share"))
        heads = [
            read_model(self.pipeline.path(name))[1]["head.weight"].double()
            for name in ("tales", "sums")
        ]
        h = torch.randn(5, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        whole = h @ merged["head.weight"].double().T
        self.assertLess(
            (whole - h[:, :16] @ heads[0].T - h[:, 16:] @ heads[1].T).abs().max().item(), 1e-12
        )

    def test_a_missing_tensor_is_an_error_that_names_it(self):
        """PaPaformer 11.4."""
        for name, tensor in (
            ("tales", "blocks.1.ffn.down.weight"),
            ("sums", "blocks.0.deep.scale"),
        ):
            broken = os.path.join(tempfile.mkdtemp(dir=self.folder), "model")
            shutil.copytree(self.pipeline.path(name), broken)
            weights = load_file(os.path.join(broken, "model.safetensors"))
            del weights[tensor]
            save_file(weights, os.path.join(broken, "model.safetensors"))
            ended = self.pipeline.merge(
                "share", {**self.pipeline.parents(), "parent.path_" + name: broken}
            )
            self.assertEqual(ended.code, 1)
            self.assertIn(tensor, ended.last("error")["message"])
            self.assertEqual(ended.last("error")["category"], "user")

    def test_a_slice_composite_starts_as_the_mean_of_its_parents(self):
        """Its logits at step 0, in the network itself, beside those that the parents have exactly."""
        spec, weights = read_model(self.pipeline.merged_by("slice"))
        request = self.ids(2, spec["vocab"])
        ours = run_network(DUMP, {"composite": (spec, weights, request)})["composite"]["logits"]
        mean = (
            sum(
                self.exact_logits(*read_model(self.pipeline.path(name)), request)
                for name in ("tales", "sums")
            )
            / 2
        )
        self.assertLess((ours.double() - mean).abs().max().item(), 1e-5)

    def exact_logits(self, spec, weights, request, run=None):
        return logits(
            spec, {name: value.double() for name, value in weights.items()}, request["ids"], run
        )

    def decided(self, spec, weights):
        """Tokens on which no router is near a tie, where a rounding would choose another path."""
        for seed in range(3, 100):
            run, request = Run(), self.ids(seed, spec["vocab"])
            self.exact_logits(spec, weights, request, run)
            gaps = [layer["z"].topk(2, -1).values for layer in run.routers]
            if all((gap[..., 0] - gap[..., 1]).min().item() > 1e-4 for gap in gaps):
                return request
        raise AssertionError("every draw of tokens has a router near a tie")

    def test_trained_composites_compute_what_the_restatement_does(self):
        cases = {}
        for connection in CONNECTIONS:
            folder, _ = self.pipeline.train_on(connection)
            spec, weights = read_model(os.path.join(folder, "output", "model"))
            cases[connection] = (spec, weights, self.decided(spec, weights))
        for connection, result in run_network(DUMP, cases).items():
            spec, weights, request = cases[connection]
            theirs = self.exact_logits(spec, weights, request)
            self.assertLess((result["logits"] - theirs).abs().max().item(), 1e-4, connection)

    def test_a_composite_with_dual_path_blocks_trains_saves_and_resumes_bit_by_bit(self):
        """Dual-path 10.8, by every connection; with `routed` the noise of the router resumes too."""
        for connection in CONNECTIONS:
            with self.subTest(connection):
                folder, whole = self.pipeline.train_on(connection)
                saved = by_hand.checkpoints(folder)[0]
                self.assertTrue(saved.endswith("step-4"))
                again, rest = self.pipeline.train_on(connection, resume=saved)
                self.assertEqual(sorted(rest.losses()), [5, 6, 7, 8])
                self.assertEqual(
                    {step: whole.losses()[step] for step in rest.losses()}, rest.losses()
                )
                first, second = (
                    read_model(os.path.join(at, "output", "model"))[1] for at in (folder, again)
                )
                _, start = read_model(self.pipeline.merged_by(connection))
                for name, value in first.items():
                    self.assertTrue(torch.equal(value, second[name]), name)
                for name in (
                    "parallel.0.path.1.deep.scale",
                    "parallel.1.path.1.gate.weight",
                    "parallel.0.path.1.router.weight",
                ):
                    self.assertFalse(torch.equal(first[name], start[name]), name)  # it was trained


if __name__ == "__main__":
    unittest.main(argv=["acceptance_test", *sys.argv[3:]], verbosity=2)
