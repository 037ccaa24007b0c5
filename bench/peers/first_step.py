"""A training of a peer from its start to the end of its first step; prints {"step": 1} then.

first_step.py '{"model": {...}, "batch": 4, "threads": 1}'
"""

import json
import sys

import torch
from train import llama


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    net = llama(asked["model"])
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-4, fused=True)
    ids = torch.randint(
        0, asked["model"]["vocab"] - 1, (asked["batch"], asked["model"]["sequence"])
    )
    net(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    print(json.dumps({"step": 1}), flush=True)


if __name__ == "__main__":
    main()
