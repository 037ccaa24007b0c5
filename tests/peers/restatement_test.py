"""The restatement against transformers' Llama and against what the specifications say must hold of it: section 11 of the
PaPaformer specification (P) and sections 9 and 10 of the dual-path one (D)."""

import math
import sys
import unittest

import configurations as table
import torch
from llama import as_llama
from restatement import (
    Context,
    Run,
    Scope,
    auxiliary,
    block,
    gates,
    logits,
    loss,
    mean_loss,
    path_input,
    rms_norm,
    route,
    step_features,
    step_weights,
    sublayers,
)
from torch.nn.functional import softplus

ONE = math.log(math.e - 1)  # softplus(ONE) = 1


def exact(spec, seed=1):
    return {name: value.double() for name, value in table.random_weights(spec, seed).items()}


def renamed(weights, names):
    """Weights under other names: {"blocks.0.wide.": "blocks.0."} moves a level."""
    moved = {}
    for name, value in weights.items():
        for old, new in names.items():
            if name.startswith(old):
                name = new + name[len(old) :]
                break
        moved[name] = value
    return moved


class LlamaTest(unittest.TestCase):
    """Dense models, against transformers. Both in fp64: what is compared are formulas, not roundings."""

    def compare(self, spec, weights=None, seed=1):
        weights = weights or table.random_weights(spec, seed)
        ids, _ = table.random_tokens(seed)
        net = as_llama(spec, weights)
        theirs = net(input_ids=ids).logits.detach()
        ours = logits(spec, {name: value.double() for name, value in weights.items()}, ids)
        self.assertLess((ours - theirs).abs().max().item(), 1e-10, spec["name"])

    def test_every_field_of_the_block_folds_into_llama(self):
        specs = [spec for spec in table.dense_table() if spec["dense"]["block"] == "llama"]
        self.assertEqual(len(specs), 10)
        for spec in specs:
            self.compare(spec)

    def test_wide_and_unrolled_loop_fold_into_llama(self):
        self.compare(table.dense("wide", block="wide"))
        self.compare(table.dual("loop_final", block="loop", mix="final"))
        self.compare(table.dual("loop_final_paper", arch=table.PAPER, block="loop", mix="final"))

    def test_gradients_are_those_of_transformers(self):
        spec = table.dense("llama")
        weights = table.random_weights(spec, 3)
        ids, labels = table.random_tokens(3)
        net = as_llama(spec, weights)
        mean_loss(net(input_ids=ids).logits, labels).backward()
        own = {name: value.double().requires_grad_(True) for name, value in weights.items()}
        loss(spec, own, ids, labels).backward()
        theirs = dict(net.named_parameters())
        for name, there in (
            ("blocks.1.attn.q.weight", "model.layers.1.self_attn.q_proj.weight"),
            ("blocks.0.ffn.down.weight", "model.layers.0.mlp.down_proj.weight"),
            ("blocks.0.attn_norm.weight", "model.layers.0.input_layernorm.weight"),
            ("embed.weight", "model.embed_tokens.weight"),
        ):
            difference = (own[name].grad - theirs[there].grad).norm() / own[name].grad.norm()
            self.assertLess(difference.item(), 1e-10, name)


