"""Models that transformers' Llama can be, as such: by the folding rules of PaPaformer 7.1 and dual-path 9. In fp64: two fp32 programs differ by
what both are wrong, and that depends on the CPU."""

import types

import torch
from restatement import stretched
from torch.nn.functional import softplus
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding


def exact_norm(self, x):
    """LlamaRMSNorm.forward without its way through fp32."""
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def exact_rotation(self, x, position_ids):
    """LlamaRotaryEmbedding.forward of the type `default`, whose frequencies and angles are fp32."""
    rope = self.config.rope_parameters
    assert rope["rope_type"] in ("default", "llama3")
    size = (
        getattr(self.config, "head_dim", None)
        or self.config.hidden_size // self.config.num_attention_heads
    )
    steps = rope["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    if rope["rope_type"] == "llama3":
        steps = torch.tensor([stretched(one, rope) for one in steps.tolist()], dtype=torch.float64)
        # What transformers itself makes of them in fp32.
        torch.testing.assert_close(self.inv_freq, steps, rtol=1e-6, atol=0, check_dtype=False)
    angles = position_ids[..., None].double() * steps
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def exact(net):
    """A model of transformers in fp64 throughout; a Llama casts to fp32 in two places."""
    net = net.double()
    for module in net.modules():
        if isinstance(module, LlamaRMSNorm):
            module.forward = types.MethodType(exact_norm, module)
        if isinstance(module, LlamaRotaryEmbedding):
            module.forward = types.MethodType(exact_rotation, module)
    return net


def to_half_layout(weight, heads):
    """Rows of q or k from the interleaved layout: new row i of a head is the old 2i, new row s/2 + i the old 2i + 1."""
    size = weight.shape[0] // heads
    order = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    return weight[torch.cat([head * size + order for head in range(heads)])]


def layer(weights, prefix, arch, stack, scale):
    """One Llama layer from a block's sublayers, both updates times `scale`."""
    heads = stack["heads"]

    def w(name):
        return weights[f"{prefix}{name}.weight"].double()

    q, k, gate, down = w("attn.q"), w("attn.k"), w("ffn.gate"), w("ffn.down")
    if arch.get("rope_layout") == "interleaved":
        q, k = to_half_layout(q, heads), to_half_layout(k, stack.get("kv_heads") or heads)
    if arch.get("ffn_gate") == "beta_swish":
        beta = weights[f"{prefix}ffn.beta"].double()
        gate, down = beta[:, None] * gate, down / beta
    out = (
        w("attn.o")
        if arch.get("attn_out_proj", True)
        else torch.eye(q.shape[0], dtype=torch.float64)
    )
    return {
        "self_attn.q_proj": q,
        "self_attn.k_proj": k,
        "self_attn.v_proj": w("attn.v"),
        "self_attn.o_proj": scale * out,
        "mlp.gate_proj": gate,
        "mlp.up_proj": w("ffn.up"),
        "mlp.down_proj": scale * down,
        "input_layernorm": w("attn_norm"),
        "post_attention_layernorm": w("ffn_norm"),
    }


def layers(weights, stack, arch):
    for i in range(stack["blocks"]):
        prefix = f"blocks.{i}."
        if stack["block"] == "llama":
            yield layer(weights, prefix, arch, stack, 1.0)
        elif stack["block"] == "wide":
            yield layer(
                weights,
                prefix + "wide.",
                arch,
                stack,
                softplus(weights[prefix + "wide.scale"].double()),
            )
        else:  # loop with mix `final`
            for a in weights[prefix + "deep.scale"].double():
                yield layer(weights, prefix + "deep.", arch, stack, softplus(a))


def rope_parameters(arch):
    """As LlamaConfig takes them."""
    theta = {"rope_theta": arch.get("rope_base", 10000.0)}
    if not arch.get("rope_scaling"):
        return {"rope_type": "default", **theta}
    return {"rope_type": "llama3", **theta, **arch["rope_scaling"]}


def as_llama(spec, weights):
    """An fp64 LlamaForCausalLM of the same function."""
    arch, stack = spec["arch"], spec["dense"]
    state = {
        "model.embed_tokens.weight": weights["embed.weight"],
        "model.norm.weight": weights["norm.weight"],
        "lm_head.weight": weights["head.weight"],
    }
    made = list(layers(weights, stack, arch))
    for i, one in enumerate(made):
        state.update({f"model.layers.{i}.{name}.weight": value for name, value in one.items()})
    net = exact(
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=spec["vocab"],
                hidden_size=stack["d"],
                intermediate_size=made[0]["mlp.up_proj"].shape[0],
                num_hidden_layers=len(made),
                num_attention_heads=stack["heads"],
                num_key_value_heads=stack.get("kv_heads") or stack["heads"],
                rms_norm_eps=arch.get("norm_eps", 1e-5),
                rope_parameters=rope_parameters(arch),
                max_position_embeddings=spec["sequence"],
                tie_word_embeddings=False,
                attention_bias=False,
                pad_token_id=spec["pad_id"],
            )
        )
    )
    net.load_state_dict(state)
    return net
