"""Training steps of a peer: transformers' Llama for dense models, models.py for all others.

train.py '{"model": {...}, "batch": 8, "threads": 2, "compile": false, "bf16": false}'
"""

import json
import sys

import torch
from models import Model
from turns import for_seconds, serve


def llama(spec: dict) -> torch.nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    stack = spec["dense"]
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=spec["vocab"],
            hidden_size=stack["d"],
            intermediate_size=stack["ffn"],
            num_hidden_layers=stack["blocks"],
            num_attention_heads=stack["heads"],
            num_key_value_heads=stack["heads"],
            max_position_embeddings=spec["sequence"],
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
            pad_token_id=spec["pad_id"],
        )
    )


def is_llama(spec: dict) -> bool:
    return spec["kind"] == "dense" and spec["dense"].get("block", "llama") == "llama"


def main() -> None:
    asked = json.loads(sys.argv[1])
    spec, batch = asked["model"], asked["batch"]
    torch.set_num_threads(asked["threads"])
    torch.manual_seed(0)
    net = llama(spec) if is_llama(spec) else Model(spec)
    net.train()
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=5e-4, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1, fused=True
    )
    ids = torch.randint(0, spec["vocab"] - 1, (batch, spec["sequence"]))
    labels = torch.full_like(ids, -1)
    labels[:, :-1] = ids[:, 1:]

    def loss() -> torch.Tensor:
        if is_llama(spec):
            return net(input_ids=ids, labels=ids, use_cache=False).loss
        return net(ids, labels)

    if asked["compile"]:
        loss = torch.compile(loss)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=asked["bf16"]):
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return batch * spec["sequence"]

    step()  # compiles, where it is asked for; the warm-up of the harness follows
    serve(
        {"parameters": sum(p.numel() for p in net.parameters())},
        lambda seconds: {"values": list(for_seconds(seconds, step))},
    )


if __name__ == "__main__":
    main()
