"""Exported models in transformers: for every kind of model our logits of 16 random sequences are within 1e-4 of those that the exported model
has in fp64. And back: Llama directories that transformers wrote, imported, give the logits that they have in fp64. transformers' own
rounding in fp32 is as large as ours and no measure of it."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HOME = tempfile.mkdtemp(prefix="braid-export-")
os.environ.update(
    HF_HOME=os.path.join(HOME, "hf"),
    HF_MODULES_CACHE=os.path.join(HOME, "modules"),
    HF_HUB_OFFLINE="1",
)

import numpy
import tokenizers
import torch
from llama import exact
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

TRAINER = os.path.join(sys.argv[1], "braid-trainer")
PEER = subprocess.Popen(
    [os.path.join(sys.argv[2], "export_peer")],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)
torch.set_num_threads(1)  # the models are tiny
BATCH, SEQUENCE, ENTRIES = 16, 40, 300
VOCAB, PAD = ENTRIES + 1, ENTRIES
PAPER = {
    "attn_out_proj": False,
    "ffn_gate": "beta_swish",
    "rope_layout": "interleaved",
    "rope_max_pos": 80,
}


def run(*words):
    return subprocess.run(words, capture_output=True, check=False)


def must(*words):
    ended = run(*words)
    if ended.returncode != 0:
        raise AssertionError(f"{words}: {ended.stderr.decode()}")
    return ended.stdout.decode()


def ask(*words):
    """Of the program export_peer."""
    PEER.stdin.write(json.dumps(words) + "\n")
    PEER.stdin.flush()
    answer = json.loads(PEER.stdout.readline())
    if "error" in answer:
        raise AssertionError(f"{words}: {answer['error']}")
    return answer


def make_tokenizer(path):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=ENTRIES,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(
        [
            "the cat sat on the mat and the dog sat on the cat; one and one are two, two and two are four",
            "a little girl went into the woods where wolves and foxes were waiting for their supper",
        ],
        trainer,
    )
    tokenizer.save(path)
    assert tokenizer.get_vocab_size() == ENTRIES
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


TOKENIZER = os.path.join(HOME, "tokenizer.json")
DIGEST = make_tokenizer(TOKENIZER)


def stack(name, d, heads, blocks, block="llama", kv_heads=None, **dual):
    made = {"name": name, "d": d, "heads": heads, "blocks": blocks, "block": block}
    if kv_heads:
        made["kv_heads"] = kv_heads
    return made if block == "llama" else {**made, "dual": {"scale_init": 0, **dual}}


def facts(name, arch):
    return {
        "name": name,
        "vocab": VOCAB,
        "pad_id": PAD,
        "eos_id": 0,
        "sequence": SEQUENCE,
        "tokenizer": DIGEST,
        "arch": arch,
    }


def dense(body, **arch):
    return {"kind": "dense", **facts(body["name"], arch), "dense": body}


def composite(connection, paths, large=None, **arch):
    width = sum(path["d"] for path in paths)
    return {
        "kind": "composite",
        **facts("composite", arch),
        "connection": connection,
        "paths": paths,
        "large": large or stack("large", width, width // 16, 2),
    }


EQUAL = [stack("a", 32, 2, 3), stack("b", 32, 2, 3)]
UNEQUAL = [
    stack("a", 16, 1, 1),
    stack("b", 32, 2, 3),
    stack("c", 24, 2, 2, "dual_path", loops=2, ffn_deep=20, ffn_wide=40),
]
DUAL = {"loops": 3, "ffn_deep": 40, "ffn_wide": 72}


def routed(**router):
    return {"kind": "routed", "router": router}


# Of as short texts as here, so that pairs of all three kinds are in it.
ROPE_LLAMA3 = {
    "factor": 4.0,
    "low_freq_factor": 0.25,
    "high_freq_factor": 1.0,
    "original_max_position_embeddings": 24,
}

LLAMAS = {
    "shared keys": dense(stack("shared", 64, 4, 3, kv_heads=2), rope_scaling=ROPE_LLAMA3),
    "shared keys, published block": dense(stack("one_key", 64, 4, 2, kv_heads=1), **PAPER),
    "wide, shared keys": dense(stack("wide_keys", 48, 6, 2, "wide", kv_heads=3, ffn_wide=100)),
    "standard block": dense(stack("standard", 64, 4, 3)),
    "published block": dense(stack("published", 64, 2, 3), **PAPER),
    "interleaved alone": dense(
        stack("interleaved", 48, 3, 2), rope_layout="interleaved", rope_base=500.0, norm_eps=1e-3
    ),
    "wide": dense(stack("wide", 48, 3, 2, "wide", ffn_wide=100)),
    "loop, final step": dense(
        stack("loop_final", 32, 2, 2, "loop", loops=3, ffn_deep=40, mix="final")
    ),
    "loop of one step": dense(
        stack("loop_once", 32, 2, 2, "loop", loops=1, ffn_deep=40, mix="uniform")
    ),
    "wide, published block": dense(stack("wide_published", 32, 2, 2, "wide", ffn_wide=40), **PAPER),
}
OWN = {
    "dual, shared keys": dense(
        stack("dual_keys", 32, 4, 2, "dual_path", kv_heads=2, **DUAL, qk_norm=True),
        rope_scaling=ROPE_LLAMA3,
    ),
    "slice, shared keys": composite(
        {"kind": "slice"},
        [stack("a", 32, 4, 2, kv_heads=2), stack("b", 32, 2, 3)],
        stack("large", 64, 4, 2, kv_heads=1),
    ),
    "wide with norms of queries and keys": dense(
        stack("wide_norm", 32, 2, 2, "wide", ffn_wide=40, qk_norm=True)
    ),
    "loop, mixed": dense(stack("loop_act", 32, 2, 2, "loop", loops=3, ffn_deep=40)),
    "loop, mean": dense(stack("loop_mean", 32, 2, 2, "loop", loops=3, ffn_deep=40, mix="uniform")),
    "dual": dense(stack("dual", 32, 2, 2, "dual_path", **DUAL)),
    "dual, published backbone": dense(
        stack("dual_norm", 32, 2, 2, "dual_path", **DUAL, qk_norm=True, skip_last_router=False)
    ),
    "dual, convex": dense(
        stack(
            "dual_convex", 32, 2, 2, "dual_path", **DUAL, gate="convex", mix="uniform", cross=True
        )
    ),
    "dual, softmax": dense(
        stack(
            "dual_softmax",
            32,
            2,
            2,
            "dual_path",
            **DUAL,
            gate="softmax",
            residual="preserved",
            cross=True,
        )
    ),
    "dual, fixed": dense(
        stack(
            "dual_fixed",
            32,
            2,
            2,
            "dual_path",
            **DUAL,
            gate="fixed",
            mix="final",
            residual="preserved",
        )
    ),
    "dual, published block": dense(stack("dual_published", 32, 2, 2, "dual_path", **DUAL), **PAPER),
    "share": composite({"kind": "share"}, EQUAL),
    "share, published block": composite({"kind": "share"}, EQUAL, **PAPER),
    "share, unequal": composite({"kind": "share", "residual": True, "norm": True}, UNEQUAL),
    "gumbel 1": composite(routed(kind="gumbel", input="combined"), EQUAL),
    "gumbel 2": composite(routed(kind="gumbel", input="concat", tau=0.7), EQUAL, **PAPER),
    "softmax": composite({**routed(kind="softmax", input="x", tau=0.5), "residual": True}, EQUAL),
    "top1, unequal": composite({**routed(kind="top1", input="x"), "norm": True}, UNEQUAL),
    "softmax, unequal": composite(
        {**routed(kind="softmax", input="combined"), "residual": True, "norm": True}, UNEQUAL
    ),
    "no router": composite(routed(kind="none"), EQUAL),
    "slice": composite({"kind": "slice"}, EQUAL),
    "slice, sum": composite(
        {"kind": "slice", "scale": "sum", "gate": False, "cross": True}, UNEQUAL
    ),
    "slice, one large": composite(
        {"kind": "slice", "cross": True, "cross_rank": 5}, EQUAL, stack("large", 64, 4, 1)
    ),
    "routed, no large": composite(routed(kind="softmax"), UNEQUAL, stack("large", 72, 4, 0)),
    "slice, weights": composite({"kind": "slice", "weights": [0.2, 0.5, 0.3]}, UNEQUAL),
    "large dual blocks": composite(
        {"kind": "share"}, EQUAL, stack("large", 64, 4, 2, "dual_path", **DUAL)
    ),
}


def random_value(name, shape, draw):
    noise = torch.randn(shape, generator=draw)
    if name.endswith("norm.weight") or name.endswith(".beta"):
        return 1 + 0.2 * noise
    return 0.5 * noise if name.endswith("scale") else 0.15 * noise


def write_checkpoint(folder, model, seed):
    """Random weights for the model; returns its spec with all defaults, and the weights by name."""
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"format": 1, "model": model}, file)
    shutil.copy(TOKENIZER, os.path.join(folder, "tokenizer.json"))
    known = ask("model", folder)
    draw = torch.Generator().manual_seed(seed)
    weights = {name: random_value(name, shape, draw) for name, shape in known["shapes"].items()}
    weights["embed.weight"][PAD] = 0
    save_file(weights, os.path.join(folder, "model.safetensors"))
    return known["spec"], weights


def random_ids(seed, batch=BATCH):
    return torch.randint(
        0, ENTRIES, (batch, SEQUENCE), generator=torch.Generator().manual_seed(seed)
    )


def ours(folder, ids):
    given, out = os.path.join(HOME, "ids"), os.path.join(HOME, "logits")
    ids.numpy().astype(numpy.int32).tofile(given)
    ask("logits", folder, given, out)
    return torch.from_numpy(numpy.fromfile(out, numpy.float32)).view(*ids.shape, -1)


def load(folder, own):
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=own, output_loading_info=True
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report.get(problem), (problem, report[problem])
    return model.eval()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=HOME)

    def at(self, name):
        return os.path.join(self.folder, name)

    def assert_near(self, a, b, bound=1e-4):
        self.assertEqual(a.shape, b.shape)
        self.assertLess((a.double() - b.double()).abs().max().item(), bound)
        self.assertGreater(b.std().item(), 1e-2)  # there is something to compare

    def exported(self, model, seed=1):
        """A checkpoint of random weights and its export; the name of an exported folder names its code to transformers."""
        write_checkpoint(self.at("checkpoint"), model, seed)
        out = self.at("exported_" + os.path.basename(self.folder))
        return out, ask("export", self.at("checkpoint"), out)["architecture"]


class ExportTest(Case):
    def check_logits(self, cases, own):
        for number, (name, model) in enumerate(cases.items()):
            with self.subTest(name):
                self.setUp()
                out, architecture = self.exported(model, seed=number)
                self.assertEqual(architecture, "BraidForCausalLM" if own else "LlamaForCausalLM")
                net, ids = exact(load(out, own)), random_ids(number)
                with torch.no_grad():
                    self.assert_near(ours(self.at("checkpoint"), ids), net(input_ids=ids).logits)

    def test_llamas_are_llamas(self):
        self.check_logits(LLAMAS, own=False)

    def test_others_carry_their_code(self):
        self.check_logits(OWN, own=True)

    def test_next_tokens_are_those_of_the_exported_model(self):
        """`next-token` on texts longer than the window: each token by the exported model in fp64, given what its window gives it."""
        encoder = tokenizers.Tokenizer.from_file(TOKENIZER)
        texts = {
            "long.txt": [
                "the cat sat on the mat and the dog sat on the cat; one and one are two\n" * 6
            ],
            "rows.jsonl": [
                "a little girl",
                "wölfe — and foxes were waiting for their supper in the woods, " * 3,
                "two",
            ],
        }
        for name, texts_of in texts.items():
            with open(self.at(name), "w") as file:
                file.write(
                    texts_of[0]
                    if name.endswith("txt")
                    else "".join(json.dumps({"text": text}) + "\n" for text in texts_of)
                )
        window, stride = 24, 7
        for number, (model, own) in enumerate(
            ((LLAMAS["standard block"], False), (OWN["share"], True))
        ):
            shutil.rmtree(self.at("checkpoint"), ignore_errors=True)
            folder = tempfile.mkdtemp(dir=HOME)
            out = os.path.join(folder, "exported_" + os.path.basename(folder))
            write_checkpoint(self.at("checkpoint"), model, number)
            ask("export", self.at("checkpoint"), out)
            net = exact(load(out, own))
            ours_of = json.loads(
                must(
                    TRAINER,
                    "next-token",
                    self.at("checkpoint"),
                    *(self.at(name) for name in texts),
                    "--window",
                    str(window),
                    "--stride",
                    str(stride),
                    "--json",
                )
            )
            for name, texts_of in texts.items():
                loss = tokens = first = five = 0
                for text in texts_of:
                    ids = torch.tensor([0, *encoder.encode(text).ids])
                    scored, count = 0, len(ids) - 1
                    while scored < count:
                        end = min(count, window if scored == 0 else scored + stride)
                        begin = max(0, end - window)
                        with torch.no_grad():
                            scores = (
                                net(input_ids=ids[None, begin:end])
                                .logits[0]
                                .double()
                                .log_softmax(-1)[scored - begin :]
                            )
                        targets = ids[scored + 1 : end + 1]
                        own_scores = scores.gather(1, targets[:, None])
                        ranks = (scores > own_scores).sum(1)
                        loss -= own_scores.sum().item()
                        tokens, first, five = (
                            tokens + end - scored,
                            first + (ranks < 1).sum().item(),
                            five + (ranks < 5).sum().item(),
                        )
                        scored = end
                found = ours_of["files"][self.at(name)]
                size = sum(len(text.encode()) for text in texts_of)
                self.assertEqual(
                    (found["documents"], found["tokens"], found["bytes"]),
                    (len(texts_of), tokens, size),
                )
                self.assertLess(abs(found["loss"] - loss / tokens), 1e-5)
                self.assertLess(abs(found["bits_per_byte"] - loss / math.log(2) / size), 1e-5)
                self.assertAlmostEqual(found["top1"], 100 * first / tokens)
                self.assertAlmostEqual(found["top5"], 100 * five / tokens)

    def test_llama_form_is_what_the_own_code_computes(self):
        """The two ways out agree: config.json and tensors of the own form are made here from the checkpoint."""
        for number, (name, model) in enumerate(LLAMAS.items()):
            with self.subTest(name):
                self.setUp()
                other, _ = self.exported(OWN["dual"])
                checkpoint = self.at("again")
                spec, weights = write_checkpoint(checkpoint, model, number)
                llama = self.at("llama")
                ask("export", checkpoint, llama)
                with open(os.path.join(other, "config.json")) as file:
                    config = {**json.load(file), "spec": spec, "hidden_size": model["dense"]["d"]}
                with open(os.path.join(other, "config.json"), "w") as file:
                    json.dump(config, file)
                save_file(
                    {
                        name if name == "head.weight" else "model." + name: value
                        for name, value in weights.items()
                    },
                    os.path.join(other, "model.safetensors"),
                    {"format": "pt"},
                )
                ids = random_ids(number)
                with torch.no_grad():
                    self.assert_near(
                        exact(load(other, True))(input_ids=ids).logits,
                        exact(load(llama, False))(input_ids=ids).logits,
                    )

    def test_config_says_what_the_defaults_do_not(self):
        out, _ = self.exported(LLAMAS["interleaved alone"])
        config = AutoConfig.from_pretrained(out)
        self.assertEqual(
            (
                config.rms_norm_eps,
                config.vocab_size,
                config.pad_token_id,
                config.eos_token_id,
                config.bos_token_id,
            ),
            (1e-3, VOCAB, PAD, 0, 0),
        )
        self.assertEqual(config.rope_parameters, {"rope_type": "default", "rope_theta": 500.0})
        self.assertFalse(config.tie_word_embeddings)
        self.assertEqual(
            set(os.listdir(out)),
            {
                "config.json",
                "generation_config.json",
                "model.safetensors",
                "tokenizer.json",
                "tokenizer_config.json",
                "special_tokens_map.json",
                "README.md",
            },
        )

    def test_tokenizer_is_the_same_and_has_the_pad(self):
        out, _ = self.exported(LLAMAS["standard block"])
        tokenizer = AutoTokenizer.from_pretrained(out)
        text = "the cat sat, two dogs\n\n are four<|endoftext|>one"
        self.assertEqual(
            tokenizer(text).input_ids, tokenizers.Tokenizer.from_file(TOKENIZER).encode(text).ids
        )
        self.assertEqual(
            (tokenizer.pad_token_id, tokenizer.eos_token_id, len(tokenizer)), (PAD, 0, VOCAB)
        )
        self.assertEqual(tokenizer.model_max_length, SEQUENCE)
        with open(os.path.join(out, "tokenizer.json"), "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), DIGEST)

    def test_padding_changes_nothing(self):
        for name in ("dual", "share, unequal", "slice", "gumbel 1"):
            with self.subTest(name):
                self.setUp()
                net, ids = exact(load(self.exported(OWN[name])[0], True)), random_ids(3, batch=2)
                with torch.no_grad():
                    alone = net(input_ids=ids[1:, :25]).logits[0]
                    for left in (False, True):
                        where = slice(SEQUENCE - 25, SEQUENCE) if left else slice(0, 25)
                        both, mask = ids.clone(), torch.zeros_like(ids)
                        both[1], mask[0], mask[1, where] = PAD, 1, 1
                        both[1, where] = ids[1, :25]
                        logits = net(input_ids=both, attention_mask=mask).logits
                        self.assertTrue(logits.isfinite().all())
                        self.assert_near(logits[1, where], alone, 1e-10)

    def test_greedy_text_is_ours(self):
        for name, own in (
            ("standard block", False),
            ("shared keys", False),
            ("published block", False),
            ("share", True),
            ("dual", True),
            ("dual, shared keys", True),
            ("slice", True),
        ):
            with self.subTest(name):
                self.setUp()
                out, _ = self.exported((OWN if own else LLAMAS)[name], seed=4)
                said = json.loads(
                    must(
                        TRAINER,
                        "generate",
                        self.at("checkpoint"),
                        "the cat",
                        "--tokens",
                        "12",
                        "--json",
                    )
                )
                net, tokenizer = (
                    exact(load(out, own)),
                    AutoTokenizer.from_pretrained(out, trust_remote_code=own),
                )
                ids = net.generate(**tokenizer("the cat", return_tensors="pt"), max_new_tokens=12)[
                    0
                ]
                with (
                    torch.no_grad()
                ):  # a token that is hardly likelier than another is no fair question
                    best = net(input_ids=ids[None]).logits[0, :-1].topk(2, -1).values[-12:]
                self.assertGreater((best[:, 0] - best[:, 1]).min().item(), 2e-4)
                self.assertEqual(
                    tokenizer.decode(ids, skip_special_tokens=True), "the cat" + said["text"]
                )

    def test_own_code_saves_and_loads_again(self):
        net = load(self.exported(OWN["share, unequal"])[0], True)
        net.save_pretrained(self.at("saved"))
        again, ids = load(self.at("saved"), True), random_ids(5, batch=2)
        with torch.no_grad():
            self.assertTrue(torch.equal(net(input_ids=ids).logits, again(input_ids=ids).logits))

    def test_own_code_trains(self):
        """Every parameter gets a gradient, and the loss is that of the labels shifted by one."""
        for name in ("dual, convex", "gumbel 1", "slice, weights"):
            with self.subTest(name):
                self.setUp()
                net, ids = load(self.exported(OWN[name])[0], True).train(), random_ids(6, batch=2)
                out = net(input_ids=ids, labels=ids)
                expected = torch.nn.functional.cross_entropy(
                    out.logits[:, :-1].reshape(-1, VOCAB), ids[:, 1:].reshape(-1)
                )
                self.assertAlmostEqual(out.loss.item(), expected.item(), places=5)
                out.loss.backward()
                self.assertEqual([n for n, p in net.named_parameters() if p.grad is None], [])

    def test_router_noise_is_off_in_evaluation_unless_asked_for(self):
        out, _ = self.exported(OWN["gumbel 1"])
        net, ids = load(out, True), random_ids(7, batch=2)
        with torch.no_grad():
            self.assertTrue(torch.equal(net(input_ids=ids).logits, net(input_ids=ids).logits))
        noisy = AutoModelForCausalLM.from_pretrained(
            out, trust_remote_code=True, router_noise="always"
        ).eval()
        with torch.no_grad():
            self.assertFalse(torch.equal(noisy(input_ids=ids).logits, noisy(input_ids=ids).logits))

    def test_kinds_of_another_version_are_refused(self):
        """They would be computed as something else: the names of the tensors do not tell."""
        out, _ = self.exported(OWN["gumbel 1"])
        path = os.path.join(out, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)

        def refused(change, message):
            changed = json.loads(json.dumps(config))
            change(changed["spec"])
            with open(path, "w", encoding="utf-8") as file:
                json.dump(changed, file)
            with self.assertRaisesRegex(ValueError, message):
                load(out, True)

        advice = ".*export the model again with the version of braid that trained it"
        refused(
            lambda spec: spec["paths"][1].update(block="spiral"),
            "the block 'spiral', and this modeling_braid.py knows only llama, wide" + advice,
        )
        refused(
            lambda spec: spec["connection"]["router"].update(kind="oracle"),
            "the router 'oracle'" + advice,
        )
        refused(
            lambda spec: spec["connection"].update(kind="braided"),
            "the connection 'braided'" + advice,
        )

    def test_position_table_ends(self):
        net = load(self.exported(OWN["dual, published block"])[0], True)
        with self.assertRaisesRegex(ValueError, "81 tokens are above the 80 positions"):
            net(input_ids=torch.zeros(1, 81, dtype=torch.long))


class ImportTest(Case):
    def llama(self, **changes):
        torch.manual_seed(11)
        config = LlamaConfig(
            **{
                **dict(
                    vocab_size=VOCAB,
                    hidden_size=64,
                    intermediate_size=96,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=4,
                    max_position_embeddings=SEQUENCE,
                    rms_norm_eps=1e-4,
                    rope_theta=2000.0,
                    pad_token_id=PAD,
                    eos_token_id=0,
                    bos_token_id=0,
                    tie_word_embeddings=False,
                    initializer_range=0.15,
                ),
                **changes,
            }
        )
        net = LlamaForCausalLM(config).eval()
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if "norm" in name:
                    parameter.mul_(1 + 0.2 * torch.randn_like(parameter))
        return net

    def saved(self, net, **how):
        folder = self.at("llama")
        net.save_pretrained(folder, **how)
        shutil.copy(TOKENIZER, os.path.join(folder, "tokenizer.json"))
        return folder

    def check(self, net, **how):
        folder = self.saved(net, **how)
        out = self.at("imported")
        said = must(TRAINER, "import", folder, out, "--name", "guest")
        ids = random_ids(12)
        net = exact(LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32))
        with torch.no_grad():
            self.assert_near(
                ours(out, ids)[..., :ENTRIES], net(input_ids=ids).logits[..., :ENTRIES]
            )
        with open(os.path.join(out, "config.json")) as file:
            model = json.load(file)["model"]
        self.assertEqual(
            (model["name"], model["pad_id"], model["eos_id"], model["tokenizer"]),
            ("guest", PAD, 0, DIGEST),
        )
        self.assertEqual(
            load_file(os.path.join(out, "model.safetensors"))["embed.weight"][PAD]
            .abs()
            .max()
            .item(),
            0,
        )
        self.assertEqual(
            set(os.listdir(out)),
            {"config.json", "model.safetensors", "state.json", "tokenizer.json"},
        )
        return model, said

    def test_plain(self):
        model, said = self.check(self.llama())
        self.assertEqual(
            (
                model["vocab"],
                model["sequence"],
                model["dense"]["ffn"],
                model["arch"]["norm_eps"],
                model["arch"]["rope_base"],
            ),
            (VOCAB, SEQUENCE, 96, 1e-4, 2000.0),
        )
        self.assertEqual(len(said.splitlines()), 1)

    def test_half_precision_and_shards(self):
        for dtype, how in ((torch.float16, {}), (torch.bfloat16, {"max_shard_size": "60KB"})):
            with self.subTest(dtype):
                self.setUp()
                self.check(self.llama().to(dtype), **how)
                sharded = os.path.exists(self.at("llama/model.safetensors.index.json"))
                self.assertEqual(sharded, bool(how))

    def test_tied_head(self):
        _, said = self.check(self.llama(tie_word_embeddings=True))
        self.assertIn("the head is a copy of the embedding", said)

    def test_the_llama_3_family_goes_there_and_back(self):
        """Shared keys, scaled rotation, a tied head, bf16, shards: in, told on with kept keys, and out again."""
        rope = {"rope_type": "llama3", "rope_theta": 500.0, **ROPE_LLAMA3}
        net = self.llama(num_key_value_heads=2, tie_word_embeddings=True, rope_parameters=rope)
        model, said = self.check(net.to(torch.bfloat16), max_shard_size="60KB")
        self.assertEqual(len(said.splitlines()), 2, said)  # the shape, and the tied head
        self.assertEqual(model["dense"]["kv_heads"], 2)
        self.assertEqual(model["arch"]["rope_scaling"], {"kind": "llama3", **ROPE_LLAMA3})
        # As the file has it: nothing is repeated.
        weights = load_file(self.at("imported/model.safetensors"))
        self.assertEqual(weights["blocks.0.attn.k.weight"].shape, (32, 64))

        out, ids = self.at("out"), random_ids(12)
        ask("export", self.at("imported"), out)
        before, after = (
            exact(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))
            for folder in (self.at("llama"), out)
        )
        with torch.no_grad():
            self.assert_near(before(input_ids=ids).logits, after(input_ids=ids).logits, 1e-12)
        self.assertEqual(after.config.num_key_value_heads, 2)
        self.assertEqual(after.config.rope_parameters, rope)

        words = ("generate", self.at("imported"), "the cat", "--tokens", "12", "--json")
        said = json.loads(must(TRAINER, *words))
        tokenizer = AutoTokenizer.from_pretrained(out)
        told = before.generate(**tokenizer("the cat", return_tensors="pt"), max_new_tokens=12)[0]
        with torch.no_grad():  # a token that is hardly likelier than another is no fair question
            best = before(input_ids=told[None]).logits[0, :-1].topk(2, -1).values[-12:]
        self.assertGreater((best[:, 0] - best[:, 1]).min().item(), 2e-4)
        self.assertEqual(tokenizer.decode(told, skip_special_tokens=True), "the cat" + said["text"])

    def test_mistral_is_a_llama_of_another_name(self):
        torch.manual_seed(13)
        net = MistralForCausalLM(
            MistralConfig(
                vocab_size=VOCAB,
                hidden_size=64,
                intermediate_size=96,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=SEQUENCE,
                sliding_window=None,
                pad_token_id=PAD,
                eos_token_id=0,
                bos_token_id=0,
                initializer_range=0.15,
            )
        ).eval()
        folder, ids = self.saved(net), random_ids(14)
        must(TRAINER, "import", folder, self.at("imported"))
        # Mistral's own code rounds to fp32 in two places, as Llama's does: both are replaced.
        llama = LlamaForCausalLM(LlamaConfig(**{**net.config.to_dict(), "model_type": "llama"}))
        llama.load_state_dict(net.state_dict())
        with torch.no_grad():
            expected = exact(llama.eval())(input_ids=ids).logits
            self.assert_near(net(input_ids=ids).logits, expected)
            self.assert_near(ours(self.at("imported"), ids)[..., :ENTRIES], expected[..., :ENTRIES])
        with open(os.path.join(folder, "config.json")) as file:
            config = json.load(file)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({**config, "sliding_window": SEQUENCE - 1}, file)
        refused = run(TRAINER, "import", folder, self.at("again"))
        self.assertIn(
            f"config.json: sliding_window: {SEQUENCE - 1} cannot be imported exactly: braid's "
            "attention looks at all positions before",
            refused.stderr.decode(),
        )

    def test_families_that_compute_something_else_are_refused_with_the_reason(self):
        shape = dict(
            vocab_size=VOCAB,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
        for config, model, reason in (
            (Qwen2Config, Qwen2ForCausalLM, "attention has biases on queries, keys and values"),
            (Qwen3Config, Qwen3ForCausalLM, "norms queries and keys before the rotation"),
        ):
            self.setUp()
            folder = self.saved(model(config(**shape)))
            said = run(TRAINER, "import", folder, self.at("imported")).stderr.decode()
            self.assertIn(f'model_type: "{config.model_type}" cannot be imported exactly', said)
            self.assertIn(reason, said)
            self.assertFalse(os.path.exists(self.at("imported")))

    def test_bf16_weights_are_the_nearest(self):
        for model, own in ((LLAMAS["shared keys"], False), (OWN["dual, shared keys"], True)):
            self.setUp()
            _, weights = write_checkpoint(self.at("checkpoint"), model, 15)
            out, plain = (
                self.at(f"{name}_" + os.path.basename(self.folder)) for name in ("half", "plain")
            )
            must(TRAINER, "export", self.at("checkpoint"), out, "--dtype", "bf16")
            must(TRAINER, "export", self.at("checkpoint"), plain)
            half, whole = (
                load_file(os.path.join(folder, "model.safetensors")) for folder in (out, plain)
            )
            self.assertEqual(half.keys(), whole.keys())
            for name, value in whole.items():
                self.assertTrue(torch.equal(half[name], value.to(torch.bfloat16)), name)
            net, ids = load(out, own), random_ids(16)
            self.assertEqual({value.dtype for value in net.parameters()}, {torch.bfloat16})
            with torch.no_grad():
                exactly = exact(load(plain, own))(input_ids=ids).logits
                rounded = exact(net)(input_ids=ids).logits
            # 2^-9 relative in each of thousands of weights: a bound on the mean, not a sharp one.
            self.assertLess((rounded - exactly).abs().mean().item(), 0.05 * exactly.std().item())
            self.assertFalse(torch.equal(rounded, exactly))

    def test_an_unknown_type_is_refused(self):
        write_checkpoint(self.at("checkpoint"), LLAMAS["standard block"], 1)
        ended = run(TRAINER, "export", self.at("checkpoint"), self.at("out"), "--dtype", "fp8")
        self.assertIn('--dtype: expected f32 or bf16, found "fp8"', ended.stderr.decode())

    def test_rows_without_a_pad_get_one(self):
        model, said = self.check(self.llama(vocab_size=ENTRIES, pad_token_id=None))
        self.assertEqual(model["vocab"], VOCAB)
        self.assertIn(f"a zero row for the pad, id {PAD}, was appended", said)

    def test_rows_behind_the_pad_are_left_out(self):
        """Padded vocabularies: what a merge or a training needs is the vocabulary of the tokenizer."""
        model, said = self.check(self.llama(vocab_size=320, pad_token_id=None))
        self.assertEqual(model["vocab"], VOCAB)
        self.assertIn(f"{320 - VOCAB} rows behind the pad", said)

    def test_an_export_comes_back_bit_by_bit(self):
        model = LLAMAS["standard block"]
        out, _ = self.exported(model)
        must(TRAINER, "import", out, self.at("back"), "--name", "standard")
        first, back = (
            load_file(self.at(f"{name}/model.safetensors")) for name in ("checkpoint", "back")
        )
        self.assertEqual(first.keys(), back.keys())
        for name, value in first.items():
            self.assertTrue(torch.equal(value, back[name]), name)
        described = [must(TRAINER, "describe", self.at(name)) for name in ("checkpoint", "back")]
        self.assertEqual(*described)

    def test_what_cannot_be_exact_is_refused_by_its_key(self):
        cases = {
            "attention_bias: true cannot be imported exactly": {"attention_bias": True},
            "mlp_bias: true cannot be imported exactly": {"mlp_bias": True},
            'hidden_act: "gelu" cannot be imported exactly': {"hidden_act": "gelu"},
            "head_dim: 24 cannot be imported exactly": {"head_dim": 24},
            'rope_type: "linear" cannot be imported exactly': {
                "rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 8.0}
            },
        }
        for message, change in cases.items():
            with self.subTest(message):
                self.setUp()
                ended = run(
                    TRAINER, "import", self.saved(self.llama(**change)), self.at("imported")
                )
                self.assertEqual(ended.returncode, 1)
                self.assertIn(message, ended.stderr.decode())
                self.assertFalse(os.path.exists(self.at("imported")))


if __name__ == "__main__":
    try:
        result = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    finally:
        PEER.stdin.close()
        PEER.wait()
        shutil.rmtree(HOME, ignore_errors=True)
    sys.exit(not result.wasSuccessful())
