"""Greedy generation with kept keys: transformers' generate for dense models, models.py for others.

generate.py '{"model": {...}, "batch": 1, "threads": 2, "prompt": 32, "tokens": 96, "compile": false}'
"""

import json
import sys

import torch
from models import Model
from train import is_llama, llama
from turns import for_seconds, serve


def main() -> None:
    asked = json.loads(sys.argv[1])
    spec, batch, prompt, tokens = (asked[key] for key in ("model", "batch", "prompt", "tokens"))
    torch.set_num_threads(asked["threads"])
    torch.manual_seed(0)
    ids = torch.randint(0, spec["vocab"] - 1, (batch, prompt))
    net = llama(spec) if is_llama(spec) else Model(spec, prompt + tokens)
    net.eval()

    def by_transformers() -> float:
        net.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            **({"cache_implementation": "static"} if asked["compile"] else {}),
        )
        return batch * tokens

    def by_hand() -> float:
        net.begin_decoding(batch, prompt + tokens)
        following = net.read(ids, 0).argmax(-1, keepdim=True)
        for at in range(prompt, prompt + tokens - 1):
            following = net.read(following, at).argmax(-1, keepdim=True)
        return batch * tokens

    if asked["compile"]:
        if is_llama(spec):
            net.forward = torch.compile(net.forward)
        else:
            net.read = torch.compile(net.read, dynamic=True)
    work = by_transformers if is_llama(spec) else by_hand
    with torch.inference_mode():
        work()  # compiles, where it is asked for
        serve({}, lambda seconds: {"values": list(for_seconds(seconds, work))})


if __name__ == "__main__":
    main()
