"""The noise of a Gumbel router in training (P 3.1), from the definition of its stream: Philox 4x32-10 (Salmon et al. 2011)."""

import math

import torch

MASK = 2**64 - 1
SMALLEST_UNIFORM = 1e-10


def hash_of(name):
    """FNV-1a of the name of a stream, mixed once more at the end."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    return value ^ value >> 33


def words(value):
    return [value & 0xFFFFFFFF, value >> 32]


def philox(counter, key):
    for _ in range(10):
        (low_a, high_a), (low_b, high_b) = (
            words(0xD2511F53 * counter[0]),
            words(0xCD9E8D57 * counter[2]),
        )
        counter = [high_b ^ counter[1] ^ key[0], low_b, high_a ^ counter[3] ^ key[1], low_a]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def bits(seed, name, n):
    """The n-th 64-bit number: two of them a block."""
    low, high = philox(words(n // 2) + words(hash_of(name)), words(seed))[2 * (n % 2) :][:2]
    return high << 32 | low


def uniform(seed, name, n):
    """As fp32 holds it: 24 bits, below 1."""
    return (bits(seed, name, n) >> 40) / 2**24


def gumbel(seed, draw, layer, shape):
    """G of one layer, [B, T, N+1]."""
    name = f"draw/{draw}/parallel.{layer}/gumbel"
    u = [max(uniform(seed, name, n), SMALLEST_UNIFORM) for n in range(math.prod(shape))]
    return -torch.log(-torch.log(torch.tensor(u, dtype=torch.float64))).view(shape)