class BlockTest(unittest.TestCase):
    def setUp(self):
        self.ids, self.labels = table.random_tokens(5)

    def test_wide_at_scale_one_is_llama(self):  # D 9
        spec = table.dense("wide", block="wide")
        weights = exact(spec)
        for i in range(2):
            weights[f"blocks.{i}.wide.scale"][:] = ONE
        llama = table.dense("llama", ffn=36)
        moved = renamed(weights, {f"blocks.{i}.wide.": f"blocks.{i}." for i in range(2)})
        difference = logits(spec, weights, self.ids) - logits(llama, moved, self.ids)
        self.assertLess(difference.abs().max().item(), 1e-12)

    def test_loop_of_one_step_is_wide(self):  # D 9, 10.4
        for skip in (True, False):
            spec = table.dual("loop", loops=1, block="loop", ffn_deep=36, skip_last_router=skip)
            weights = exact(spec)
            moved = renamed(weights, {f"blocks.{i}.deep.": f"blocks.{i}.wide." for i in range(2)})
            wide = table.dense("wide", block="wide")
            difference = (
                (logits(spec, weights, self.ids) - logits(wide, moved, self.ids)).abs().max().item()
            )
            self.assertLess(difference, 1e-12)
            if skip:
                self.assertEqual(difference, 0.0)

    def test_gates_at_the_corners_leave_one_path(self):  # D 9
        for residual in ("scaled", "preserved"):
            spec = table.dual("dual", residual=residual)
            weights = exact(spec)
            for deep, other in (
                (1.0, table.dual("loop", block="loop")),
                (0.0, table.dense("wide", block="wide")),
            ):
                run = Run(intervention={"gate_deep": deep, "gate_wide": 1 - deep})
                left = {
                    name: value for name, value in weights.items() if name in table.shapes_of(other)
                }
                difference = (
                    (logits(spec, weights, self.ids, run) - logits(other, left, self.ids))
                    .abs()
                    .max()
                    .item()
                )
                self.assertLess(difference, 1e-12)
                for place in ("blocks.0", "blocks.1"):  # D 10.6
                    self.assertTrue(torch.all(run.readouts[place]["rho"] == deep))

    def test_start_at_minus_seven_is_nearly_the_identity(self):  # D 10.2
        self.assertAlmostEqual(
            softplus(torch.tensor(-7.0, dtype=torch.float64)).item(), 9.11e-4, delta=1e-6
        )
        both = {}
        for residual in ("scaled", "preserved"):
            spec = table.dual("dual", residual=residual, blocks=1, d=128, heads=4)
            draw = torch.Generator().manual_seed(11)
            weights = {
                name: torch.ones(shape)
                if name.endswith("norm.weight")
                else torch.full(shape, -7.0)
                if name.endswith("scale")
                else 0.02 * torch.randn(shape, generator=draw)
                for name, shape in table.shapes_of(spec).items()
            }
            for name in ("gate.weight", "gate.bias", "router.bias"):
                weights["blocks.0." + name].zero_()
            weights["embed.weight"] = torch.randn(
                weights["embed.weight"].shape, generator=draw
            )  # unit-scale input
            run = Run()
            scope = Scope(weights)
            x = weights["embed.weight"][self.ids]
            y = block(x, spec["dense"], scope.at("blocks.0"), Context(spec, self.ids, run))
            self.assertLess(((y - x).norm() / x.norm()).item(), 0.01)
            self.assertTrue(torch.all(run.readouts["blocks.0"]["g_deep"] == 0.5))
            both[residual] = y
        self.assertLess((both["scaled"] - both["preserved"]).abs().max().item(), 1e-6)

    def test_step_weights(self):  # D 10.3
        draw = torch.Generator().manual_seed(2)
        q = [torch.rand(2, 3, 1, generator=draw, dtype=torch.float64) for _ in range(4)]
        for asked in (3, 4):
            self.assertLess((sum(step_weights(q[:asked], 4)) - 1).abs().max().item(), 1e-15)
        never, always = torch.zeros_like(q[0]), torch.ones_like(q[0])
        self.assertEqual([w.max().item() for w in step_weights([never] * 3, 4)], [0, 0, 0, 1])
        self.assertEqual([w.max().item() for w in step_weights([always] + q[1:3], 4)], [1, 0, 0, 0])
        first, second = (step_weights(q[:3] + [last], 4) for last in (q[3], 1 - q[3]))
        for one, other in zip(first, second):
            self.assertLess((one - other).abs().max().item(), 1e-15)

    def test_step_features(self):  # D 1.3, 7
        self.assertEqual(step_features(4, 4, "rescaled"), [0, 1 / 3, 2 / 3, 1])
        self.assertEqual(step_features(4, 2, "rescaled"), [0, 1])
        self.assertEqual(step_features(4, 2, "trained"), [0, 1 / 3])
        self.assertEqual(step_features(3, 5, "rescaled"), [0, 0.5, 1, 1, 1])
        self.assertEqual(step_features(1, 1, "rescaled"), [0])

    def test_early_exit_gives_the_rest_to_the_first_light_step(self):  # D 7
        q = [torch.full((1, 1, 1), 0.5, dtype=torch.float64)] * 3
        self.assertEqual([w.item() for w in step_weights(q, 4, 0.25)], [0.5, 0.25, 0.25, 0])
        self.assertEqual([w.item() for w in step_weights(q, 4, 1.0)], [1, 0, 0, 0])

    def test_forcing_fewer_loops_is_the_shorter_model(self):  # D 7, 10.5
        spec, shorter = table.dual("dual", loops=4), table.dual("dual", loops=2)
        weights = exact(spec)
        cut = {
            name: value[:2] if name.endswith("deep.scale") else value
            for name, value in weights.items()
        }
        forced = logits(spec, weights, self.ids, Run(intervention={"loops": 2}))
        self.assertTrue(torch.equal(forced, logits(shorter, cut, self.ids)))

    def test_gates_change_only_where_they_are_set(self):  # D 10.5
        spec = table.dual("dual", blocks=1)
        weights = exact(spec)
        positions = [0] * self.ids.numel()
        positions[7] = 1
        free, set_ = (
            Run(),
            Run(intervention={"gate_deep": 0.9, "gate_wide": 0.3, "positions": positions}),
        )
        change = (
            (logits(spec, weights, self.ids, free) - logits(spec, weights, self.ids, set_))
            .abs()
            .amax(-1)
            .flatten()
        )
        self.assertEqual(
            [i for i, value in enumerate(change) if value > 0], [7]
        )  # one block: no other position reads it
        for name, value in free.readouts["blocks.0"].items():
            if name not in ("g_deep", "g_wide", "rho"):
                self.assertTrue(torch.equal(value, set_.readouts["blocks.0"][name]), name)

    def test_gate_kinds(self):  # D 1.6
        draw = torch.Generator().manual_seed(3)
        x = torch.randn(2, 5, 6, generator=draw, dtype=torch.float64)
        for kind, rows in (("two_gates", 2), ("convex", 1), ("softmax", 2), ("fixed", 0)):
            weights = {
                "gate.weight": torch.randn(rows, 6, generator=draw, dtype=torch.float64),
                "gate.bias": torch.randn(rows, generator=draw, dtype=torch.float64),
            }
            deep, wide = gates(x, kind, Scope(weights))
            self.assertEqual(deep.shape, (2, 5, 1))
            self.assertTrue(torch.all((deep > 0) & (deep < 1) & (wide > 0) & (wide < 1)))
            if kind != "two_gates":
                self.assertLess((deep + wide - 1).abs().max().item(), 1e-15)

    def test_cross_started_at_zero_changes_nothing(self):  # D 1.6
        for gate in ("two_gates", "convex", "softmax", "fixed"):
            spec = table.dual("dual", gate=gate, cross=True)
            weights = exact(spec)
            for i in range(2):
                for into in ("deep", "wide"):
                    weights[f"blocks.{i}.cross.{into}.weight"].zero_()
            plain = table.dual("dual", gate=gate)
            self.assertTrue(
                torch.equal(logits(spec, weights, self.ids), logits(plain, weights, self.ids))
            )


