#!/usr/bin/env python3
"""The models that scripts/bench measures braid beside compute what the restatement does: bench_models_test.py BIN TESTS"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers")
)

import configurations
import restatement
import torch
from models import Model

MADE = [
    configurations.dense("bench_dense"),
    configurations.dense("bench_wide", block="wide", qk_norm=True),
    configurations.dense("bench_loop", block="loop", loops=3, qk_norm=True),
    configurations.dense("bench_dual", block="dual_path", loops=3, qk_norm=True),
    configurations.composite("bench_share", {"kind": "share"}),
    configurations.composite("bench_gumbel_1", configurations.routed("softmax")),
    configurations.composite("bench_gumbel_2", configurations.routed("softmax", "concat")),
    configurations.composite("bench_slice", {"kind": "slice"}),
]


def inputs():
    ids, labels = configurations.random_tokens(7)
    ids = ids.clone()
    ids[ids == configurations.PAD] = 1  # the benchmark's models see no pad tokens
    return ids, labels


def model(spec):
    net = Model(spec).double()
    weights = configurations.random_weights(spec, 7)
    weights = {name: value.double() for name, value in weights.items()}
    net.load_state_dict(weights, strict=True)
    return net.eval(), weights


class BenchModelsTest(unittest.TestCase):
    def test_logits(self):
        for spec in MADE:
            with self.subTest(spec["name"]), torch.no_grad():
                net, weights = model(spec)
                ids, _ = inputs()
                wanted = restatement.logits(spec, weights, ids)
                # Angles are kept in fp32, as in every implementation of RoPE for speed.
                torch.testing.assert_close(net(ids), wanted, rtol=1e-5, atol=1e-5)

    def test_losses_of_training(self):
        for spec in MADE:
            with self.subTest(spec["name"]):
                net, weights = model(spec)
                ids, labels = inputs()
                run = restatement.Run()
                wanted = restatement.loss(spec, weights, ids, labels, run)
                if run.routers:
                    wanted = wanted + 0.01 * sum(restatement.auxiliary(run.routers))
                torch.testing.assert_close(net(ids, labels), wanted, rtol=1e-5, atol=1e-5)

    def test_reading_a_token_at_a_time(self):
        for spec in MADE:
            if spec.get("dense", {}).get("block", "llama") != "llama":
                continue  # loops would need the keys of each step; no row generates with them
            with self.subTest(spec["name"]), torch.no_grad():
                net, _ = model(spec)
                ids, _ = inputs()
                wanted = net(ids)
                net.begin_decoding(ids.shape[0], ids.shape[1])
                torch.testing.assert_close(net.read(ids[:, :5], 0), wanted[:, 4])
                for at in range(5, ids.shape[1]):
                    torch.testing.assert_close(net.read(ids[:, at : at + 1], at), wanted[:, at])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
