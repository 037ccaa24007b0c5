"""Every model of braid as one would write it in PyTorch, for speed: modules, fused attention and
norms, nothing by hand. Written from docs/papers; the tensors have the names of model/tensors.h, so
that tests/peers compares it with the restatement.

Shapes: B sequences, T positions, w the width of a stack, D of the composite. Not here, because no
row measures them: paths of unlike widths or depths, residuals and norms of connections, cross maps,
pad tokens within a sequence.
"""

import torch
import torch.nn.functional as F
from torch import nn

ARCH = {
    "attn_out_proj": True,
    "ffn_gate": "silu",
    "rope_layout": "half",
    "norm_eps": 1e-5,
    "rope_base": 10000.0,
}
DUAL = {"loops": 1, "gate": "two_gates", "mix": "act", "qk_norm": False, "residual": "scaled"}


def linear(inputs: int, outputs: int, bias: bool = False) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias)


class Norm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Positions(nn.Module):
    """Cosines and sines of all positions, and where the pass begins; the keys of those read before."""

    def __init__(self, capacity: int, size: int, base: float):
        super().__init__()
        steps = base ** (-2.0 * torch.arange(size // 2, dtype=torch.float64) / size)
        angles = torch.outer(torch.arange(capacity, dtype=torch.float64), steps)
        angles = torch.cat([angles, angles], -1)
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Attention(nn.Module):
    def __init__(self, stack: dict, arch: dict, capacity: int):
        super().__init__()
        width, self.heads = stack["d"], stack["heads"]
        size = width // self.heads
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        if {**DUAL, **stack.get("dual", {})}["qk_norm"]:
            self.q_norm, self.k_norm = (Norm(size, arch["norm_eps"]) for _ in range(2))
        else:
            self.q_norm = self.k_norm = None
        self.positions = Positions(capacity, size, arch["rope_base"])
        self.keys = self.values = None  # [B, heads, capacity, size] while decoding

    def forward(self, x, at: int):
        B, T, width = x.shape
        q, k, v = (
            part(x).view(B, T, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        cos = self.positions.cos[at : at + T].to(x.dtype)
        sin = self.positions.sin[at : at + T].to(x.dtype)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.q_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if self.keys is not None:
            self.keys[:, :, at : at + T], self.values[:, :, at : at + T] = k, v
            k, v = self.keys[:, :, : at + T], self.values[:, :, : at + T]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
        return self.o(mixed.transpose(1, 2).reshape(B, T, width))


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate, self.up = linear(width, hidden), linear(width, hidden)
        self.down = linear(hidden, width)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Sublayers(nn.Module):
    """Phi(x; s) of dual-path 1; with s = 1 the block of PaPaformer 1.1."""

    def __init__(self, stack: dict, arch: dict, capacity: int, hidden: int):
        super().__init__()
        self.attn_norm = Norm(stack["d"], arch["norm_eps"])
        self.ffn_norm = Norm(stack["d"], arch["norm_eps"])
        self.attn = Attention(stack, arch, capacity)
        self.ffn = FeedForward(stack["d"], hidden)

    def forward(self, x, at: int, scale=None):
        y = self.attn(self.attn_norm(x), at)
        x = x + (y if scale is None else scale * y)
        y = self.ffn(self.ffn_norm(x))
        return x + (y if scale is None else scale * y)


class Llama(Sublayers):
    def __init__(self, stack: dict, arch: dict, capacity: int):
        super().__init__(stack, arch, capacity, stack["ffn"])


class Scaled(nn.Module):
    """Sublayers with one learned scale a step (dual-path 1.1, 1.3)."""

    def __init__(self, stack: dict, arch: dict, capacity: int, hidden: int, steps: int):
        super().__init__()
        inner = Sublayers(stack, arch, capacity, hidden)
        self.attn_norm, self.ffn_norm = inner.attn_norm, inner.ffn_norm
        self.attn, self.ffn = inner.attn, inner.ffn
        self.scale = nn.Parameter(torch.full((steps,), -7.0))

    forward_scaled = Sublayers.forward

    def forward(self, x, at: int, step: int = 0):
        return self.forward_scaled(x, at, F.softplus(self.scale[step]))


class Wide(nn.Module):
    def __init__(self, stack: dict, arch: dict, capacity: int):
        super().__init__()
        self.wide = Scaled(stack, arch, capacity, stack["dual"]["ffn_wide"], 1)

    def forward(self, x, at: int):
        return self.wide(x, at)


class Loop(nn.Module):
    """dual-path 1.1 and 1.2: one set of weights, K steps, mixed by what a router says of each."""

    def __init__(self, stack: dict, arch: dict, capacity: int):
        super().__init__()
        dual = {**DUAL, **stack["dual"]}
        self.loops = dual["loops"]
        self.deep = Scaled(stack, arch, capacity, dual["ffn_deep"], self.loops)
        self.router = linear(stack["d"] + 1, 1, bias=True)

    def forward(self, x, at: int):
        mass, mixed = 1.0, 0.0
        for k in range(self.loops):
            x = self.deep(x, at, k)
            if k + 1 == self.loops:
                return mixed + mass * x
            step = torch.full_like(x[..., :1], k / max(1, self.loops - 1))
            q = torch.sigmoid(self.router(torch.cat([x, step], -1)))
            mixed = mixed + mass * q * x
            mass = mass * (1 - q)


class DualPath(Loop):
    """dual-path 1.4, gates `two_gates`."""

    def __init__(self, stack: dict, arch: dict, capacity: int):
        super().__init__(stack, arch, capacity)
        self.wide = Scaled(stack, arch, capacity, stack["dual"]["ffn_wide"], 1)
        self.gate = linear(stack["d"], 2, bias=True)

    def forward(self, x, at: int):
        gates = torch.sigmoid(self.gate(x))
        return gates[..., :1] * super().forward(x, at) + gates[..., 1:] * self.wide(x, at)


BLOCKS = {"llama": Llama, "wide": Wide, "loop": Loop, "dual_path": DualPath}


def block(stack: dict, arch: dict, capacity: int) -> nn.Module:
    return BLOCKS[stack.get("block", "llama")](stack, arch, capacity)


class Layer(nn.Module):
    """A parallel layer with its connection: PaPaformer 3, or the slices of section 10."""

    def __init__(self, spec: dict, arch: dict, capacity: int, last: bool):
        super().__init__()
        paths, connection = spec["paths"], spec["connection"]
        d, D = paths[0]["d"], sum(path["d"] for path in paths)
        self.kind, self.d = connection["kind"], d
        self.path = nn.ModuleList(block(path, arch, capacity) for path in paths)
        if self.kind == "share":
            self.share = linear(D, D if last else d)
        if self.kind == "routed":
            self.reads = connection["router"]["input"]
            self.combine = linear(D, d, bias=True)
            width = d if self.reads == "combined" else D
            self.router = linear(width, len(paths) + 1, bias=True)

    def forward(self, x, at: int, seen: list):
        if self.kind == "slice":
            parts = x.split(self.d, -1)
            return torch.cat([path(part, at) for path, part in zip(self.path, parts)], -1)
        outputs = [path(x, at) for path in self.path]
        y = torch.cat(outputs, -1)
        if self.kind == "share":
            return self.share(y)
        combined = self.combine(y)
        z = self.router(combined if self.reads == "combined" else y)
        seen.append(z)
        return (self.choose(z).unsqueeze(-1) * torch.stack([*outputs, combined], -2)).sum(-2)

    def choose(self, z):
        """The straight-through Gumbel softmax (PaPaformer 3.1); without noise unless it trains."""
        if self.training:
            uniform = torch.rand_like(z).clamp_min(1e-10)
            z = z - torch.log(-torch.log(uniform))
        soft = z.softmax(-1)
        hard = F.one_hot(soft.argmax(-1), z.shape[-1]).to(z.dtype)
        return hard + soft - soft.detach()


class Model(nn.Module):
    """A dense model or a composite of equal paths, from the JSON of its config.json."""

    def __init__(self, spec: dict, capacity: int = 0):
        super().__init__()
        arch = {**ARCH, **spec.get("arch", {})}
        assert arch["attn_out_proj"] and arch["ffn_gate"] == "silu", "not measured"
        assert arch["rope_layout"] == "half", "not measured"
        capacity = capacity or spec["sequence"]
        self.spec, self.dense = spec, spec["kind"] == "dense"
        width = spec["dense"]["d"] if self.dense else sum(path["d"] for path in spec["paths"])
        self.embed = nn.Embedding(spec["vocab"], width, padding_idx=spec["pad_id"])
        self.norm, self.head = Norm(width, arch["norm_eps"]), linear(width, spec["vocab"])
        if self.dense:
            blocks = (block(spec["dense"], arch, capacity) for _ in range(spec["dense"]["blocks"]))
            self.blocks = nn.ModuleList(blocks)
            return
        self.kind, d, depth = (
            spec["connection"]["kind"],
            spec["paths"][0]["d"],
            spec["paths"][0]["blocks"],
        )
        self.large = nn.ModuleList(block(spec["large"], arch, capacity) for _ in range(2))
        if self.kind != "slice":
            self.shrink = linear(width, d)
        if self.kind == "routed":
            self.grow = linear(d, width)
        self.parallel = nn.ModuleList(
            Layer(spec, arch, capacity, last=layer + 1 == depth) for layer in range(depth)
        )
        if self.kind == "slice":
            self.gate = linear(width, len(spec["paths"]), bias=True)

    def hidden(self, ids, at: int = 0, seen: list | None = None):
        """[B, T, w] before the final norm. `seen` receives the router's logits of each layer."""
        x = self.embed(ids)
        if self.dense:
            for one in self.blocks:
                x = one(x, at)
            return x
        x = self.large[0](x, at)
        if self.kind != "slice":
            x = self.shrink(x)
        for layer in self.parallel:
            x = layer(x, at, [] if seen is None else seen)
        if self.kind == "routed":
            x = self.grow(x)
        return self.large[1](x, at)

    def logits(self, x):
        """Of hidden states [B, T, w]."""
        if self.dense or self.kind != "slice":
            return self.head(self.norm(x))
        # The mean of the paths' logits, each weighed by its gate: (1/N) sum_p N g_p W_p norm(x_p),
        # which is one product with the head if the slices are scaled first.
        count, d = len(self.spec["paths"]), self.spec["paths"][0]["d"]
        gates = self.gate(x).softmax(-1)
        gains = self.norm.weight.split(d)
        parts = [
            gates[..., p : p + 1] * F.rms_norm(part, (d,), gains[p], self.norm.eps)
            for p, part in enumerate(x.split(d, -1))
        ]
        assert len(parts) == count
        return self.head(torch.cat(parts, -1))

    def forward(self, ids, labels=None):
        """Logits; with labels the loss of training, auxiliary losses of routers included
        (PaPaformer 3, formulas 8 to 10 with the mode `fixed`). Labels are negative where nothing
        counts."""
        seen: list = []
        values = self.logits(self.hidden(ids, 0, seen))
        if labels is None:
            return values
        loss = F.cross_entropy(values.flatten(0, 1), labels.flatten(), ignore_index=-1)
        for z in seen:
            p = z.softmax(-1)
            used = p.mean((0, 1))
            loss = loss + 0.01 * (p * torch.log(p + 1e-8)).sum(-1).mean()
            loss = loss + 0.01 * (used * torch.log(used + 1e-8)).sum()
        return loss

    def begin_decoding(self, batch: int, capacity: int) -> None:
        """Room for the keys of `capacity` tokens; read() may be called then."""
        for module in self.modules():
            if isinstance(module, Attention):
                weight = module.q.weight
                shape = (batch, module.heads, capacity, weight.shape[0] // module.heads)
                module.keys, module.values = weight.new_zeros(shape), weight.new_zeros(shape)

    def read(self, ids, at: int):
        """Logits [B, V] after the last of ids [B, T], which follow `at` tokens read before."""
        return self.logits(self.hidden(ids, at)[:, -1:])[:, -1]
