"""The models that trainer/network is compared on: specs, the tensors they have by the comment of model/tensors.h, and
random weights. Every knob of a block, a connection or a router stands in at least one of them, alone where it can."""

import numpy
import torch

VOCAB, PAD, BATCH, SEQUENCE = 61, 60, 2, 12
PAPER = {
    "attn_out_proj": False,
    "ffn_gate": "beta_swish",
    "rope_layout": "interleaved",
    "router_noise": "always",
    "rope_max_pos": 512,
}


# Of a context of 12 positions, so that pairs of all three kinds are in it.
ROPE_LLAMA3 = {
    "factor": 4.0,
    "low_freq_factor": 0.25,
    "high_freq_factor": 1.0,
    "original_max_position_embeddings": 12,
}


def stack(name, d, heads, blocks, block="llama", ffn=None, kv_heads=None, **dual):
    fields = {"name": name, "d": d, "heads": heads, "blocks": blocks, "block": block}
    if kv_heads:
        fields["kv_heads"] = kv_heads
    if block == "llama":
        return {**fields, "ffn": ffn or 4 * d}
    widths = {
        **({"ffn_deep": 20} if block in ("loop", "dual_path") else {}),
        **({"ffn_wide": 36} if block in ("wide", "dual_path") else {}),
    }
    return {**fields, "dual": {**widths, **dual}}


def model(name, arch=None, **body):
    return {
        "kind": "dense" if "dense" in body else "composite",
        "name": name,
        "vocab": VOCAB,
        "pad_id": PAD,
        "eos_id": 0,
        "sequence": SEQUENCE,
        "arch": arch or {},
        **body,
    }


def dense(name, arch=None, blocks=2, d=16, heads=2, block="llama", **fields):
    return model(name, arch, dense=stack(name, d, heads, blocks, block, **fields))


def composite(name, connection, paths=None, arch=None, large=None, large_blocks=2):
    paths = paths or [stack("first", 16, 2, 3), stack("second", 16, 2, 3)]
    width = sum(path["d"] for path in paths)
    heads = 4 if width % 8 == 0 else 6
    return model(
        name,
        arch,
        connection=connection,
        paths=paths,
        large=stack("large", width, heads, large_blocks, **(large or {})),
    )


# ---- tensors ----


