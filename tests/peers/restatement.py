"""Every model of braid once more, small and slow, in plain PyTorch: what trainer/network is
compared with.

Written from the papers' formulas and from the tensors that model/tensors.h names, never from
trainer/network. Section numbers are those of the PaPaformer specification (P) and of the dual-path
specification (D); letters of shapes are B sequences, T positions, w the width of a block, D of the
composite, c of the stream between parallel layers.

    logits(model, weights, ids)        [B, T, V]; `model` is the JSON of config.json,
    `weights` canonical name -> tensor
    loss(model, weights, ids, labels)  mean over the labels that are not negative

Everything is computed in the weights' own type, with autograd: float64 weights give an exact
reference. A `Run` says how (router noise, overrides) and keeps what was seen on the way (read-
outs).
"""

import math

import torch
from torch.nn.functional import cross_entropy, embedding, one_hot, softplus

torch.set_num_threads(1)  # the models are tiny: more threads only wait for one another

ARCH = {
    "attn_out_proj": True,
    "ffn_gate": "silu",
    "rope_layout": "half",
    "norm_eps": 1e-5,
    "rope_base": 10000.0,
    "rope_scaling": None,
}
DUAL = {
    "loops": 1,
    "gate": "two_gates",
    "mix": "act",
    "residual": "scaled",
    "skip_last_router": True,
    "qk_norm": False,
    "cross": False,
}


class Run:
    """How a model is run. `gumbel`: (layer, z) -> noise G [B, T, N+1] (P 3.1), or None for none. `intervention` (D 7):
    "loops", "step_feature", "early_exit", and "gate_deep" with "gate_wide" on "positions" (all), with "keep_sum".
    After a run `routers` holds of each routed layer its z and g, `readouts` place -> what D 6 reads there."""

    def __init__(self, gumbel=None, intervention=None):
        self.gumbel, self.intervention = gumbel, intervention or {}
        self.routers, self.readouts = [], {}

    def set_gates(self, deep, wide):
        change = self.intervention
        if "gate_deep" not in change:
            return deep, wide
        forced = (
            torch.full_like(deep, change["gate_deep"]),
            torch.full_like(wide, change["gate_wide"]),
        )
        if change.get("keep_sum"):
            forced = [
                gate * (deep + wide) / (change["gate_deep"] + change["gate_wide"])
                for gate in forced
            ]
        where = torch.tensor(change.get("positions", [1] * deep.numel()), dtype=torch.bool).view(
            deep.shape
        )
        return torch.where(where, forced[0], deep), torch.where(where, forced[1], wide)


class Scope:
    """Weights under a prefix: scope["attn.q"] is the tensor <prefix>.attn.q.weight, scope.at("deep") a level down."""

    def __init__(self, weights, prefix=""):
        self.weights, self.prefix = weights, prefix

    def at(self, name):
        return Scope(self.weights, f"{self.prefix}{name}.")

    def raw(self, name):
        return self.weights[self.prefix + name]

    def __getitem__(self, name):
        return self.raw(name + ".weight")

    def has(self, name):
        return self.prefix + name in self.weights


class Context:
    """What all blocks of one pass share: the fields of arch, and which keys each query sees (P 1.2)."""

    def __init__(self, model, ids, run):
        self.arch = {**ARCH, **model.get("arch", {})}
        self.run = run
        length = ids.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        self.visible = causal & (ids != model["pad_id"])[:, None, None, :]  # [B, 1, T, T]


# ---- the parts of a block (P 1) ----


def rms_norm(x, gain, eps):
    return gain * x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)


def stretched(theta, scaling):
    """RoPE scaling of Llama 3.1 by wavelengths in tokens, as its authors describe it."""
    wavelength = 2 * math.pi / theta
    original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    if wavelength > original / low:
        return theta / factor
    if wavelength < original / high:
        return theta
    smooth = (original / wavelength - low) / (high - low)
    return (1 - smooth) * theta / factor + smooth * theta


