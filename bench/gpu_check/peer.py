"""A training step of transformers' Llama; prints the median of its tokens/s.

peer.py DEVICE PRECISION VOCAB WIDTH HEADS BLOCKS BATCH SEQUENCE SECONDS
"""

import contextlib
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def main():
    device, precision = sys.argv[1:3]
    vocab, width, heads, blocks, batch, sequence, seconds = map(int, sys.argv[3:])
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.manual_seed(0)
    net = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=blocks,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=sequence,
            tie_word_embeddings=False,
            pad_token_id=vocab - 1,
        )
    ).to(device)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=5e-4, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1, fused=True
    )
    forward = torch.compile(net) if "compiled" in precision else net
    ids = torch.randint(0, vocab - 1, (batch, sequence), device=device)
    cast = (
        torch.autocast(device, dtype=torch.bfloat16)
        if "bf16" in precision
        else contextlib.nullcontext()
    )

    def step():
        with cast:
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        return loss.item()

    for _ in range(5):
        step()
    rates, begun = [], time.perf_counter()
    while len(rates) < 2 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        step()
        rates.append(batch * sequence / (time.perf_counter() - start))
    print(statistics.median(rates))


if __name__ == "__main__":
    main()
