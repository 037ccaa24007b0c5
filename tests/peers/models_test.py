"""trainer/network against the restatement: every configuration on equal weights. Logits,
log-probabilities and decoded logits within 1e-4; the gradient of each tensor within 1e-3 of its
norm, |ours - theirs| / |theirs|. What is right is computed in fp64, so that the bounds are of
braid's own error, on any CPU."""

import os
import sys
import unittest

import configurations as table
import torch
from dump import DumpError, run_network
from llama import as_llama
from noise import gumbel
from restatement import Run, auxiliary, logits, loss, mean_loss

DUMP = os.path.join(sys.argv[2], "model_dump") if len(sys.argv) > 2 else "model_dump"
SEED = 42  # of the noise of training, where a request names none
NO_AUXILIARY = {
    "lambda_entropy": 0.0,
    "lambda_load": 0.0,
    "load": "neg_entropy",
    "probs": "softmax",
}


def double(weights, gradients=False):
    return {name: value.double().requires_grad_(gradients) for name, value in weights.items()}


def case(spec, seed=1, **request):
    ids, labels = table.random_tokens(seed)
    return spec, table.random_weights(spec, seed), {"ids": ids, "labels": labels, **request}


def reference(one, run=None, also=lambda run: 0.0):
    """(logits, loss, auxiliary, gradients by name) of the restatement in float64."""
    spec, weights, request = one
    run = run or Run()
    own = double(weights, gradients=True)
    values = logits(spec, own, request["ids"], run)
    cross_entropy, extra = mean_loss(values, request["labels"]), also(run)
    (cross_entropy + extra).backward()
    return (
        values.detach(),
        cross_entropy.item(),
        float(torch.as_tensor(extra).detach()),
        {
            name: torch.zeros_like(value) if value.grad is None else value.grad
            for name, value in own.items()
        },
    )


def smallest_margin(run):
    """How far the closest decision of a hard router is from a tie."""
    gaps = [layer["z"].topk(2, -1).values for layer in run.routers]
    return min((gap[..., 0] - gap[..., 1]).min().item() for gap in gaps) if gaps else float("inf")


class NetworkTest(unittest.TestCase):
    maxDiff = None

    def run_all(self, cases):
        results = run_network(DUMP, cases)
        errors = {
            name: str(result) for name, result in results.items() if isinstance(result, DumpError)
        }
        self.assertEqual(errors, {})
        return results

    def close(self, ours, theirs, bound, what):
        self.assertEqual(tuple(ours.shape), tuple(theirs.shape), what)
        self.assertLess((ours.double() - theirs).abs().max().item(), bound, what)

    def gradients_close(self, result, gradients, bound=1e-3):
        self.assertEqual(
            {name for name in result if name.startswith("grad.")},
            {"grad." + name for name in gradients},
        )
        total = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
        for name, theirs in gradients.items():
            difference = (result["grad." + name].double() - theirs).norm()
            # A gradient that is nothing beside the others is held to their rounding.
            self.assertLess(
                difference.item(), max(bound * theirs.norm(), 1e-7 * total).item(), name
            )