def rotate(x, arch):
    """RoPE on [B, heads, T, s] (P 1.3)."""
    size = x.shape[-1]
    theta = arch["rope_base"] ** (-2.0 * torch.arange(size // 2, dtype=torch.float64) / size)
    if arch["rope_scaling"]:
        steps = [stretched(one, arch["rope_scaling"]) for one in theta.tolist()]
        theta = torch.tensor(steps, dtype=torch.float64)
    angle = torch.outer(torch.arange(x.shape[-2], dtype=torch.float64), theta)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    if arch["rope_layout"] == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    a, b = x[..., : size // 2], x[..., size // 2 :]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def attention(x, scope, heads, context):
    batch, length, width = x.shape
    q, k, v = (
        (x @ scope[f"attn.{part}"].T).view(batch, length, -1, width // heads).transpose(1, 2)
        for part in "qkv"
    )
    q, k = rotate(q, context.arch), rotate(k, context.arch)
    if scope.has("attn.q_norm.weight"):  # D 2: per head, after the rotation
        q, k = (
            rms_norm(y, scope[f"attn.{part}_norm"], context.arch["norm_eps"])
            for y, part in ((q, "q"), (k, "k"))
        )
    # Query head h listens to the head h // (queries of a head) of keys and values.
    listens = torch.arange(heads) // (heads // k.shape[1])
    k, v = k[:, listens], v[:, listens]
    scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
    scores = scores.masked_fill(~context.visible, float("-inf"))
    share = scores.softmax(-1).masked_fill(
        ~context.visible, 0.0
    )  # a query that sees no key gets 0 (P 7)
    out = (share @ v).transpose(1, 2).reshape(batch, length, width)
    return out @ scope["attn.o"].T if context.arch["attn_out_proj"] else out


def feed_forward(x, scope, context):
    z = x @ scope["ffn.gate"].T
    slope = scope.raw("ffn.beta") if context.arch["ffn_gate"] == "beta_swish" else 1.0
    return ((x @ scope["ffn.up"].T) * z * torch.sigmoid(slope * z)) @ scope["ffn.down"].T


def sublayers(x, scale, scope, heads, context):
    """Phi(x; s) of D 1.1; with s = 1 the layer block of P 1.1."""
    eps = context.arch["norm_eps"]
    u = x + scale * attention(rms_norm(x, scope["attn_norm"], eps), scope, heads, context)
    return u + scale * feed_forward(rms_norm(u, scope["ffn_norm"], eps), scope, context)


# ---- the four blocks (D 1, 9) ----


def llama_block(x, stack, scope, context):
    return sublayers(x, 1.0, scope, stack["heads"], context)


def wide_block(x, stack, scope, context):
    return sublayers(
        x, softplus(scope.raw("wide.scale")), scope.at("wide"), stack["heads"], context
    )


def step_features(trained, steps, step_feature):
    """t_1 .. t_steps (D 1.3) of a deep path trained with `trained` steps and run with `steps` (D 7)."""
    if steps > trained:
        return [min(k, trained - 1) / max(1, trained - 1) for k in range(steps)]
    last = steps if step_feature == "rescaled" else trained
    return [k / max(1, last - 1) for k in range(steps)]


def step_weights(routers, steps, early_exit=0.0):
    """Weights of h^1 .. h^steps from q_1 .. (D 1.3). With a q for the last step too, what it leaves goes to the last step.
    Early exit (D 7): the first step whose incoming mass is at most the bound takes all of it."""
    mass, weights = torch.ones_like(routers[0]) if routers else 1.0, []
    for q in routers:
        if early_exit:
            q = torch.where(mass <= early_exit, torch.ones_like(q), q)
        weights.append(mass * q)
        mass = mass * (1 - q)
    return weights + [mass] if len(routers) < steps else weights[:-1] + [weights[-1] + mass]


def mix_steps(states, stack, scope, context):
    """h_deep from h^1 .. h^K; notes what the routers said and the expected number of steps."""
    dual, steps, change = {**DUAL, **stack["dual"]}, len(states), context.run.intervention
    if dual["mix"] == "final":
        return states[-1]
    if dual["mix"] == "uniform":
        return sum(states) / steps
    asked = steps - 1 if dual["skip_last_router"] else steps
    features = step_features(dual["loops"], steps, change.get("step_feature", "rescaled"))
    routers = []
    for h, t in list(zip(states, features))[:asked]:
        read = torch.cat([h, torch.full_like(h[..., :1], t)], -1)
        routers.append(
            torch.sigmoid(read @ scope["router"].T + scope.raw("router.bias"))
        )  # [B, T, 1]
    weights = step_weights(routers, steps, change.get("early_exit", 0.0))
    expected = sum(k * weight for k, weight in enumerate(weights, 1)) + torch.zeros_like(
        states[0][..., :1]
    )
    context.run.readouts.setdefault(scope.prefix[:-1], {}).update(
        {f"q.{k}": q.squeeze(-1) for k, q in enumerate(routers)},
        expected_steps=expected.squeeze(-1),
    )
    return sum(weight * h for weight, h in zip(weights, states))


def loop_block(x, stack, scope, context):
    loops = {**DUAL, **stack["dual"]}["loops"]
    scales = softplus(scope.raw("deep.scale"))
    h, states = x, []
    for k in range(context.run.intervention.get("loops") or loops):
        h = sublayers(h, scales[min(k, loops - 1)], scope.at("deep"), stack["heads"], context)
        states.append(h)
    return mix_steps(states, stack, scope, context)


def gates(x, kind, scope):
    """(g_d, g_w), each [B, T, 1] (D 1.5, 1.6)."""
    if kind == "fixed":
        half = torch.full_like(x[..., :1], 0.5)
        return half, half
    logit = x @ scope["gate"].T + scope.raw("gate.bias")
    if kind == "convex":
        deep = torch.sigmoid(logit)
        return deep, 1 - deep
    pair = torch.sigmoid(logit) if kind == "two_gates" else logit.softmax(-1)
    return pair[..., :1], pair[..., 1:]


def dual_path_block(x, stack, scope, context):
    dual = {**DUAL, **stack["dual"]}
    deep, wide = loop_block(x, stack, scope, context), wide_block(x, stack, scope, context)
    g_deep, g_wide = gates(x, dual["gate"], scope)
    g_deep, g_wide = context.run.set_gates(g_deep, g_wide)
    after = 0.0
    if dual["cross"]:  # D 1.6
        into_deep = softplus(scope.raw("cross.deep_scale")) * (wide @ scope["cross.deep"].T)
        into_wide = softplus(scope.raw("cross.wide_scale")) * (deep @ scope["cross.wide"].T)
        if dual["gate"] in ("two_gates", "softmax"):
            after = g_deep * into_deep + g_wide * into_wide
        else:
            deep, wide = deep + into_deep, wide + into_wide
    context.run.readouts.setdefault(scope.prefix[:-1], {}).update(
        read_outs(x, deep, wide, g_deep, g_wide)
    )
    if dual["residual"] == "preserved":
        return x + g_deep * (deep - x) + g_wide * (wide - x) + after
    return g_deep * deep + g_wide * wide + after


def read_outs(x, deep, wide, g_deep, g_wide):
    """D 6, each [B, T]."""
    update_deep, update_wide = deep - x, wide - x
    norm_deep, norm_wide = update_deep.norm(dim=-1), update_wide.norm(dim=-1)
    g_d, g_w = g_deep.squeeze(-1), g_wide.squeeze(-1)
    cosine = (update_deep * update_wide).sum(-1) / (
        norm_deep.clamp(min=1e-6) * norm_wide.clamp(min=1e-6)
    )
    return {
        "rho": g_d * norm_deep / (g_d * norm_deep + g_w * norm_wide),
        "cos": cosine,
        "g_deep": g_d,
        "g_wide": g_w,
        "norm_deep": norm_deep,
        "norm_wide": norm_wide,
        "norm_x": x.norm(dim=-1),
    }


BLOCKS = {
    "llama": llama_block,
    "wide": wide_block,
    "loop": loop_block,
    "dual_path": dual_path_block,
}


def block(x, stack, scope, context):
    return BLOCKS[stack.get("block", "llama")](x, stack, scope, context)


# ---- connections (P 2, 3, 10) ----


def route(z, router, noise):
    """Weights g [B, T, N+1] of the choices from the router's logits (P 3.1, 10)."""
    soft = ((z if noise is None else z + noise) / router["tau"]).softmax(-1)
    chosen = one_hot(soft.argmax(-1), z.shape[-1]).to(z.dtype)
    if router["kind"] == "top1":
        return chosen * soft
    return chosen + soft - soft.detach() if router["hard"] else soft


def routed(x, y, candidates, router, scope, context, layer):
    """Formulas (2)-(7): `y` [B, T, D] beside one another, `candidates` the paths' outputs at the common width."""
    combined = y @ scope["combine"].T + scope.raw("combine.bias")
    choices = torch.stack(candidates + [combined], -2)  # [B, T, N+1, c]
    if router["kind"] == "none":
        return choices.mean(-2)
    read = {"combined": combined, "concat": y, "x": x}[router["input"]]
    z = read @ scope["router"].T + scope.raw("router.bias")
    noise = (
        context.run.gumbel(layer, z) if context.run.gumbel and router["kind"] == "gumbel" else None
    )
    g = route(z, router, noise)
    context.run.routers.append({"z": z, "g": g})
    return (g.unsqueeze(-1) * choices).sum(-2)


def path_input(x, p, width, layer, scope, equal):
    """What path p of a layer reads: D wide through its own shrink at layer 0 of unequal widths, later through path_in."""
    if layer == 0:
        return x if equal else x @ scope[f"shrink.{p}"].T
    name = f"parallel.{layer}.path_in.{p}"
    return x @ scope[name].T if width < x.shape[-1] else x


def parallel_layer(x, model, layer, scope, context, equal):
    connection, paths = model["connection"], model["paths"]
    here, common = scope.at(f"parallel.{layer}"), max(path["d"] for path in paths)
    outputs, candidates = [], []
    for p, path in enumerate(paths):
        y = path_input(x, p, path["d"], layer, scope, equal)
        if layer < path["blocks"]:
            y = block(y, path, here.at(f"path.{p}"), context)
        outputs.append(y)
        if connection["kind"] == "routed":
            candidates.append(y @ here[f"path_out.{p}"].T if path["d"] < common else y)
    side_by_side = torch.cat(outputs, -1)
    if connection["kind"] == "share":
        out = side_by_side @ here["share"].T
    else:
        out = routed(x, side_by_side, candidates, connection["router"], here, context, layer)
    if connection.get("norm"):
        out = rms_norm(out, here["norm"], context.arch["norm_eps"])
    if connection.get("residual") and out.shape[-1] == x.shape[-1]:
        out = out + x
    return out


def large_block(model, scope, place, x, context):
    """Two of them, or number 1 alone, or none."""
    if place < 2 - model["large"]["blocks"]:
        return x
    return block(x, model["large"], scope.at(f"large.{place}"), context)


def mixing_composite(model, scope, ids, context):
    """`share` and `routed`: final hidden states [B, T, D] before the norm."""
    paths, kind = model["paths"], model["connection"]["kind"]
    equal = len({path["d"] for path in paths}) == 1
    x = large_block(model, scope, 0, embed(model, scope, ids), context)
    if equal:
        x = x @ scope["shrink"].T
    for layer in range(max(path["blocks"] for path in paths)):
        x = parallel_layer(x, model, layer, scope, context, equal)
    if kind == "routed":
        x = x @ scope["grow"].T
    return large_block(model, scope, 1, x, context)


def slice_logits(model, scope, ids, context):
    """Each path keeps its own slice of the stream; logits are the weighted sum of the paths' own."""
    connection, paths, eps = model["connection"], model["paths"], context.arch["norm_eps"]
    widths = [path["d"] for path in paths]
    x = large_block(model, scope, 0, embed(model, scope, ids), context)
    for layer in range(max(path["blocks"] for path in paths)):
        here = scope.at(f"parallel.{layer}")
        x = torch.cat(
            [
                block(part, path, here.at(f"path.{p}"), context) if layer < path["blocks"] else part
                for p, (path, part) in enumerate(zip(paths, x.split(widths, -1)))
            ],
            -1,
        )
        if connection.get("cross_rank"):
            x = x + x @ here["cross.read"].T @ here["cross.write"].T
        elif connection.get("cross"):
            x = x + x @ here["cross"].T
    x = large_block(model, scope, 1, x, context)
    count = len(paths)
    gate = [1.0] * count
    if connection.get("gate", True):
        weights = (x @ scope["gate"].T + scope.raw("gate.bias")).softmax(-1)
        gate = [count * weights[..., p : p + 1] for p in range(count)]
    scale = (
        connection.get("weights")
        or [1.0 if connection.get("scale") == "sum" else 1.0 / count] * count
    )
    parts = zip(x.split(widths, -1), scope["norm"].split(widths), scope["head"].split(widths, -1))
    return sum(
        scale[p] * gate[p] * (rms_norm(part, gain, eps) @ head.T)
        for p, (part, gain, head) in enumerate(parts)
    )


# ---- models ----


def embed(model, scope, ids):
    return embedding(
        ids, scope["embed"], padding_idx=model["pad_id"]
    )  # no gradient for the pad row (P 1.6)


def dense_hidden(model, scope, ids, context):
    x = embed(model, scope, ids)
    for i in range(model["dense"]["blocks"]):
        x = block(x, model["dense"], scope.at(f"blocks.{i}"), context)
    return x


def logits(model, weights, ids, run=None):
    scope, context = Scope(weights), Context(model, ids, run or Run())
    if model["kind"] == "composite" and model["connection"]["kind"] == "slice":
        return slice_logits(model, scope, ids, context)
    hidden = dense_hidden if model["kind"] == "dense" else mixing_composite
    x = rms_norm(hidden(model, scope, ids, context), scope["norm"], context.arch["norm_eps"])
    return x @ scope["head"].T


def mean_loss(values, labels):
    return cross_entropy(values.flatten(0, 1), labels.flatten(), ignore_index=-1)


def loss(model, weights, ids, labels, run=None):
    return mean_loss(logits(model, weights, ids, run), labels)


# ---- auxiliary losses (P 3, formulas 8-10, with T3 and T4) ----


def auxiliary(routers, load="neg_entropy", probabilities="softmax"):
    """(sum of L_ent, sum of L_load) over the routed layers of a run, not yet times their lambdas."""
    entropy = balance = 0.0
    for layer in routers:
        p = layer["g"] if probabilities == "sample" else layer["z"].softmax(-1)
        entropy = entropy + (p * torch.log(p + 1e-8)).sum(-1).mean()
        used = p.mean((0, 1))
        sign = 1.0 if load == "neg_entropy" else -1.0
        balance = balance + sign * (used * torch.log(used + 1e-8)).sum()
    return entropy, balance