def block_shapes(one, arch):
    def sublayers(ffn):
        w, shapes = one["d"], {}
        shapes["attn_norm.weight"] = shapes["ffn_norm.weight"] = (w,)
        shapes["attn.q.weight"] = (w, w)
        kv_width = w // one["heads"] * one.get("kv_heads", one["heads"])
        shapes["attn.k.weight"] = shapes["attn.v.weight"] = (kv_width, w)
        if arch.get("attn_out_proj", True):
            shapes["attn.o.weight"] = (w, w)
        if one.get("dual", {}).get("qk_norm"):
            shapes["attn.q_norm.weight"] = shapes["attn.k_norm.weight"] = (w // one["heads"],)
        shapes["ffn.gate.weight"] = shapes["ffn.up.weight"] = (ffn, w)
        shapes["ffn.down.weight"] = (w, ffn)
        if arch.get("ffn_gate") == "beta_swish":
            shapes["ffn.beta"] = (ffn,)
        return shapes

    kind, w, dual = one["block"], one["d"], one.get("dual", {})
    if kind == "llama":
        return sublayers(one["ffn"])
    shapes = {}
    if kind in ("loop", "dual_path"):
        shapes.update(
            {f"deep.{name}": shape for name, shape in sublayers(dual["ffn_deep"]).items()}
        )
        shapes["deep.scale"] = (dual.get("loops", 1),)
        if dual.get("mix", "act") == "act":
            shapes.update({"router.weight": (1, w + 1), "router.bias": (1,)})
    if kind in ("wide", "dual_path"):
        shapes.update(
            {f"wide.{name}": shape for name, shape in sublayers(dual["ffn_wide"]).items()}
        )
        shapes["wide.scale"] = (1,)
    if kind == "dual_path" and dual.get("gate", "two_gates") != "fixed":
        gates = 1 if dual.get("gate") == "convex" else 2
        shapes.update({"gate.weight": (gates, w), "gate.bias": (gates,)})
    if dual.get("cross"):
        for into in ("deep", "wide"):
            shapes.update({f"cross.{into}.weight": (w, w), f"cross.{into}_scale": (1,)})
    return shapes


def connection_shapes(spec, layer, layers):
    connection, paths, D = spec["connection"], spec["paths"], spec["large"]["d"]
    common = max(path["d"] for path in paths)
    equal = all(path["d"] == common for path in paths)
    if connection["kind"] == "slice":
        rank = connection.get("cross_rank", 0)
        if rank:
            return {"cross.read.weight": (rank, D), "cross.write.weight": (D, rank)}
        return {"cross.weight": (D, D)} if connection.get("cross") else {}
    shapes, out = {}, common
    if layer > 0:
        shapes.update(
            {
                f"path_in.{p}.weight": (path["d"], common)
                for p, path in enumerate(paths)
                if path["d"] < common
            }
        )
    if connection["kind"] == "share":
        out = D if layer == layers - 1 else common
        shapes["share.weight"] = (out, D)
    else:
        shapes.update(
            {
                f"path_out.{p}.weight": (common, path["d"])
                for p, path in enumerate(paths)
                if path["d"] < common
            }
        )
        shapes.update({"combine.weight": (common, D), "combine.bias": (common,)})
        router = connection["router"]
        if router["kind"] != "none":
            x = common if layer > 0 or equal else D
            reads = {"combined": common, "concat": D, "x": x}[router["input"]]
            shapes.update(
                {"router.weight": (len(paths) + 1, reads), "router.bias": (len(paths) + 1,)}
            )
    if connection.get("norm"):
        shapes["norm.weight"] = (out,)
    return shapes


def under(prefix, shapes):
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def shapes_of(spec):
    """Canonical name -> shape of every tensor."""
    arch, V = spec["arch"], spec["vocab"]
    if spec["kind"] == "dense":
        w, shapes = spec["dense"]["d"], {}
        for i in range(spec["dense"]["blocks"]):
            shapes.update(under(f"blocks.{i}", block_shapes(spec["dense"], arch)))
        return {"embed.weight": (V, w), **shapes, "norm.weight": (w,), "head.weight": (V, w)}
    paths, D, kind = spec["paths"], spec["large"]["d"], spec["connection"]["kind"]
    common, layers = max(path["d"] for path in paths), max(path["blocks"] for path in paths)
    shapes = {"embed.weight": (V, D), "norm.weight": (D,), "head.weight": (V, D)}
    for i in range(2 - spec["large"]["blocks"], 2):
        shapes.update(under(f"large.{i}", block_shapes(spec["large"], arch)))
    if kind != "slice":
        equal = all(path["d"] == common for path in paths)
        shapes.update(
            {"shrink.weight": (common, D)}
            if equal
            else {f"shrink.{p}.weight": (path["d"], D) for p, path in enumerate(paths)}
        )
    for layer in range(layers):
        for p, path in enumerate(paths):
            if layer < path["blocks"]:
                shapes.update(under(f"parallel.{layer}.path.{p}", block_shapes(path, arch)))
        shapes.update(under(f"parallel.{layer}", connection_shapes(spec, layer, layers)))
    if kind == "routed":
        shapes["grow.weight"] = (D, common)
    if kind == "slice" and spec["connection"].get("gate", True):
        shapes.update({"gate.weight": (len(paths), D), "gate.bias": (len(paths),)})
    return shapes


def deviation(name, shape, d_in):
    """Large enough for every part to be seen in the logits, small enough for attention not to saturate."""
    if name.endswith(("norm.weight", "ffn.beta")):
        return 0.3
    if name == "embed.weight" or len(shape) == 1:
        return 0.7
    return 1.2 / d_in**0.5


def random_weights(spec, seed):
    draw, weights = numpy.random.default_rng(seed), {}
    for name, shape in shapes_of(spec).items():
        center = 1.0 if name.endswith(("norm.weight", "ffn.beta")) else 0.0
        values = center + deviation(name, shape, shape[-1]) * draw.standard_normal(shape)
        weights[name] = torch.tensor(values.astype(numpy.float32))
    weights["embed.weight"][spec["pad_id"]] = 0.0
    return weights


def random_tokens(seed, batch=BATCH, sequence=SEQUENCE):
    """ids and labels: the next token, none after the last."""
    ids = torch.tensor(numpy.random.default_rng(seed).integers(0, PAD, (batch, sequence)))
    return ids, torch.cat([ids[:, 1:], torch.full((batch, 1), -1)], 1)


# ---- the table ----


def routed(kind, reads="combined", hard=True, tau=1.0, **fields):
    return {
        "kind": "routed",
        "router": {"kind": kind, "input": reads, "tau": tau, "hard": hard},
        **fields,
    }


def three(block=None):
    """Paths of unequal width, depth, heads and blocks; the widest is not the deepest."""
    return [
        stack("narrow", 8, 1, 3),
        stack("wide", 16, 2, 2),
        block or stack("other", 12, 3, 1, ffn=40),
    ]


def dual(name, loops=3, block="dual_path", **knobs):
    return dense(name, block=block, loops=loops, **knobs)


def dense_table():
    yield dense("llama")
    yield dense("llama_a1", {"attn_out_proj": False})
    yield dense("llama_a2", {"ffn_gate": "beta_swish"})
    yield dense("llama_a3", {"rope_layout": "interleaved"})
    yield dense("llama_a5", {"rope_max_pos": SEQUENCE})
    yield dense("llama_paper", PAPER)
    yield dense("llama_eps_base", {"norm_eps": 1e-2, "rope_base": 500.0}, d=24, heads=3, ffn=44)
    yield dense("llama_kv_heads", d=24, heads=6, kv_heads=2)
    yield dense("llama_one_kv_head", PAPER, d=32, heads=4, kv_heads=1)
    yield dense("llama_rope_llama3", {"rope_scaling": ROPE_LLAMA3}, d=32, heads=1)
    yield dense("wide", block="wide")
    yield dense("wide_kv_heads_qk_norm", block="wide", d=24, heads=6, kv_heads=3, qk_norm=True)
    yield dense("wide_qk_norm_a1", {"attn_out_proj": False}, block="wide", qk_norm=True)
    yield dual("loop_act", block="loop")
    yield dual("loop_act_asks_last", block="loop", skip_last_router=False)
    yield dual("loop_one", loops=1, block="loop")
    yield dual("loop_final", block="loop", mix="final")
    yield dual("loop_uniform_paper", block="loop", mix="uniform", arch=PAPER)
    yield dual("dual_two_gates")
    yield dual("dual_convex", gate="convex")
    yield dual("dual_softmax", gate="softmax", skip_last_router=False)
    yield dual("dual_fixed", gate="fixed")
    yield dual("dual_final_preserved", mix="final", residual="preserved")
    yield dual("dual_uniform_qk_norm", mix="uniform", qk_norm=True, arch={"norm_eps": 1e-2})
    yield dual("dual_cross_two_gates", cross=True)
    yield dual("dual_cross_softmax_preserved", gate="softmax", cross=True, residual="preserved")
    yield dual("dual_cross_convex", gate="convex", cross=True)
    yield dual("dual_cross_fixed_preserved", gate="fixed", cross=True, residual="preserved")
    yield dual("dual_paper", loops=2, arch=PAPER, qk_norm=True)


def composite_table():
    of_dual = stack("other", 12, 3, 1, "dual_path", loops=2)
    mixed = [stack("first", 16, 2, 3), stack("second", 16, 4, 2, "loop", loops=2)]
    yield composite("share", {"kind": "share"})
    yield composite("share_paper", {"kind": "share"}, arch=PAPER)
    yield composite("share_residual_norm", {"kind": "share", "residual": True, "norm": True})
    yield composite("share_unequal", {"kind": "share"}, three())
    yield composite(
        "share_unequal_residual_norm",
        {"kind": "share", "residual": True, "norm": True},
        three(of_dual),
    )
    yield composite("share_depths_heads", {"kind": "share"}, mixed)
    yield composite(
        "share_kv_heads",
        {"kind": "share"},
        [stack(f"p{i}", 16, 4, 2, kv_heads=2) for i in range(2)],
    )
    yield composite(
        "share_one_layer",
        {"kind": "share", "norm": True},
        [stack("first", 8, 1, 1), stack("second", 8, 1, 1)],
    )
    yield composite("share_four", {"kind": "share"}, [stack(f"p{i}", 8, 2, 2) for i in range(4)])
    yield composite("share_large_dual", {"kind": "share"}, large={"block": "dual_path", "loops": 2})
    yield composite("routed_softmax_v1", routed("softmax"))
    yield composite("routed_softmax_v2", routed("softmax", "concat"))
    yield composite("routed_softmax_x", routed("softmax", "x"))
    yield composite("routed_softmax_soft", routed("softmax", hard=False, tau=0.7))
    yield composite(
        "routed_softmax_tau_residual", routed("softmax", "concat", tau=2.5, residual=True)
    )
    yield composite("routed_top1", routed("top1", tau=1.5))
    yield composite("routed_top1_x_norm", routed("top1", "x", norm=True))
    yield composite("routed_none", routed("none"))
    yield composite("routed_unequal", routed("softmax", hard=False), three())
    yield composite(
        "routed_unequal_concat", routed("softmax", "concat", norm=True, residual=True), three()
    )
    yield composite(
        "routed_unequal_x", routed("softmax", "x", hard=False, residual=True), three(of_dual)
    )
    yield composite("routed_unequal_none", routed("none", residual=True), three())
    yield composite("routed_paper_soft", routed("softmax", hard=False), mixed, arch=PAPER)
    yield composite("slice", {"kind": "slice"})
    yield composite(
        "slice_kv_heads",
        {"kind": "slice"},
        [stack("first", 16, 4, 2, kv_heads=2), stack("second", 16, 4, 2)],
        large={"kv_heads": 2},
    )
    yield composite("slice_no_gate", {"kind": "slice", "gate": False})
    yield composite("slice_cross_rank", {"kind": "slice", "cross": True, "cross_rank": 5})
    yield composite("slice_sum_cross", {"kind": "slice", "scale": "sum", "cross": True})
    yield composite("share_one_large", {"kind": "share"}, large_blocks=1)
    yield composite("routed_no_large", routed("softmax", hard=False), three(), large_blocks=0)
    yield composite("slice_no_large", {"kind": "slice"}, large_blocks=0)
    yield composite(
        "slice_weights_unequal",
        {"kind": "slice", "weights": [0.5, 0.2, 1.3], "cross": True},
        three(of_dual),
    )
    yield composite(
        "slice_unequal_no_gate", {"kind": "slice", "gate": False, "scale": "sum"}, three()
    )


def gumbel_table():
    """Their training draws noise: the restatement is given the same (models_test.py)."""
    yield composite("gumbel_v1", routed("gumbel"))
    yield composite("gumbel_v2", routed("gumbel", "concat", tau=0.5))
    yield composite("gumbel_x_unequal", routed("gumbel", "x"), three())
    yield composite("gumbel_soft", routed("gumbel", hard=False))


def table():
    return [*dense_table(), *composite_table()]