class CompositeTest(unittest.TestCase):
    def setUp(self):
        self.ids, self.labels = table.random_tokens(6)

    def test_slice_starts_as_the_weighted_logits_of_its_parents(self):
        paths = table.three(table.stack("other", 12, 3, 1, "dual_path", loops=2))
        for fields, scale in (
            ({}, [1 / 3] * 3),
            ({"scale": "sum"}, [1] * 3),
            ({"weights": [0.5, 0.2, 1.3]}, [0.5, 0.2, 1.3]),
            ({"gate": False, "cross": True}, [1 / 3] * 3),
        ):
            spec = table.composite("slice", {"kind": "slice", **fields}, paths)
            weights = exact(spec)
            for name, value in weights.items():
                started = name.startswith("large.") and name.endswith(
                    ("attn.o.weight", "ffn.down.weight")
                )
                if (
                    started
                    or name.endswith("cross.weight")
                    and ".path." not in name
                    or name.startswith("gate.")
                ):
                    value.zero_()
            alone, begin = [], 0
            for p, path in enumerate(paths):
                own = table.model("path", dense=path)
                take = slice(begin, begin + path["d"])
                begin += path["d"]
                parent = {
                    name: weights[name][..., take]
                    for name in ("embed.weight", "norm.weight", "head.weight")
                }
                parent.update(
                    {
                        f"blocks.{layer}.{rest}": value
                        for name, value in weights.items()
                        for layer in range(path["blocks"])
                        for prefix in [f"parallel.{layer}.path.{p}."]
                        if name.startswith(prefix)
                        for rest in [name[len(prefix) :]]
                    }
                )
                alone.append(logits(own, parent, self.ids))
            expected = sum(factor * part for factor, part in zip(scale, alone))
            self.assertLess((logits(spec, weights, self.ids) - expected).abs().max().item(), 1e-12)

    def test_straight_through_is_a_candidate_forward_and_soft_backward(self):  # P 11.7
        draw = torch.Generator().manual_seed(4)
        z = torch.randn(1, 2, 3, generator=draw, dtype=torch.float64)
        noise = torch.randn(1, 2, 3, generator=draw, dtype=torch.float64)
        candidates = torch.randn(1, 2, 3, 5, generator=draw, dtype=torch.float64)
        pull = torch.randn(1, 2, 5, generator=draw, dtype=torch.float64)  # dL/dout
        z.requires_grad_(True)
        g = route(z, {"kind": "gumbel", "tau": 1.3, "hard": True}, noise)
        out = (g.unsqueeze(-1) * candidates).sum(-2)
        chosen = (z + noise).argmax(-1)
        for token in range(2):
            row = candidates[0, token, chosen[0, token]]
            self.assertLess((out[0, token] - row).abs().max().item(), 1e-15)
        (out * pull).sum().backward()

        def soft(at):
            mixture = ((at + noise) / 1.3).softmax(-1)
            return ((mixture.unsqueeze(-1) * candidates).sum(-2) * pull).sum().item()

        for index in range(6):
            step = torch.zeros(6, dtype=torch.float64)
            step[index] = 1e-5
            step = step.view(z.shape)
            slope = (soft(z.detach() + step) - soft(z.detach() - step)) / 2e-5
            self.assertAlmostEqual(z.grad.flatten()[index].item(), slope, places=8)

    def test_top1_is_one_choice_times_its_probability(self):
        z = torch.tensor([[[0.1, 2.0, -1.0]]], dtype=torch.float64)
        g = route(z, {"kind": "top1", "tau": 1.0, "hard": True}, None)
        self.assertEqual(g[0, 0, 0].item(), 0)
        self.assertAlmostEqual(g[0, 0, 1].item(), z.softmax(-1)[0, 0, 1].item(), places=15)

    def test_auxiliary_losses_at_a_uniform_router(self):  # P 7 T3, T4; P 11.2
        draw = torch.Generator().manual_seed(5)
        z = torch.zeros(4, 256, 3, dtype=torch.float64)
        layers = []
        for _ in range(3):
            uniform = torch.rand(z.shape, generator=draw, dtype=torch.float64).clamp(min=1e-10)
            g = route(
                z, {"kind": "gumbel", "tau": 1.0, "hard": True}, -torch.log(-torch.log(uniform))
            )
            layers.append({"z": z, "g": g})
        paper = 0.01 * sum(auxiliary(layers, "plus_entropy", "sample"))
        fixed = 0.01 * sum(auxiliary(layers, "neg_entropy", "softmax"))
        self.assertAlmostEqual(paper.item(), 0.033, delta=0.0005)
        self.assertAlmostEqual(fixed.item(), -0.0659, delta=0.0001)
        self.assertLess(
            abs(auxiliary(layers, "plus_entropy", "sample")[0].item()), 1e-6
        )  # L_ent of one-hots

    def test_unequal_paths_read_through_their_own_projections(self):
        x = torch.ones(1, 2, 16)
        scope = Scope(
            {
                "parallel.1.path_in.0.weight": torch.ones(8, 16),
                "shrink.0.weight": torch.zeros(8, 16),
            }
        )
        self.assertEqual(path_input(x, 0, 8, 1, scope, equal=False).shape, (1, 2, 8))
        self.assertEqual(path_input(x, 0, 8, 0, scope, equal=False).abs().max().item(), 0)
        self.assertIs(path_input(x, 0, 16, 1, scope, equal=False), x)

    def test_first_loss_of_random_weights_is_that_of_the_uniform_guess(self):  # P 11.2
        for spec in (
            table.composite("share", {"kind": "share"}),
            table.composite("routed", table.routed("softmax")),
        ):
            draw = torch.Generator().manual_seed(8)
            weights = {
                name: torch.ones(shape)
                if name.endswith("norm.weight")
                else torch.zeros(shape)
                if name.endswith("bias")
                else 0.02 * torch.randn(shape, generator=draw)
                for name, shape in table.shapes_of(spec).items()
            }
            self.assertAlmostEqual(
                loss(spec, weights, self.ids, self.labels).item(), math.log(table.VOCAB), delta=0.15
            )