class EveryModelTest(NetworkTest):
    @classmethod
    def setUpClass(cls):
        cls.cases = {
            spec["name"]: case(spec, seed, decode=True)
            for seed, spec in enumerate(table.table(), 1)
        }
        cls.results = run_network(DUMP, cls.cases)

    def each(self):
        for name, one in self.cases.items():
            with self.subTest(name):
                result = self.results[name]
                self.assertNotIsInstance(result, DumpError, str(result))
                yield name, one, result

    def test_logits(self):
        for _, one, result in self.each():
            theirs = logits(one[0], double(one[1]), one[2]["ids"])
            self.close(result["logits"], theirs, 1e-4, "logits")
            log_p = (
                theirs.log_softmax(-1)
                .gather(-1, one[2]["labels"].clamp(min=0).unsqueeze(-1))
                .squeeze(-1)
            )
            self.close(
                result["log_probabilities"],
                log_p.masked_fill(one[2]["labels"] < 0, 0.0),
                1e-4,
                "log_probabilities",
            )

    def test_loss_and_gradients(self):
        for _, one, result in self.each():
            run = Run()
            _, mean, _, gradients = reference(one, run)
            self.assertGreater(smallest_margin(run), 1e-4)  # else the draw is no fair question
            self.assertLess(abs(result["loss"].item() - mean), 1e-5)
            self.assertLess(abs(result["training.loss"].item() - mean), 1e-5)
            self.assertEqual(result["training.auxiliary"].item(), 0.0)
            self.gradients_close(result, gradients)

    def test_decoding_with_kept_keys_gives_the_same_logits(self):
        for _, one, result in self.each():
            self.close(
                result["decoded"], logits(one[0], double(one[1]), one[2]["ids"]), 1e-4, "decoded"
            )

    def test_gradients_along_a_random_direction_by_finite_differences(self):
        """Central differences of the float64 loss, independent of autograd; hard choices have no slope to compare with."""
        for name, (spec, weights, request), result in self.each():
            router = spec.get("connection", {}).get("router", {})
            if router.get("hard") and router.get("kind") in ("softmax", "gumbel"):
                continue
            draw = torch.Generator().manual_seed(17)
            direction = {
                key: torch.randn(value.shape, generator=draw, dtype=torch.float64)
                for key, value in weights.items()
            }
            direction["embed.weight"][spec["pad_id"]] = 0.0
            step = 1e-6

            def at(sign):
                moved = {
                    key: value.double() + sign * step * direction[key]
                    for key, value in weights.items()
                }
                return loss(spec, moved, request["ids"], request["labels"]).item()

            slope = (at(1) - at(-1)) / (2 * step)
            products = [(result["grad." + key].double() * direction[key]).sum() for key in weights]
            size = (
                torch.stack([result["grad." + key].double().norm() for key in weights])
                .norm()
                .item()
            )
            self.assertLess(abs(sum(products).item() - slope), 1e-4 * size, name)


class LlamaTest(NetworkTest):
    def test_dense_models_are_transformers_llama(self):
        specs = [spec for spec in table.dense_table() if spec["dense"]["block"] == "llama"]
        specs.append(table.dual("loop_final", block="loop", mix="final"))
        specs.append(table.dense("wide", block="wide"))
        specs.append({**table.dense("larger", d=96, heads=3, blocks=3), "sequence": 48})
        cases = {spec["name"]: case(spec, 21) for spec in specs}
        results = self.run_all(cases)
        for name, (spec, weights, request) in cases.items():
            theirs = as_llama(spec, weights)(input_ids=request["ids"]).logits.detach()
            self.close(results[name]["logits"], theirs, 1e-4, name)

    def test_gradients_of_transformers(self):
        scaled = {"rope_scaling": table.ROPE_LLAMA3}
        for spec in (
            table.dense("llama", d=64, heads=2, blocks=3),
            table.dense("llama_3", scaled, d=64, heads=8, kv_heads=2, blocks=3),
        ):
            with self.subTest(spec["name"]):
                self.check_gradients_of_transformers(spec)

    def check_gradients_of_transformers(self, spec):
        one = case(spec, 22)
        result = self.run_all({"llama": one})["llama"]
        net = as_llama(one[0], one[1])
        mean_loss(net(input_ids=one[2]["ids"]).logits, one[2]["labels"]).backward()
        theirs = {
            "embed.weight": net.model.embed_tokens.weight.grad,
            "norm.weight": net.model.norm.weight.grad,
            "head.weight": net.lm_head.weight.grad,
        }
        for i, layer in enumerate(net.model.layers):
            for part in "qkvo":
                theirs[f"blocks.{i}.attn.{part}.weight"] = getattr(
                    layer.self_attn, part + "_proj"
                ).weight.grad
            for part in ("gate", "up", "down"):
                theirs[f"blocks.{i}.ffn.{part}.weight"] = getattr(
                    layer.mlp, part + "_proj"
                ).weight.grad
            theirs[f"blocks.{i}.attn_norm.weight"] = layer.input_layernorm.weight.grad
            theirs[f"blocks.{i}.ffn_norm.weight"] = layer.post_attention_layernorm.weight.grad
        self.gradients_close(result, theirs)


