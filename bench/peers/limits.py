"""What this machine can do at most: at::mm, or reading memory.

limits.py mm THREADS       GFLOP/s of fp32 products, the best of three shapes
limits.py mm.bf16 THREADS  the same of bf16
limits.py memory THREADS   GB/s of summing 256 MB
"""

import sys

import torch
from turns import for_seconds, serve

SHAPES = [(2048, 2048, 2048), (2048, 256, 1024), (1024, 128, 512)]  # rows, inner, columns


def products(seconds: float, dtype=torch.float32) -> dict:
    best = []
    for rows, inner, columns in SHAPES:
        a, b = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
        out = torch.empty(rows, columns, dtype=dtype)

        def work() -> float:
            torch.mm(a, b, out=out)
            return 2e-9 * rows * inner * columns

        best.append(max(for_seconds(seconds / len(SHAPES), work)))
    return {"values": [max(best)], "shapes": dict(zip(map(str, SHAPES), best, strict=True))}


def memory(seconds: float) -> dict:
    values = torch.ones(64 << 20)

    def work() -> float:
        values.sum()
        return 4e-9 * values.numel()

    return {"values": [max(for_seconds(seconds, work))]}


def main() -> None:
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(0)
    limits = {
        "mm": products,
        "mm.bf16": lambda seconds: products(seconds, torch.bfloat16),
        "memory": memory,
    }
    serve({}, limits[sys.argv[1]])


if __name__ == "__main__":
    main()
