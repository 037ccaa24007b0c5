"""Models that rows measure, as config.json of a checkpoint has them (docs/models.md), and what they
cost."""

from typing import Any

Spec = dict[str, Any]


def stack(name: str, d: int, heads: int, blocks: int, block: str = "llama", **dual: Any) -> Spec:
    fields = {"name": name, "d": d, "heads": heads, "blocks": blocks, "block": block}
    return {**fields, "ffn": 4 * d} if block == "llama" else {**fields, "dual": dual}


def model(name: str, vocab: int, sequence: int, **body: Any) -> Spec:
    return {
        "kind": "dense" if "dense" in body else "composite",
        "name": name,
        "vocab": vocab,
        "pad_id": vocab - 1,
        "eos_id": 0,
        "sequence": sequence,
        "arch": {},
        **body,
    }


def dense(vocab: int, d: int, blocks: int, heads: int, sequence: int) -> Spec:
    return model("bench", vocab, sequence, dense=stack("bench", d, heads, blocks))


def composite(connection: Spec, vocab: int, d: int, blocks: int, heads: int, sequence: int) -> Spec:
    """Two paths of width d between large blocks of width 2 d, as in PaPaformer 2."""
    paths = [stack(name, d, heads, blocks) for name in ("first", "second")]
    return model(
        "bench",
        vocab,
        sequence,
        connection=connection,
        paths=paths,
        large=stack("large", 2 * d, 2 * heads, 2),
    )


def routed(reads: str) -> Spec:
    return {"kind": "routed", "router": {"kind": "gumbel", "input": reads, "hard": True}}


CONNECTIONS: dict[str, Spec] = {
    "share_linear": {"kind": "share"},
    "gumbel_1": routed("combined"),
    "gumbel_2": routed("concat"),
    "preserving": {"kind": "slice"},
}


def block_products(one: Spec) -> int:
    """Multiply-adds of the linear layers of one block, a token."""
    d = one["d"]
    attention = 4 * d * d
    if one["block"] == "llama":
        return attention + 3 * d * one["ffn"]
    dual, products = one["dual"], 0
    if one["block"] in ("loop", "dual_path"):
        products += dual["loops"] * (attention + 3 * d * dual["ffn_deep"])
    if one["block"] in ("wide", "dual_path"):
        products += attention + 3 * d * dual["ffn_wide"]
    return products


def training_flop(spec: Spec) -> int:
    """Operations of all linear layers, head included, for a token of training: two for a multiply-
    add, three times the forward pass. Attention's squares and everything else is not counted."""
    if spec["kind"] == "dense":
        one = spec["dense"]
        products = one["blocks"] * block_products(one) + spec["vocab"] * one["d"]
        return 6 * products
    paths, large, kind = spec["paths"], spec["large"], spec["connection"]["kind"]
    d, D, depth, count = paths[0]["d"], large["d"], paths[0]["blocks"], len(paths)
    products = 2 * block_products(large) + spec["vocab"] * D
    products += sum(path["blocks"] * block_products(path) for path in paths)
    if kind == "share":
        products += D * d + (depth - 1) * d * D + D * D
    elif kind == "routed":
        reads = d if spec["connection"]["router"]["input"] == "combined" else D
        products += D * d + depth * (d * D + reads * (count + 1)) + d * D
    else:
        products += D * count
    return 6 * products


def weights(spec: Spec) -> int:
    """Numbers that one token reads: all matrices but the embedding."""
    return training_flop(spec) // 6


def text(spec: Spec) -> Spec:
    """Its shape for the settings of a row."""
    if spec["kind"] == "dense":
        one = spec["dense"]
        shape = f"{one['d']} x {one['blocks']}, {one['heads']} heads"
        shape += "" if one["block"] == "llama" else f", {one['dual']}"
    else:
        path = spec["paths"][0]
        shape = f"2 paths of {path['d']} x {path['blocks']}, {path['heads']} heads"
    return {"V": spec["vocab"], "d": shape, "T": spec["sequence"]}