class TensorsTest(unittest.TestCase):
    """The tensors that everything here runs on are as many as published."""

    def count(self, spec):
        return sum(math.prod(shape) for shape in table.shapes_of(spec).values())

    def published(self, arch, connection=None, vocab=50278):
        if connection is None:
            return {**table.dense("llama", arch, blocks=8, d=256, heads=8), "vocab": vocab}
        paths = [table.stack(name, 128, 4, 3) for name in ("path_1", "path_2")]
        return {**table.composite("composite", connection, paths, arch), "vocab": vocab}

    def test_papaformer(self):  # P 2.1, 11.1
        for connection, paper, fixed in (
            (None, 33619200, 34135296),
            ({"kind": "share"}, 29354752, 29579008),
            (table.routed("gumbel"), 29356297, 29580553),
            (table.routed("gumbel", "concat"), 29357449, 29581705),
        ):
            self.assertEqual(self.count(self.published(table.PAPER, connection)), paper)
            self.assertEqual(self.count(self.published({}, connection)), fixed)

    def test_dual_path(self):  # D 4, 10.1
        for kind, K, deep, wide, count in (
            ("wide", None, None, 16384, 719022864),
            ("loop", 2, 7680, None, 398170944),
            ("dual_path", 4, 1280, 7680, 483156880),
            ("dual_path", 3, 512, 12032, 615277440),
        ):
            knobs = {"qk_norm": True, "loops": K, "ffn_deep": deep, "ffn_wide": wide}
            knobs = {name: value for name, value in knobs.items() if value is not None}
            spec = table.dense("m", block=kind, blocks=16, d=768, heads=12, **knobs)
            self.assertEqual(self.count({**spec, "vocab": 50304}), count)