class ElementTest(NetworkTest):
    def test_scalars_routers_and_gates_by_finite_differences(self):
        """Dual-path 10.7: a_k, beta, w, b, W_g (and b_g) one element at a time, at d = 8, K = 3."""
        for knobs in (
            {},
            {"gate": "convex", "cross": True},
            {"residual": "preserved", "skip_last_router": False},
        ):
            spec = table.dual("dual", d=8, heads=1, blocks=1, loops=3, **knobs)
            spec_, weights, request = one = case(spec, 31)
            result = self.run_all({"dual": one})["dual"]
            for name in (
                "deep.scale",
                "wide.scale",
                "router.weight",
                "router.bias",
                "gate.weight",
                "gate.bias",
            ):
                name, step = "blocks.0." + name, 1e-5
                ours, size = result["grad." + name].double(), result["grad." + name].norm().item()
                self.assertGreater(size, 0, name)
                for index in range(ours.numel()):

                    def at(sign):
                        moved = double(weights)
                        moved[name].view(-1)[index] += sign * step
                        return loss(spec_, moved, request["ids"], request["labels"]).item()

                    slope = (at(1) - at(-1)) / (2 * step)
                    self.assertLess(
                        abs(ours.flatten()[index].item() - slope), 1e-3 * size, f"{name}[{index}]"
                    )


