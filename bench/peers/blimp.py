"""Minimal pairs scored as lm-eval does: by transformers, sentences sorted by length, in batches.

blimp.py '{"folder": exported model with tokenizer.json, "pairs": folder, "threads": 2, "batch": 64}'

The model reads the end token and the sentence with one space in front; the score is the sum of the
log-probabilities of the sentence's tokens. A pair is right if the good sentence scores at least as
much (docs/papers/papaformer.md#s8.1).
"""

import glob
import json
import os
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from turns import for_seconds, serve

END = 0  # <|endoftext|>, of the tokenizer that braid trains


def read_pairs(folder: str) -> list[tuple[str, str]]:
    pairs = []
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                pairs.append((row["sentence_good"], row["sentence_bad"]))
    return pairs


@torch.inference_mode()
def scores(net, encoded: list[list[int]], batch: int) -> torch.Tensor:
    order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i]))
    result = torch.zeros(len(encoded), dtype=torch.float64)
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        longest = len(encoded[chosen[0]])
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        counts = torch.zeros(len(chosen), longest - 1, dtype=torch.bool)
        for row, i in enumerate(chosen):
            ids[row, : len(encoded[i])] = torch.tensor(encoded[i])
            counts[row, : len(encoded[i]) - 1] = True
        # Padding stands on the right, where no token that counts can see it.
        logits = net(input_ids=ids[:, :-1], use_cache=False).logits
        picked = logits.log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
        result[chosen] = (picked.double() * counts).sum(-1)
    return result


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    net = AutoModelForCausalLM.from_pretrained(asked["folder"]).eval()
    tokenizer = Tokenizer.from_file(os.path.join(asked["folder"], "tokenizer.json"))
    pairs = read_pairs(asked["pairs"])
    accuracy = 0.0
    if asked["compile"]:
        net.forward = torch.compile(net.forward, dynamic=True)

    def score() -> float:
        nonlocal accuracy
        sentences = [" " + sentence for pair in pairs for sentence in pair]
        made = tokenizer.encode_batch(sentences, add_special_tokens=False)
        encoded = [[END, *one.ids] for one in made]
        values = scores(net, encoded, asked["batch"]).view(-1, 2)
        accuracy = 100 * (values[:, 0] >= values[:, 1]).double().mean().item()
        return len(pairs)

    score()  # compiles, where it is asked for
    serve(
        {},
        lambda seconds: {"values": list(for_seconds(seconds, score)), "accuracy": accuracy},
    )


if __name__ == "__main__":
    main()