class PartTest(unittest.TestCase):
    def test_rms_norm_has_unit_mean_square(self):
        y = rms_norm(torch.randn(3, 4, 32, dtype=torch.float64), torch.ones(32), 1e-12)
        self.assertLess(((y * y).mean(-1) - 1).abs().max().item(), 1e-9)

    def test_the_future_is_not_seen_nor_is_padding(self):
        spec = table.dense("llama")
        weights = exact(spec)
        ids, _ = table.random_tokens(9)
        before = logits(spec, weights, ids)
        changed = ids.clone()
        changed[:, 8:] = (changed[:, 8:] + 1) % table.PAD
        self.assertTrue(torch.equal(before[:, :8], logits(spec, weights, changed)[:, :8]))
        padded = ids.clone()
        padded[:, 0] = table.PAD
        self.assertTrue(
            torch.isfinite(logits(spec, weights, padded)).all()
        )  # P 7: no NaN where no key is visible

    def test_scale_multiplies_both_updates(self):
        spec = table.dense("llama", blocks=1)
        weights = exact(spec)
        ids, _ = table.random_tokens(10)
        x = weights["embed.weight"][ids]
        scope, context = Scope(weights).at("blocks.0"), Context(spec, ids, Run())
        self.assertTrue(torch.equal(sublayers(x, 0.0, scope, 2, context), x))


if __name__ == "__main__":
    unittest.main(argv=["restatement_test", *sys.argv[3:]], verbosity=2)