class RouterTest(NetworkTest):
    def test_gumbel_trains_under_the_noise_of_its_draw(self):
        """PaPaformer 3.1, straight-through and soft: the restatement draws the same noise (noise.py)."""
        cases = {spec["name"]: case(spec, 41 + i) for i, spec in enumerate(table.gumbel_table())}
        results = self.run_all(cases)
        for name, one in cases.items():
            margins = []

            def drawn(layer, z):
                noise = gumbel(SEED, 0, layer, z.shape)
                best = (z + noise).topk(2, -1).values
                margins.append((best[..., 0] - best[..., 1]).min().item())
                return noise

            with self.subTest(name):
                _, mean, _, gradients = reference(one, Run(gumbel=drawn))
                self.assertGreater(min(margins), 1e-4)  # else the draw is no fair question
                self.assertLess(abs(results[name]["training.loss"].item() - mean), 1e-5)
                self.gradients_close(results[name], gradients)

    def test_gumbel_evaluates_without_noise_by_default(self):
        cases = {
            spec["name"]: case(spec, 51, routing=True, decode=True) for spec in table.gumbel_table()
        }
        other = {
            name + " again": (spec, weights, {**request, "noise_seed": 99})
            for name, (spec, weights, request) in cases.items()
        }
        results = self.run_all({**cases, **other})
        for name, (spec, weights, request) in cases.items():
            run = Run()
            self.close(
                results[name]["logits"],
                logits(spec, double(weights), request["ids"], run),
                1e-4,
                name,
            )
            self.assertTrue(
                torch.equal(results[name]["logits"], results[name + " again"]["logits"])
            )  # docs/papers/papaformer.md#s11
            for layer, router in enumerate(run.routers):
                best = router["z"].argmax(-1).flatten()
                for kind in ("choices", "clean_choices"):
                    self.assertTrue(
                        torch.equal(results[name][f"routing.{layer}.{kind}"].long(), best),
                        (name, layer, kind),
                    )

    def test_gumbel_noise_always(self):
        """PaPaformer 11.6: two noisy passes differ and agree under one seed; a pass is the one of its own choices, and a
        choice is as frequent as softmax(z) says (the Gumbel-max law)."""
        spec = table.composite("noisy", table.routed("gumbel"), arch={"router_noise": "always"})
        weights = table.random_weights(spec, 61)
        ids, labels = table.random_tokens(61, batch=1)
        request = {"ids": ids, "labels": labels, "routing": True, "noise_seed": 5}
        long_ids, long_labels = table.random_tokens(62, batch=8, sequence=256)
        many = {"ids": long_ids, "labels": long_labels, "routing": True}
        results = self.run_all(
            {
                "one": (spec, weights, request),
                "same": (spec, weights, request),
                "other": (spec, weights, {**request, "noise_seed": 6}),
                "many": ({**spec, "sequence": 256}, weights, many),
            }
        )
        self.assertTrue(torch.equal(results["one"]["logits"], results["same"]["logits"]))
        self.assertGreater(
            (results["one"]["logits"] - results["other"]["logits"]).abs().max().item(), 0.1
        )
        choices = [
            results["one"][f"routing.{layer}.choices"].long().view(1, -1) for layer in range(3)
        ]

        def forced(of, rows):
            return Run(
                gumbel=lambda layer, z: 1e4
                * torch.nn.functional.one_hot(of[layer].view(rows, -1), 3).to(z.dtype)
            )

        self.close(
            results["one"]["logits"],
            logits(spec, double(weights), ids, forced(choices, 1)),
            1e-4,
            "one",
        )
        # Choices without noise are those of a pass without noise, in every layer; the stream of a noisy pass has been elsewhere.
        quiet = Run()
        logits(spec, double(weights), long_ids, quiet)
        differ = 0
        for layer, router in enumerate(quiet.routers):
            clean = results["many"][f"routing.{layer}.clean_choices"].long()
            best = router["z"].topk(2, -1).values.view(-1, 2)
            sure = best[:, 0] - best[:, 1] > 1e-4
            self.assertGreater(sure.sum().item(), 0.9 * len(clean))
            self.assertTrue(torch.equal(clean[sure], router["z"].argmax(-1).flatten()[sure]), layer)
            differ += (clean != results["many"][f"routing.{layer}.choices"].long()).sum().item()
        self.assertGreater(differ, 0)
        taken = [results["many"][f"routing.{layer}.choices"].long() for layer in range(3)]
        run = forced(taken, 8)
        logits(spec, double(weights), long_ids, run)
        for layer, router in enumerate(run.routers):
            p = router["z"].softmax(-1).view(-1, 3)
            for choice in range(3):
                expected, variance = (
                    p[:, choice].sum().item(),
                    (p * (1 - p))[:, choice].sum().item(),
                )
                count = (taken[layer] == choice).sum().item()
                self.assertLess(abs(count - expected), 4.5 * variance**0.5, (layer, choice))

    def test_auxiliary_losses_and_their_gradients(self):
        """Formulas (8)-(10) in all four modes of T3 and T4, on routers that draw nothing."""
        cases, modes = {}, {}
        for spec in (
            table.composite("hard", table.routed("softmax", "concat")),
            table.composite(
                "soft", table.routed("softmax", "x", hard=False, tau=0.7), table.three()
            ),
        ):
            for load in ("neg_entropy", "plus_entropy"):
                for probs in ("softmax", "sample"):
                    name = f"{spec['name']} {load} {probs}"
                    modes[name] = (load, probs)
                    cases[name] = case(
                        spec,
                        71,
                        auxiliary={
                            "lambda_entropy": 0.3,
                            "lambda_load": 0.7,
                            "load": load,
                            "probs": probs,
                        },
                    )
        results = self.run_all(cases)
        for name, one in cases.items():

            def also(run):
                entropy, balance = auxiliary(run.routers, *modes[name])
                return 0.3 * entropy + 0.7 * balance

            with self.subTest(name):
                _, mean, extra, gradients = reference(one, also=also)
                self.assertLess(abs(results[name]["training.loss"].item() - mean), 1e-5)
                self.assertLess(abs(results[name]["training.auxiliary"].item() - extra), 1e-4)
                self.gradients_close(results[name], gradients)

    def test_auxiliary_totals_at_the_start(self):
        """PaPaformer 11.2: +0.033 as published, -0.066 corrected, at the initial weights."""
        spec = table.composite("start", table.routed("gumbel"))
        draw = torch.Generator().manual_seed(81)
        weights = {
            name: torch.ones(shape)
            if name.endswith("norm.weight")
            else torch.zeros(shape)
            if name.endswith("bias")
            else 0.02 * torch.randn(shape, generator=draw)
            for name, shape in table.shapes_of(spec).items()
        }
        weights["embed.weight"][spec["pad_id"]] = 0.0
        ids, labels = table.random_tokens(82, batch=8, sequence=128)
        spec = {**spec, "sequence": 128}
        cases = {
            load: (
                spec,
                weights,
                {
                    "ids": ids,
                    "labels": labels,
                    "auxiliary": {
                        "lambda_entropy": 0.01,
                        "lambda_load": 0.01,
                        "load": load,
                        "probs": probs,
                    },
                },
            )
            for load, probs in (("plus_entropy", "sample"), ("neg_entropy", "softmax"))
        }
        results = self.run_all(cases)
        self.assertAlmostEqual(
            results["plus_entropy"]["training.auxiliary"].item(), 0.033, delta=0.005
        )
        self.assertAlmostEqual(
            results["neg_entropy"]["training.auxiliary"].item(), -0.066, delta=0.005
        )
        for result in results.values():  # the first half of 11.2
            self.assertAlmostEqual(
                result["training.loss"].item(),
                torch.log(torch.tensor(float(table.VOCAB))).item(),
                delta=0.15,
            )


