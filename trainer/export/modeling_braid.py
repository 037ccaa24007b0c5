"""braid's composites and dual-path models for transformers: whole sequences, no cache.

Shapes: B sequences, T positions, w the width of a stack, N paths, D = the sum of their widths, c
the width of the stream between parallel layers (that of the widest path). Tensors bear the names of
braid's checkpoints.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_braid import BraidConfig


def in_fp32(x):
    """x in fp32 at least: what is computed in halves is too coarse in some places, and fp64 is not to be thrown away."""
    return x if x.dtype == torch.float64 else x.float()


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        wide = in_fp32(x)
        scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)


def linear(inputs, outputs, bias=False):
    return nn.Linear(inputs, outputs, bias=bias)


def stretched(steps, scaling):
    """Angles of one position, scaled as by rope_type llama3: slow pairs by 1 / factor, fast ones not."""
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    turns = scaling["original_max_position_embeddings"] * steps / (2 * math.pi)
    fast = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - fast) * steps / scaling["factor"] + fast * steps


def rotation(length, size, arch, like):
    """Cosines and sines [length, size / 2] of position t and pair i: t * base^(-2i / size)."""
    steps = arch["rope_base"] ** (-2.0 * torch.arange(size // 2, dtype=torch.float64) / size)
    if arch.get("rope_scaling"):
        steps = stretched(steps, arch["rope_scaling"])
    angles = torch.outer(torch.arange(length, dtype=torch.float64), steps)
    return angles.cos().to(like), angles.sin().to(like)


def rotate(x, cos, sin, interleaved):
    """x [B, heads, T, size]. A pair is (2i, 2i + 1) if interleaved, else (i, i + size / 2)."""
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    turned = (a * cos - b * sin, a * sin + b * cos)
    return torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)


class Attention(nn.Module):
    def __init__(self, stack, arch):
        super().__init__()
        width, heads = stack["d"], stack["heads"]
        self.size = size = width // heads
        kv_width = (stack.get("kv_heads") or heads) * size
        self.q, self.k, self.v = (linear(width, out) for out in (width, kv_width, kv_width))
        self.o = linear(width, width) if arch["attn_out_proj"] else nn.Identity()
        with_norm = stack.get("dual", {}).get("qk_norm", False)
        self.q_norm, self.k_norm = (
            RMSNorm(size, arch["norm_eps"]) if with_norm else nn.Identity() for _ in range(2)
        )
        self.arch, self.interleaved = arch, arch["rope_layout"] == "interleaved"

    def forward(self, x, mask):
        B, T, width = x.shape
        q, k, v = (
            part(x).view(B, T, -1, self.size).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        cos, sin = rotation(T, self.size, self.arch, x)
        q = self.q_norm(rotate(q, cos, sin, self.interleaved))
        k = self.k_norm(rotate(k, cos, sin, self.interleaved))
        shared = q.shape[1] // k.shape[1]  # queries of a head of keys are neighbours
        k, v = (part.repeat_interleave(shared, 1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o(mixed.transpose(1, 2).reshape(B, T, width))


class FeedForward(nn.Module):
    def __init__(self, width, hidden, arch):
        super().__init__()
        self.gate, self.up, self.down = (
            linear(width, hidden),
            linear(width, hidden),
            linear(hidden, width),
        )
        self.beta = nn.Parameter(torch.ones(hidden)) if arch["ffn_gate"] == "beta_swish" else None

    def forward(self, x):
        z = self.gate(x)
        gate = F.silu(z) if self.beta is None else z * torch.sigmoid(self.beta * z)
        return self.down(gate * self.up(x))


class Sublayers(nn.Module):
    """A Llama block. With `scales`, learned numbers a_k: each use k adds softplus(a_k) times what it computes."""

    def __init__(self, stack, hidden, arch, scales=0):
        super().__init__()
        width = stack["d"]
        self.attn_norm, self.attn = RMSNorm(width, arch["norm_eps"]), Attention(stack, arch)
        self.ffn_norm, self.ffn = RMSNorm(width, arch["norm_eps"]), FeedForward(width, hidden, arch)
        self.scale = (
            nn.Parameter(torch.full((scales,), stack["dual"]["scale_init"])) if scales else None
        )

    def forward(self, x, mask, use=0):
        scale = 1 if self.scale is None else F.softplus(self.scale[use])
        x = x + scale * self.attn(self.attn_norm(x), mask)
        return x + scale * self.ffn(self.ffn_norm(x))


class Cross(nn.Module):
    """What the deep path hears from the wide one, and the other way round."""

    def __init__(self, width):
        super().__init__()
        self.deep, self.wide = linear(width, width), linear(width, width)
        self.deep_scale, self.wide_scale = (nn.Parameter(torch.full((1,), -7.0)) for _ in range(2))

    def forward(self, deep, wide):
        return deep + F.softplus(self.deep_scale) * self.deep(wide), wide + F.softplus(
            self.wide_scale
        ) * self.wide(deep)


class DualBlock(nn.Module):
    """Blocks `wide`, `loop` and `dual_path`: a wide path used once, a deep path used K times, gates between them."""

    def __init__(self, stack, arch):
        super().__init__()
        self.kind, self.dual, width = stack["block"], stack["dual"], stack["d"]
        if self.kind != "wide":
            self.deep = Sublayers(stack, self.dual["ffn_deep"], arch, self.dual["loops"])
            if self.dual["mix"] == "act":
                self.router = linear(width + 1, 1, bias=True)
        if self.kind != "loop":
            self.wide = Sublayers(stack, self.dual["ffn_wide"], arch, 1)
        if self.kind == "dual_path" and self.dual["gate"] != "fixed":
            self.gate = linear(width, 1 if self.dual["gate"] == "convex" else 2, bias=True)
        self.cross = Cross(width) if self.dual["cross"] else None

    def run_deep(self, x, mask):
        """h^K, the mean of all h^k, or their mixture: a step takes its share q of the mass that is left, the last all."""
        K, steps, h = self.dual["loops"], [], x
        for k in range(K):
            h = self.deep(h, mask, k)
            steps.append(h)
        if self.dual["mix"] == "final":
            return h
        if self.dual["mix"] == "uniform":
            return torch.stack(steps).mean(0)
        left, mixed = torch.ones_like(x[..., :1]), 0
        for k, h in enumerate(steps[:-1]):
            feature = torch.full_like(left, k / (K - 1))
            taken = left * torch.sigmoid(self.router(torch.cat([h, feature], -1)))
            mixed, left = mixed + taken * h, left - taken
        return mixed + left * steps[-1]

    def gates(self, x):
        if self.dual["gate"] == "fixed":
            return 0.5, 0.5
        logits = self.gate(x)
        if self.dual["gate"] == "convex":
            return torch.sigmoid(logits), torch.sigmoid(-logits)
        return (
            logits.softmax(-1) if self.dual["gate"] == "softmax" else torch.sigmoid(logits)
        ).split(1, -1)

    def forward(self, x, mask):
        if self.kind == "wide":
            return self.wide(x, mask)
        if self.kind == "loop":
            return self.run_deep(x, mask)
        deep, wide = self.run_deep(x, mask), self.wide(x, mask)
        if self.cross is not None:
            deep, wide = self.cross(deep, wide)
        g_deep, g_wide = self.gates(x)
        if self.dual["residual"] == "preserved":
            return x + g_deep * (deep - x) + g_wide * (wide - x)
        return g_deep * deep + g_wide * wide


# The kinds that this code computes. A checkpoint of another version of braid may have others, whose
# tensors and names alone do not tell what is computed with them.
BLOCKS = ("llama", "wide", "loop", "dual_path")
ROUTERS = ("gumbel", "softmax", "top1", "none")
CONNECTIONS = ("share", "routed", "slice")
ROPE_SCALINGS = ("llama3",)


def check_known(what, name, known):
    """Raises ValueError unless `name` is one of the kinds `known`."""
    if name in known:
        return
    raise ValueError(
        f"config.json names the {what} {name!r}, and this modeling_braid.py knows only {', '.join(known)}: "
        "export the model again with the version of braid that trained it, and use the files of that export together"
    )


def check_spec(spec):
    """Raises ValueError, naming it, if a block, connection or router of the model is none that this code computes."""
    if spec["arch"].get("rope_scaling"):
        check_known("rope_scaling", spec["arch"]["rope_scaling"]["kind"], ROPE_SCALINGS)
    stacks = [spec["dense"]] if spec["kind"] == "dense" else [*spec["paths"], spec["large"]]
    for stack in stacks:
        check_known("block", stack["block"], BLOCKS)
    if spec["kind"] == "dense":
        return
    connection = spec["connection"]
    check_known("connection", connection["kind"], CONNECTIONS)
    if connection["kind"] == "routed":
        check_known("router", connection["router"]["kind"], ROUTERS)


def make_block(stack, arch):
    return (
        Sublayers(stack, stack["ffn"], arch)
        if stack["block"] == "llama"
        else DualBlock(stack, arch)
    )


class ParallelLayer(nn.Module):
    """Block l of every path, side by side, and how the paths hear one another (`share` or `routed`).

    x [B, T, c] -> [B, T, c]; the last `share` gives [B, T, D]. In the first layer of paths of unequal width x is
    [B, T, D]. A path that has run out of blocks hands its input on.
    """

    def __init__(self, spec, layer, noise):
        super().__init__()
        paths, connection, eps = spec["paths"], spec["connection"], spec["arch"]["norm_eps"]
        widths = [path["d"] for path in paths]
        D, c, N = sum(widths), max(widths), len(widths)
        equal, last = len(set(widths)) == 1, layer + 1 == max(path["blocks"] for path in paths)
        self.path = nn.ModuleDict(
            {
                str(p): make_block(path, spec["arch"])
                for p, path in enumerate(paths)
                if layer < path["blocks"]
            }
        )
        others = {str(p): d for p, d in enumerate(widths) if d != c}
        self.path_in = nn.ModuleDict(
            {p: linear(c, d) for p, d in others.items()} if layer > 0 else {}
        )
        self.path_out, self.share, self.combine, self.router = nn.ModuleDict(), None, None, None
        if connection["kind"] == "share":
            self.share = linear(D, D if last else c)
        else:
            self.rule, self.noise = connection["router"], noise
            self.path_out = nn.ModuleDict({p: linear(d, c) for p, d in others.items()})
            self.combine = linear(D, c, bias=True)
            reads = {"combined": c, "concat": D, "x": D if layer == 0 and not equal else c}[
                self.rule["input"]
            ]
            self.router = linear(reads, N + 1, bias=True) if self.rule["kind"] != "none" else None
        self.norm = (
            RMSNorm(D if self.share is not None and last else c, eps)
            if connection["norm"]
            else nn.Identity()
        )
        self.residual, self.N = connection["residual"], N

    def choose(self, logits):
        """Weights of the N paths and their combination, [B, T, N + 1]."""
        if self.rule["kind"] == "gumbel" and (self.noise == "always" or self.training):
            logits = logits - torch.log(-torch.log(torch.rand_like(logits).clamp_min(1e-10)))
        soft = torch.softmax(logits / self.rule["tau"], -1)
        hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
        if self.rule["kind"] == "top1":
            return hard * soft
        return hard + soft - soft.detach() if self.rule["hard"] else soft

    def route(self, x, outputs):
        joined = torch.cat(outputs, -1)
        combined = self.combine(joined)
        candidates = [
            self.path_out[str(p)](y) if str(p) in self.path_out else y
            for p, y in enumerate(outputs)
        ]
        candidates = torch.stack(candidates + [combined], -2)  # [B, T, N + 1, c]
        if self.router is None:
            return candidates.mean(-2)
        reads = {"combined": combined, "concat": joined, "x": x}[self.rule["input"]]
        weights = self.choose(in_fp32(self.router(reads))).to(x.dtype)
        return (weights.unsqueeze(-1) * candidates).sum(-2)

    def forward(self, x, inputs, mask):
        """`inputs`: what each path reads, already of its width; None: x through path_in."""
        if inputs is None:
            inputs = [
                self.path_in[str(p)](x) if str(p) in self.path_in else x for p in range(self.N)
            ]
        outputs = [
            self.path[str(p)](own, mask) if str(p) in self.path else own
            for p, own in enumerate(inputs)
        ]
        y = self.norm(
            self.share(torch.cat(outputs, -1)) if self.share is not None else self.route(x, outputs)
        )
        return x + y if self.residual and x.shape == y.shape else y


class LowRank(nn.Module):
    """A map [B, T, D] -> [B, T, D] through `rank` numbers."""

    def __init__(self, width, rank):
        super().__init__()
        self.read, self.write = linear(width, rank), linear(rank, width)

    def forward(self, x):
        return self.write(self.read(x))


class SliceLayer(nn.Module):
    """Block l of every path on its own slice of the stream [B, T, D]."""

    def __init__(self, spec, layer):
        super().__init__()
        paths = spec["paths"]
        self.widths = [path["d"] for path in paths]
        D = sum(self.widths)
        self.path = nn.ModuleDict(
            {
                str(p): make_block(path, spec["arch"])
                for p, path in enumerate(paths)
                if layer < path["blocks"]
            }
        )
        connection = spec["connection"]
        self.cross = None
        if connection.get("cross_rank", 0):
            self.cross = LowRank(D, connection["cross_rank"])
        elif connection["cross"]:
            self.cross = linear(D, D)

    def forward(self, x, mask):
        parts = x.split(self.widths, -1)
        x = torch.cat(
            [
                self.path[str(p)](own, mask) if str(p) in self.path else own
                for p, own in enumerate(parts)
            ],
            -1,
        )
        return x if self.cross is None else x + self.cross(x)


class SliceNorm(RMSNorm):
    """The final norm of every path on its own slice, [B, T, D] -> a list of [B, T, d_p]."""

    def __init__(self, widths, eps):
        super().__init__(sum(widths), eps)
        self.widths = widths

    def forward(self, x):
        parts = zip(x.split(self.widths, -1), self.weight.split(self.widths))
        return [gain * F.rms_norm(part, part.shape[-1:], eps=self.eps) for part, gain in parts]


class BraidPreTrainedModel(PreTrainedModel):
    config_class = BraidConfig
    base_model_prefix = "model"
    _supports_sdpa = True

    @torch.no_grad()
    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.normal_(0, 0.02)
        if isinstance(module, nn.Embedding):
            module.weight[module.padding_idx].zero_()
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.zero_()
        if isinstance(module, RMSNorm):
            module.weight.fill_(1)


class BraidModel(BraidPreTrainedModel):
    """Everything but the head: token ids [B, T] -> hidden states [B, T, D]."""

    def __init__(self, config):
        super().__init__(config)
        spec = config.spec
        check_spec(spec)
        arch, self.spec = spec["arch"], spec
        self.composite = spec["kind"] == "composite"
        width = config.hidden_size
        self.embed = nn.Embedding(spec["vocab"], width, padding_idx=spec["pad_id"])
        if self.composite:
            self.build_composite(config)
        else:
            self.blocks = nn.ModuleList(
                make_block(spec["dense"], arch) for _ in range(spec["dense"]["blocks"])
            )
        self.slices = self.composite and spec["connection"]["kind"] == "slice"
        self.norm = (
            SliceNorm([path["d"] for path in spec["paths"]], arch["norm_eps"])
            if self.slices
            else RMSNorm(width, arch["norm_eps"])
        )
        self.post_init()

    def build_composite(self, config):
        spec, arch = config.spec, config.spec["arch"]
        connection, widths = spec["connection"], [path["d"] for path in spec["paths"]]
        D, c, layers = (
            sum(widths),
            max(widths),
            range(max(path["blocks"] for path in spec["paths"])),
        )
        # Two, or "1" alone after the parallel layers, or none.
        places = ["0", "1"][2 - spec["large"]["blocks"] :]
        self.large = nn.ModuleDict({place: make_block(spec["large"], arch) for place in places})
        if connection["kind"] == "slice":
            self.parallel = nn.ModuleList(SliceLayer(spec, layer) for layer in layers)
            self.gate = linear(D, len(widths), bias=True) if connection["gate"] else None
            return
        equal = len(set(widths)) == 1
        self.shrink = linear(D, c) if equal else nn.ModuleList(linear(D, d) for d in widths)
        self.parallel = nn.ModuleList(
            ParallelLayer(spec, layer, config.router_noise) for layer in layers
        )
        self.grow = linear(c, D) if connection["kind"] == "routed" else nn.Identity()

    def get_input_embeddings(self):
        return self.embed

    def set_input_embeddings(self, value):
        self.embed = value

    def run_large(self, place, x, mask):
        return self.large[place](x, mask) if place in self.large else x

    def run_composite(self, x, mask):
        x = self.run_large("0", x, mask)
        if self.slices:
            for layer in self.parallel:
                x = layer(x, mask)
            return self.run_large("1", x, mask)
        inputs = None
        if isinstance(
            self.shrink, nn.ModuleList
        ):  # unequal widths: the first layer reads the stream itself
            inputs = [shrink(x) for shrink in self.shrink]
        else:
            x = self.shrink(x)
        for layer in self.parallel:
            x, inputs = layer(x, inputs, mask), None
        return self.run_large("1", self.grow(x), mask)

    def weigh_slices(self, x):
        """The normed slices side by side, each times its share of the logits: heads side by side then add them up."""
        connection, parts = self.spec["connection"], self.norm(x)
        N = len(parts)
        shares = connection["weights"] or [1.0 if connection["scale"] == "sum" else 1.0 / N] * N
        parts = [share * part for share, part in zip(shares, parts)]
        if self.gate is not None:
            gates = N * torch.softmax(in_fp32(self.gate(x)), -1).to(x.dtype)
            parts = [gates[..., p : p + 1] * part for p, part in enumerate(parts)]
        return torch.cat(parts, -1)

    def attention_mask(self, given, length):
        """[B, 1, T, T], true where a position may look; None: all before it. A hidden position sees itself, not nothing."""
        if given is None or bool(given.bool().all()):
            return None
        causal = torch.ones(length, length, dtype=torch.bool, device=given.device).tril()
        itself = torch.eye(length, dtype=torch.bool, device=given.device)
        return (causal & given.bool()[:, None, None, :]) | itself

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, **kwargs):
        x = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        length, most = x.shape[1], self.spec["arch"]["rope_max_pos"]
        if 0 < most < length:
            raise ValueError(
                f"{length} tokens are above the {most} positions of this model (arch.rope_max_pos)"
            )
        mask = self.attention_mask(attention_mask, length)
        if self.composite:
            x = self.run_composite(x, mask)
        else:
            for block in self.blocks:
                x = block(x, mask)
        return BaseModelOutputWithPast(
            last_hidden_state=self.weigh_slices(x) if self.slices else self.norm(x)
        )


class BraidForCausalLM(BraidPreTrainedModel, GenerationMixin):
    def __init__(self, config):
        super().__init__(config)
        self.model = BraidModel(config)
        self.head = linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self):
        return self.head

    def set_output_embeddings(self, value):
        self.head = value

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        inputs_embeds=None,
        labels=None,
        logits_to_keep=0,
        **kwargs,
    ):
        hidden = self.model(input_ids, attention_mask, inputs_embeds).last_hidden_state
        logits = self.head(
            hidden[:, -logits_to_keep:]
            if isinstance(logits_to_keep, int)
            else hidden[:, logits_to_keep]
        )
        loss = None
        if labels is not None:  # labels[t] is the token at t: position t answers for labels[t + 1]
            loss = F.cross_entropy(in_fp32(logits[:, :-1].flatten(0, 1)), labels[:, 1:].flatten())
        return CausalLMOutputWithPast(loss=loss, logits=logits)
