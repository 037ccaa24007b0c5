"""Forward and backward against transformers' Llama, and of the composite against a restatement in plain PyTorch."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

DUMP = os.path.join(sys.argv[2], "network_dump")
BATCH, SEQUENCE, VOCAB = 3, 48, 517
EPS = 1e-5


def block_shapes(prefix, w):
    return {f"{prefix}.attn_norm.weight": (w,), f"{prefix}.ffn_norm.weight": (w,),
            **{f"{prefix}.attn.{p}.weight": (w, w) for p in "qkvo"},
            f"{prefix}.ffn.gate.weight": (4 * w, w), f"{prefix}.ffn.up.weight": (4 * w, w),
            f"{prefix}.ffn.down.weight": (w, 4 * w)}


def random_weights(shapes, seed):
    draw = torch.Generator().manual_seed(seed)
    return {name: (1 + 0.2 * torch.randn(shape, generator=draw)) if name.endswith("norm.weight")
            else 0.15 * torch.randn(shape, generator=draw) for name, shape in shapes.items()}


def dense_case(w, heads, blocks):
    shapes = {"embed.weight": (VOCAB, w), "norm.weight": (w,), "head.weight": (VOCAB, w)}
    for i in range(blocks):
        shapes.update(block_shapes(f"blocks.{i}", w))
    model = {"kind": "dense", "name": "m", "vocab": VOCAB, "pad_id": VOCAB - 1, "eos_id": 0, "sequence": SEQUENCE,
             "dense": {"name": "m", "d": w, "heads": heads, "blocks": blocks}}
    return model, random_weights(shapes, w)


def composite_case(d, heads, layers, paths):
    D = d * paths
    shapes = {"embed.weight": (VOCAB, D), "norm.weight": (D,), "head.weight": (VOCAB, D), "shrink.weight": (d, D)}
    for i in range(2):
        shapes.update(block_shapes(f"large.{i}", D))
    for layer in range(layers):
        for p in range(paths):
            shapes.update(block_shapes(f"parallel.{layer}.path.{p}", d))
        shapes[f"parallel.{layer}.share.weight"] = (D if layer == layers - 1 else d, D)
    stack = {"d": d, "heads": heads, "blocks": layers}
    model = {"kind": "composite", "name": "c", "vocab": VOCAB, "pad_id": VOCAB - 1, "eos_id": 0, "sequence": SEQUENCE,
             "connect": "share", "paths": [{"name": f"p{i}", **stack} for i in range(paths)],
             "large": {"name": "large", "d": D, "heads": heads * paths, "blocks": 2}}
    return model, random_weights(shapes, d + layers)


def ours(model, weights, ids):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"format": 1, "model": model}, file)
        save_file({name: value.contiguous() for name, value in weights.items()}, os.path.join(folder, "model.safetensors"))
        out = os.path.join(folder, "out.safetensors")
        subprocess.run([DUMP, folder, str(BATCH), str(SEQUENCE), out], input=ids.numpy().astype(numpy.int32).tobytes(), check=True)
        return load_file(out)


# The composite, written from the specification: operators of PyTorch alone, float64.
def rms(x, gain):
    return gain * x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS)


def rotate(x):  # [B, H, T, s], half layout
    size = x.shape[-1]
    angle = torch.outer(torch.arange(x.shape[2], dtype=x.dtype), 10000.0 ** (-2.0 * torch.arange(size // 2, dtype=x.dtype) / size))
    a, b = x[..., : size // 2], x[..., size // 2:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def block(x, weights, prefix, heads):
    def lin(value, name):
        return value @ weights[f"{prefix}.{name}.weight"].T
    B, T, w = x.shape
    h = rms(x, weights[f"{prefix}.attn_norm.weight"])
    q, k, v = (lin(h, f"attn.{p}").view(B, T, heads, w // heads).transpose(1, 2) for p in "qkv")
    scores = rotate(q) @ rotate(k).transpose(-1, -2) / (w // heads) ** 0.5
    scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
    a = x + lin((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, w), "attn.o")
    h = rms(a, weights[f"{prefix}.ffn_norm.weight"])
    z = lin(h, "ffn.gate")
    return a + lin(z * torch.sigmoid(z) * lin(h, "ffn.up"), "ffn.down")


def composite_logits(model, weights, ids):
    large, paths = model["large"]["heads"], model["paths"]
    x = block(weights["embed.weight"][ids], weights, "large.0", large) @ weights["shrink.weight"].T
    for layer in range(paths[0]["blocks"]):
        y = torch.cat([block(x, weights, f"parallel.{layer}.path.{p}", path["heads"]) for p, path in enumerate(paths)], -1)
        x = y @ weights[f"parallel.{layer}.share.weight"].T
    return rms(block(x, weights, "large.1", large), weights["norm.weight"]) @ weights["head.weight"].T


def mean_loss(logits, ids):
    return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, VOCAB), ids[:, 1:].reshape(-1))


def llama(model, weights):
    stack = model["dense"]
    config = LlamaConfig(vocab_size=VOCAB, hidden_size=stack["d"], intermediate_size=4 * stack["d"], num_hidden_layers=stack["blocks"],
                         num_attention_heads=stack["heads"], num_key_value_heads=stack["heads"], rms_norm_eps=EPS, rope_theta=10000.0,
                         max_position_embeddings=SEQUENCE, tie_word_embeddings=False, pad_token_id=VOCAB - 1, attention_bias=False)
    net = LlamaForCausalLM(config)
    names = {"model.embed_tokens.weight": "embed.weight", "model.norm.weight": "norm.weight", "lm_head.weight": "head.weight"}
    for i in range(stack["blocks"]):
        a, b = f"model.layers.{i}", f"blocks.{i}"
        names.update({f"{a}.self_attn.{p}_proj.weight": f"{b}.attn.{p}.weight" for p in "qkvo"})
        names.update({f"{a}.mlp.{p}_proj.weight": f"{b}.ffn.{p}.weight" for p in ("gate", "up", "down")})
        names[f"{a}.input_layernorm.weight"] = f"{b}.attn_norm.weight"
        names[f"{a}.post_attention_layernorm.weight"] = f"{b}.ffn_norm.weight"
    net.load_state_dict({theirs: weights[own] for theirs, own in names.items()})
    return net, names


class NetworkTest(unittest.TestCase):
    def compare(self, result, logits, loss, gradients):
        self.assertLess((result["logits"] - logits).abs().max().item(), 1e-4)
        self.assertLess(abs(result["loss"].item() - loss), 1e-5)
        self.assertEqual({name for name in result if name.startswith("grad.")}, {"grad." + name for name in gradients})
        for name, gradient in gradients.items():
            difference = (result["grad." + name] - gradient).norm() / gradient.norm()
            self.assertLess(difference.item(), 1e-3, name)

    def test_dense_is_transformers_llama(self):
        for w, heads, blocks in ((64, 2, 3), (96, 3, 2)):
            model, weights = dense_case(w, heads, blocks)
            ids = torch.randint(0, VOCAB - 1, (BATCH, SEQUENCE), generator=torch.Generator().manual_seed(7))
            net, names = llama(model, weights)
            out = net(input_ids=ids, labels=ids)
            out.loss.backward()
            parameters = dict(net.named_parameters())
            self.compare(ours(model, weights, ids), out.logits.detach(), out.loss.item(),
                         {own: parameters[theirs].grad for theirs, own in names.items()})

    def test_composite_is_the_specification(self):
        for d, heads, layers, paths in ((32, 2, 3, 2), (32, 1, 2, 3)):
            model, weights = composite_case(d, heads, layers, paths)
            ids = torch.randint(0, VOCAB - 1, (BATCH, SEQUENCE), generator=torch.Generator().manual_seed(8))
            exact = {name: value.double().requires_grad_(True) for name, value in weights.items()}
            logits = composite_logits(model, exact, ids)
            loss = mean_loss(logits, ids)
            loss.backward()
            self.compare(ours(model, weights, ids), logits.detach().float(), loss.item(),
                         {name: value.grad.float() for name, value in exact.items()})

    def test_pad_row_gets_no_gradient(self):
        model, weights = dense_case(64, 2, 1)
        ids = torch.randint(0, VOCAB - 1, (BATCH, SEQUENCE), generator=torch.Generator().manual_seed(9))
        ids[0, 10] = VOCAB - 1
        self.assertEqual(ours(model, weights, ids)["grad.embed.weight"][VOCAB - 1].abs().max().item(), 0.0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