class DualTest(NetworkTest):
    FIELDS = (
        "rho",
        "cos",
        "g_deep",
        "g_wide",
        "norm_deep",
        "norm_wide",
        "norm_x",
        "expected_steps",
    )
    CHANGES = {
        "two loops": {"loops": 2},
        "two loops, trained feature": {"loops": 2, "step_feature": "trained"},
        "five loops": {"loops": 5},
        "deep only": {"gate_deep": 1.0, "gate_wide": 0.0},
        "wide only": {"gate_deep": 0.0, "gate_wide": 1.0},
        "uniform": {"gate_deep": 0.5, "gate_wide": 0.5},
        "fully open": {"gate_deep": 1.0, "gate_wide": 1.0},
        "early exit": {"early_exit": 0.4},
        "some positions": {
            "gate_deep": 0.9,
            "gate_wide": 0.1,
            "positions": [i % 3 == 0 for i in range(table.SEQUENCE)],
        },
        "sum kept": {"gate_deep": 0.9, "gate_wide": 0.1, "keep_sum": True},
    }

    def one(self, spec, **request):
        ids, labels = table.random_tokens(91, batch=1)
        return spec, table.random_weights(spec, 91), {"ids": ids, "labels": labels, **request}

    def test_read_outs(self):
        """Dual-path 6."""
        specs = [
            table.dual("two gates"),
            table.dual("softmax asks last", gate="softmax", skip_last_router=False),
        ]
        specs += [
            table.dual("convex hears", gate="convex", cross=True),
            table.dual("fixed hears", gate="fixed", cross=True, residual="preserved"),
        ]
        specs.append(
            table.composite(
                "in a composite",
                {"kind": "share"},
                table.three(table.stack("other", 12, 3, 1, "dual_path", loops=3)),
            )
        )
        cases = {spec["name"]: self.one(spec, readouts=True) for spec in specs}
        results = self.run_all(cases)
        for name, (spec, weights, request) in cases.items():
            run = Run()
            logits(spec, double(weights), request["ids"], run)
            places = {
                key.split("readout.")[1].rsplit(".rho", 1)[0]
                for key in results[name]
                if key.endswith(".rho")
            }
            self.assertEqual(places, set(run.readouts), name)
            for place, seen in run.readouts.items():
                fields = self.FIELDS + tuple(field for field in seen if field.startswith("q."))
                for field in fields:
                    self.close(
                        results[name][f"readout.{place}.{field}"],
                        seen[field].flatten(),
                        2e-4,
                        f"{name} {place} {field}",
                    )
                rho = results[name][f"readout.{place}.rho"]
                self.assertTrue(torch.all((rho >= 0) & (rho <= 1)))

    def test_interventions(self):
        """Dual-path 7: each does what its rule says, and nothing is left of it in what follows."""
        for spec in (
            table.dual("two_gates"),
            table.dual("convex", gate="convex", residual="preserved", cross=True),
            table.dual("asks_last", skip_last_router=False),
        ):
            plain = self.one(spec)
            cases = {
                name: self.one(spec, readouts=True, intervention=change)
                for name, change in self.CHANGES.items()
            }
            results = self.run_all({**cases, "plain": plain})
            for name, (_, weights, request) in cases.items():
                with self.subTest(f"{spec['name']}: {name}"):
                    run = Run(intervention=request["intervention"])
                    theirs = logits(spec, double(weights), request["ids"], run)
                    self.close(results[name]["logits"], theirs, 1e-4, name)
                    for field in ("g_deep", "g_wide", "expected_steps"):
                        self.close(
                            results[name][f"readout.blocks.1.{field}"],
                            run.readouts["blocks.1"][field].flatten(),
                            1e-4,
                            field,
                        )
                    for key, value in results["plain"].items():
                        if key.startswith("grad."):
                            self.assertTrue(torch.equal(results[name][key], value), key)

    def test_positions_that_are_not_one_for_each_row_are_an_error_that_names_the_field(self):
        spec = table.dual("two_gates")
        change = {"gate_deep": 1.0, "gate_wide": 0.0}
        cases = {
            str(count): self.one(spec, intervention={**change, "positions": [True] * count})
            for count in (1, table.SEQUENCE - 1, table.SEQUENCE + 1, 1000 * table.SEQUENCE)
        }
        for count, result in run_network(DUMP, cases).items():
            self.assertIsInstance(result, DumpError)
            self.assertIn(
                f"intervention.positions: has {count} entries for a pass of {table.SEQUENCE} rows",
                str(result),
            )

    def test_shuffles_keep_the_gates_of_a_sequence(self):
        """Dual-path 10.5: sorted gate values of each sequence stay; `joint` moves pairs, `independent` breaks them."""
        spec = table.dual("dual", blocks=1)
        ids, labels = table.random_tokens(92, batch=3)
        request = {"ids": ids, "labels": labels, "readouts": True}
        weights = table.random_weights(spec, 92)
        results = self.run_all(
            {
                kind: (spec, weights, {**request, "intervention": {"shuffle": kind}})
                for kind in ("none", "independent", "joint")
            }
        )
        gates = {
            kind: torch.stack(
                [result[f"readout.blocks.0.{path}"].view(3, -1) for path in ("g_deep", "g_wide")],
                -1,
            )
            for kind, result in results.items()
        }
        for kind in ("independent", "joint"):
            self.assertFalse(torch.equal(gates[kind], gates["none"]), kind)
            self.assertTrue(
                torch.equal(gates[kind].sort(1).values, gates["none"].sort(1).values), kind
            )
        pairs = {
            kind: {tuple(pair) for pair in value.flatten(0, 1).tolist()}
            for kind, value in gates.items()
        }
        self.assertEqual(pairs["joint"], pairs["none"])
        self.assertNotEqual(pairs["independent"], pairs["none"])
        for field in ("norm_deep", "norm_wide", "cos"):
            for kind in ("independent", "joint"):
                self.assertTrue(
                    torch.equal(
                        results[kind][f"readout.blocks.0.{field}"],
                        results["none"][f"readout.blocks.0.{field}"],
                    )
                )

    def test_gates_at_the_corners(self):
        """Dual-path 9 and 10.6, in the network itself: (1, 0) is the loop and rho 1, (0, 1) the wide block and rho 0."""
        spec = table.dual("dual")
        weights = self.one(spec)[1]
        cases = {}
        for name, deep, other in (
            ("deep", 1.0, table.dual("loop", block="loop")),
            ("wide", 0.0, table.dense("wide", block="wide")),
        ):
            cases[name] = self.one(
                spec, readouts=True, intervention={"gate_deep": deep, "gate_wide": 1 - deep}
            )
            cases[name + " alone"] = (
                other,
                {key: weights[key] for key in table.shapes_of(other)},
                self.one(spec)[2],
            )
        results = self.run_all(cases)
        for name, rho in (("deep", 1.0), ("wide", 0.0)):
            self.assertTrue(
                torch.equal(results[name]["logits"], results[name + " alone"]["logits"]), name
            )
            self.assertTrue(torch.all(results[name]["readout.blocks.1.rho"] == rho))


