"""trainer/optim against torch.optim, step by step along the same gradients: AdamW, Muon (its matrices by torch.optim.Muon, all
other tensors by AdamW), the optimizer of outer steps (torch.optim.SGD), and the learning rates of transformers' schedules. What is right is computed in fp64."""

import inspect
import json
import os
import subprocess
import sys
import tempfile
import unittest

import configurations as table
import torch
from safetensors.torch import load_file, save_file
from torch.optim import _muon
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_wsd_schedule,
)

PEER = os.path.join(sys.argv[2], "optimizer_peer") if len(sys.argv) > 2 else "optimizer_peer"
STEPS = 5
RATES = [1e-2, 8e-3, 3e-2, 1e-3, 5e-3]


def double_precision_muon():
    """torch orthogonalises in bfloat16, which is right to two digits. The same function in fp64."""
    source = inspect.getsource(_muon._zeropower_via_newtonschulz)
    assert source.count(".bfloat16()") == 1
    names = dict(vars(_muon))
    exec(source.replace(".bfloat16()", ".double().clone()"), names)
    _muon._zeropower_via_newtonschulz = names["_zeropower_via_newtonschulz"]


def run_peer(folders):
    subprocess.run([PEER, *folders], check=True)
    return [load_file(os.path.join(folder, "result.safetensors")) for folder in folders]


def write_folder(root, name, spec, request):
    folder = os.path.join(root, name)
    os.mkdir(folder)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"format": 1, "model": spec}, file)
    with open(os.path.join(folder, "request.json"), "w") as file:
        json.dump(request, file)
    return folder


def is_hidden(name, shape):
    """The linear maps inside blocks, written down once more."""
    parts = name.split(".")
    if (
        parts[0] == "parallel"
        and parts[2] != "path"
        or parts[0] not in ("blocks", "large", "parallel")
    ):
        return False
    inside = [part for part in parts if part in ("attn", "ffn", "cross")]
    return len(shape) == 2 and bool(inside)


def decays(name, shape, scope):
    if scope == "matrices":
        return len(shape) == 2 and name != "embed.weight"
    return scope == "all" or name != "embed.weight"


def reference(weights, gradients, train):
    """Parameters after each step, by torch.optim in fp64."""
    optimizer = train["optimizer"]
    parameters = {name: value.double().requires_grad_() for name, value in weights.items()}
    if "sync" in train:
        outer = torch.optim.SGD(
            parameters.values(),
            nesterov=train["sync"]["outer"]["momentum"] > 0,
            **train["sync"]["outer"],
        )
        return steps_of(parameters, gradients, outer), 0
    hidden = [
        p
        for name, p in parameters.items()
        if optimizer["kind"] == "muon" and is_hidden(name, p.shape)
    ]
    groups = [
        {
            "params": [
                p
                for name, p in parameters.items()
                if not any(p is h for h in hidden)
                and decays(name, p.shape, train["decay_scope"]) == decay
            ],
            "weight_decay": optimizer["weight_decay"] if decay else 0.0,
        }
        for decay in (True, False)
    ]
    optimizers = [
        torch.optim.AdamW(
            [group for group in groups if group["params"]],
            betas=optimizer["betas"],
            eps=optimizer["eps"],
        )
    ]
    if hidden:
        optimizers.append(
            torch.optim.Muon(
                hidden,
                weight_decay=optimizer["weight_decay"],
                momentum=optimizer["momentum"],
                adjust_lr_fn="match_rms_adamw",
            )
        )
    steps = []
    for rate, gradient in zip(RATES, gradients):
        for name, p in parameters.items():
            p.grad = gradient[name].double()
        torch.nn.utils.clip_grad_norm_(parameters.values(), train["clip"])
        for one in optimizers:
            for group in one.param_groups:
                group["lr"] = rate
            one.step()
        steps.append({name: p.detach().clone() for name, p in parameters.items()})
    return steps, len(hidden)


def steps_of(parameters, gradients, optimizer):
    """Parameters after each step of a torch.optim optimizer."""
    steps = []
    for gradient in gradients:
        for name, p in parameters.items():
            p.grad = gradient[name].double()
        optimizer.step()
        steps.append({name: p.detach().clone() for name, p in parameters.items()})
    return steps


class OptimizerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        double_precision_muon()

    def compare(self, spec, train, size):
        weights = table.random_weights(spec, 1)
        generator = torch.Generator().manual_seed(7)
        gradients = [
            {
                name: size * torch.randn(value.shape, generator=generator)
                for name, value in weights.items()
            }
            for _ in RATES
        ]
        with tempfile.TemporaryDirectory() as root:
            folder = write_folder(root, "a", spec, {"train": train, "rates": RATES})
            save_file(
                {name: value.float().contiguous() for name, value in weights.items()},
                os.path.join(folder, "model.safetensors"),
            )
            for step, gradient in enumerate(gradients):
                save_file(gradient, os.path.join(folder, f"gradients-{step}.safetensors"))
            ours = run_peer([folder])[0]
        theirs, hidden = reference(weights, gradients, train)
        for step in range(STEPS):
            for name, value in theirs[step].items():
                error = (ours[f"{step}.{name}"].double() - value).abs().max().item()
                self.assertLess(
                    error, 2e-5 * max(1.0, value.abs().max().item()), f"step {step}, {name}"
                )
        return hidden

    def train(self, kind, **fields):
        optimizer = {
            "kind": kind,
            "betas": [0.9, 0.95],
            "eps": 1e-5,
            "weight_decay": 0.1,
            **fields.pop("optimizer", {}),
        }
        if kind == "muon":
            optimizer.setdefault("momentum", 0.95)
        return {"optimizer": optimizer, "clip": 1.0, "decay_scope": "matrices", **fields}

    def test_adamw(self):
        dense = table.dense("m")
        self.compare(dense, self.train("adamw"), size=0.5)
        self.compare(
            dense,
            self.train(
                "adamw", decay_scope="all", optimizer={"weight_decay": 0.5, "betas": [0.8, 0.99]}
            ),
            size=0.001,
        )

    def test_muon(self):
        hidden = self.compare(table.dense("m"), self.train("muon"), size=0.5)
        self.assertEqual(hidden, 14)
        self.compare(
            table.dense("m"),
            self.train("muon", optimizer={"momentum": 0.5, "weight_decay": 0.5}),
            size=0.01,
        )

    def test_outer_steps(self):
        for outer in ({"lr": 0.7, "momentum": 0.9}, {"lr": 1.0, "momentum": 0.0}):
            train = self.train("adamw", sync={"method": "diloco", "every": 3, "outer": outer})
            self.compare(table.dense("m"), train, size=0.01)

    def test_muon_of_a_composite_with_dual_path_blocks(self):
        paths = [
            table.stack("first", 16, 2, 2),
            table.stack("second", 16, 2, 2, "dual_path", cross=True, loops=2),
        ]
        spec = table.composite("c", {"kind": "share"}, paths)
        hidden = self.compare(spec, self.train("muon"), size=0.5)
        self.assertEqual(hidden, 2 * 7 + 2 * 7 + 2 * (7 + 7 + 2))


class ScheduleTest(unittest.TestCase):
    def rates(self, total, **train):
        with tempfile.TemporaryDirectory() as root:
            folder = write_folder(
                root,
                "a",
                table.dense("m"),
                {"train": {"optimizer": {"lr": 1.0}, **train}, "total_steps": total},
            )
            return run_peer([folder])[0]["rates"]

    def theirs(self, total, schedule, **arguments):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = schedule(optimizer, **arguments)
        rates = []
        for _ in range(total + 1):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        return torch.tensor(rates)

    def close(self, ours, theirs, begin):
        self.assertEqual(ours.shape, theirs.shape)
        self.assertLess((ours - theirs)[begin:].abs().max().item(), 1e-6)

    def test_wsd(self):
        for total, warmup, fraction in ((100, 10, 0.2), (57, 0, 0.1), (64, 5, 0.5)):
            decay = round(fraction * total)
            for ours, theirs in (("linear", "linear"), ("sqrt", "1-sqrt")):
                for floor in (0.0, 0.1):
                    rates = self.rates(
                        total,
                        lr_schedule="wsd",
                        warmup_steps=warmup,
                        lr_decay_fraction=fraction,
                        lr_decay_shape=ours,
                        lr_min=floor,
                    )
                    # transformers' warm-up begins at 0 and braid's behind it, at 1 / warmup.
                    self.close(
                        rates,
                        self.theirs(
                            total,
                            get_wsd_schedule,
                            num_warmup_steps=warmup,
                            num_decay_steps=decay,
                            num_training_steps=total,
                            decay_type=theirs,
                            min_lr_ratio=floor,
                        ),
                        warmup,
                    )

    def test_cosine_and_constant(self):
        self.close(
            self.rates(50, lr_schedule="cosine", warmup_steps=6),
            self.theirs(
                50, get_cosine_schedule_with_warmup, num_warmup_steps=6, num_training_steps=50
            ),
            6,
        )
        self.close(
            self.rates(50, lr_schedule="constant", warmup_steps=6),
            self.theirs(50, get_constant_schedule_with_warmup, num_warmup_steps=6),
            6,
        )


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
