"""Configuration of braid's composites and dual-path models."""

from transformers import PretrainedConfig


class BraidConfig(PretrainedConfig):
    """`spec` says what the model is: kind (dense or composite), arch, and the stacks of blocks with their widths.

    The fields that other programs look for (hidden_size, ...) follow from it. `router_noise` is for composites with a
    Gumbel router: "train_only" draws noise in training alone, "always" in evaluation and generation too.
    """

    model_type = "braid"

    def __init__(self, spec=None, router_noise="train_only", use_cache=False, **kwargs):
        self.spec = spec or {}
        self.router_noise = router_noise
        if spec:
            stack = spec["dense"] if spec["kind"] == "dense" else spec["large"]
            deepest = (
                stack["blocks"]
                if spec["kind"] == "dense"
                else 2 + max(path["blocks"] for path in spec["paths"])
            )
            facts = {
                "vocab_size": spec["vocab"],
                "hidden_size": stack["d"],
                "num_attention_heads": stack["heads"],
                "num_hidden_layers": deepest,
                "max_position_embeddings": spec["sequence"],
                "pad_token_id": spec["pad_id"],
                "eos_token_id": spec["eos_id"],
                "bos_token_id": spec["eos_id"],
                "tie_word_embeddings": False,
            }
            kwargs = {**facts, **kwargs}
        for name in (
            "vocab_size",
            "hidden_size",
            "num_attention_heads",
            "num_hidden_layers",
            "max_position_embeddings",
        ):
            setattr(self, name, kwargs.pop(name, None))
        super().__init__(use_cache=use_cache, **kwargs)