class TeachersTest(NetworkTest):
    """The loss with teachers (docs/models.md, "Teachers"), in fp64 from the restatement's logits."""

    def reference(self, spec, weights, request):
        own = double(weights, gradients=True)
        values = logits(spec, own, request["ids"], Run())
        counts = request["labels"] >= 0
        teaching = request["teaching"]
        t, taught, divergence = teaching["temperature"], 0, torch.zeros((), dtype=torch.float64)
        for part in teaching["parts"]:
            rows = torch.zeros(len(counts), dtype=torch.bool)
            rows[part["sequences"]] = True
            valid = counts & rows.unsqueeze(1)
            taught += valid.sum().item() if part["teachers"] else 0
            for place in part["teachers"]:
                model, theirs = request["teachers"][place]
                with torch.no_grad():
                    wanted = logits(model, double(theirs), request["ids"], Run())
                one = torch.nn.functional.kl_div(
                    (values[valid] / t).log_softmax(-1),
                    (wanted[valid] / t).log_softmax(-1),
                    reduction="sum",
                    log_target=True,
                )
                divergence = divergence + one / len(part["teachers"])
        loss = mean_loss(values, request["labels"])
        (loss + teaching["weight"] * t * t * divergence / counts.sum()).backward()
        return loss.item(), divergence.item(), taught, {key: p.grad for key, p in own.items()}

    def test_losses_and_gradients(self):
        teachers = [
            (one, table.random_weights(one, 70 + place))
            for place, one in enumerate(
                (table.dense("first"), table.dual("second", blocks=1), table.dense("third", d=8))
            )
        ]
        cases = {}
        for number, (spec, weight, t) in enumerate(
            (
                (table.composite("slice", {"kind": "slice", "cross": True}), 0.5, 1.0),
                (table.composite("share", {"kind": "share"}), 2.0, 3.0),
                (table.dual("dual"), 0.25, 0.5),
            )
        ):
            ids, labels = table.random_tokens(60 + number, batch=5)
            labels[2, 3:6] = -1
            request = {
                "ids": ids,
                "labels": labels,
                "teachers": teachers,
                "teaching": {
                    "weight": weight,
                    "temperature": t,
                    # One has two teachers, and one none.
                    "parts": [
                        {"sequences": [0, 3], "teachers": [0]},
                        {"sequences": [1, 2], "teachers": [1, 2]},
                        {"sequences": [4], "teachers": []},
                    ],
                },
            }
            cases[spec["name"]] = (spec, table.random_weights(spec, 60 + number), request)
        for name, result in self.run_all(cases).items():
            with self.subTest(name):
                loss, divergence, taught, gradients = self.reference(*cases[name])
                self.assertLess(abs(result["taught.loss"].item() - loss), 1e-5)
                self.assertLess(abs(result["taught.divergence"].item() / divergence - 1), 1e-5)
                self.assertEqual(result["taught.targets"].item(), taught)
                self.gradients_close(
                    {
                        key.removeprefix("taught."): value
                        for key, value in result.items()
                        if key.startswith("taught.grad.")
                    },
                    gradients,
                )
                self.assertGreater(
                    (result["taught.grad.head.weight"] - result["grad.head.weight"]).norm().item(),
                    0.01 * result["grad.head.weight"].norm().item(),
                )


class InputTest(NetworkTest):
    def test_right_padding_changes_nothing_and_learns_nothing(self):
        """PaPaformer 1.2, 1.6. The restatement hides pad keys; after the last token, where alone braid has pads, no query
        that counts would see them."""
        cases = {}
        for spec in (
            table.dense("llama"),
            table.dense("paper", table.PAPER),
            table.composite("share", {"kind": "share"}),
            table.dual("dual"),
            table.composite("slice", {"kind": "slice"}),
        ):
            spec, weights, request = case(spec, 95)
            ids, labels = request["ids"].clone(), request["labels"].clone()
            ids[1, 8:] = table.PAD
            labels[1, 7:] = -1
            cases[spec["name"]] = (spec, weights, {"ids": ids, "labels": labels})
        results = self.run_all(cases)
        for name, one in cases.items():
            with self.subTest(name):
                theirs, mean, _, gradients = reference(one)
                rows = one[2]["ids"] != table.PAD
                self.close(results[name]["logits"][rows], theirs[rows], 1e-4, "logits")
                self.assertLess(abs(results[name]["loss"].item() - mean), 1e-5)
                self.assertEqual(
                    results[name]["grad.embed.weight"][table.PAD].abs().max().item(), 0.0
                )
                self.gradients_close(results[name], gradients)


if __name__ == "__main__":
    unittest.main(argv=["models_test", *sys.argv[3:]], verbosity=2)
