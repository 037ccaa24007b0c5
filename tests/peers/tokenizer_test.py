"""Ids, decoding and training of byte-level BPE against the `tokenizers` package."""

import glob
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

PREPARE = os.path.join(sys.argv[1], "braid-prepare")
SHARED = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "data"
)
CODE_POINTS = (
    list(range(9, 14))
    + list(range(32, 127))
    + [
        0x85,
        0xA0,
        0x180E,
        0x2028,
        0x3000,
        0x202F,
        0xE9,
        0x301,
        0x65E5,
        0x1F600,
        0x660,
        0xBD,
        0x1100,
        0x1161,
        0x11A8,
        0xFB01,
        0x200D,
        0x10FFFF,
        0xE000,
    ]
)
WORDS = [
    "<|endoftext|>",
    "<|padding|>",
    "  ",
    " " * 30,
    "'s",
    "'ll",
    "'re",
    "'S",
    "the ",
    "hello",
    "\r\n",
    "\t\t",
]


def nasty_text(seed, length):
    draw = random.Random(seed)
    pool = [chr(c) for c in CODE_POINTS] + WORDS
    return "".join(draw.choice(pool) for _ in range(length))


def prose(seed, words):
    """Text with a natural spread of word frequencies, made of syllables."""
    draw = random.Random(seed)
    syllables = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "s")]
    lexicon = [
        "".join(draw.choice(syllables) for _ in range(draw.randint(1, 4))) for _ in range(3000)
    ]
    out = []
    for _ in range(words):
        word = lexicon[min(int(draw.paretovariate(0.7)) - 1, len(lexicon) - 1)]
        out.append(word + draw.choice(["", "", "", ",", ".", "!\n", "é", " 12", "  ", "'s"]))
    return " ".join(out)


def reference_tokenizer(text, vocab):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def encode(path, text):
    done = subprocess.run(
        [PREPARE, "encode", "--tokenizer", path],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def decode(path, ids):
    done = subprocess.run(
        [PREPARE, "decode", "--tokenizer", path, *map(str, ids)], capture_output=True, check=True
    )
    return done.stdout.decode()[:-1]


def train(folder, text, vocab):
    """Runs the job `tokenizer` by hand on one text file; returns the path of tokenizer.json or the error."""
    source = os.path.join(folder, "source")
    os.makedirs(source, exist_ok=True)
    with open(os.path.join(source, "text.txt"), "w", encoding="utf-8", newline="") as file:
        file.write(text)
    task = {
        "version": 1,
        "kind": "tokenizer",
        "job": "tokenizer",
        "output": os.path.join(folder, "out"),
        "work": os.path.join(folder, "work"),
        "inputs": {"source.c": source},
        "spec": {"train": {"vocab": vocab, "bytes": 1 << 30, "corpora": [{"name": "c"}]}},
    }
    with open(os.path.join(folder, "task.json"), "w") as file:
        json.dump(task, file)
    done = subprocess.run(
        [PREPARE, os.path.join(folder, "task.json")], capture_output=True, text=True
    )
    return os.path.join(folder, "out", "tokenizer", "tokenizer.json"), done


def added(content, number, **flags):
    token = {
        "id": number,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    return {**token, **flags}


def spellings():
    """(name, change of a tokenizer.json)"""
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    alone, end = (
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
    )
    special = {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}}

    def update(**fields):
        return lambda json_: json_.update(fields)

    def model(**fields):
        return lambda json_: json_["model"].update(fields)

    def tokens(*items):
        return lambda json_: json_["added_tokens"].extend(items)

    def sequence(*steps):
        return update(pre_tokenizer={"type": "Sequence", "pretokenizers": list(steps)})

    def split(behavior, invert, regex=pattern):
        return {
            "type": "Split",
            "pattern": {"Regex": regex},
            "behavior": behavior,
            "invert": invert,
        }

    def bytes_(regex, space=False):
        return {
            "type": "ByteLevel",
            "add_prefix_space": space,
            "trim_offsets": True,
            "use_regex": regex,
        }

    def template(*single):
        return update(
            post_processor={
                "type": "TemplateProcessing",
                "single": list(single),
                "pair": [alone, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": special,
            }
        )

    yield "untyped", lambda json_: json_["model"].pop("type")
    for field in (
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges",
    ):
        yield "without_" + field, lambda json_, field=field: json_["model"].pop(field)
    yield "dropout_zero", model(dropout=0.0)
    yield "dropout", model(dropout=1.0)
    yield "ignore_merges", model(ignore_merges=True)
    yield "unknown", model(unk_token="<|endoftext|>")
    yield "fallback", model(byte_fallback=True)
    yield "suffix", model(end_of_word_suffix="</w>")
    yield "empty_affixes", model(continuing_subword_prefix="", end_of_word_suffix="")
    yield "without_a_byte", lambda json_: json_["model"]["vocab"].pop("Y")
    yield (
        "unknown_without_a_byte",
        lambda json_: (
            json_["model"]["vocab"].pop("Y"),
            json_["model"].update(unk_token="<|endoftext|>"),
        ),
    )
    yield (
        "merges_as_text",
        lambda json_: json_["model"].update(
            merges=["#version: 0.2"] + [" ".join(pair) for pair in json_["model"]["merges"]]
        ),
    )
    yield "no_merges", model(merges=[])
    for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"):
        for invert in (False, True):
            yield (
                "split"
                if (behavior, invert) == ("Isolated", False)
                else f"split_{behavior}_{invert}",
                sequence(split(behavior, invert), bytes_(False)),
            )
    yield "split_regex", sequence(split("Isolated", False), bytes_(True))
    yield (
        "split_otherwise",
        sequence(split("Isolated", False, r"\p{N}{1,3}| ?\p{L}+|\s+|."), bytes_(False)),
    )
    yield "split_digits", sequence({"type": "Digits", "individual_digits": True}, bytes_(True))
    yield "one_sequence", sequence(bytes_(True))
    yield "no_regex", update(pre_tokenizer=bytes_(False))
    yield "prefix_space", update(pre_tokenizer=bytes_(True, space=True))
    yield "bytes_before_split", sequence(bytes_(True), split("Isolated", False))
    yield "no_pre_tokenizer", update(pre_tokenizer=None)
    for names in ([], ["NFC"], ["NFC", "NFC"], ["NFD"], ["NFKC"], ["Lowercase", "NFC"]):
        yield (
            "_".join(["nfc_sequence"] if names == ["NFC"] else ["sequence"] + names),
            update(
                normalizer={"type": "Sequence", "normalizers": [{"type": name} for name in names]}
            ),
        )
    yield "nfc", update(normalizer={"type": "NFC"})
    yield "template_alone", template(alone)
    yield "template_end", template(alone, end)
    yield "template_twice", template(alone, alone)
    yield (
        "roberta",
        update(
            post_processor={
                "type": "RobertaProcessing",
                "sep": ["<|endoftext|>", 0],
                "cls": ["<|endoftext|>", 0],
                "trim_offsets": True,
                "add_prefix_space": True,
            }
        ),
    )
    yield (
        "processors",
        update(post_processor={"type": "Sequence", "processors": [bytes_(True, space=True)]}),
    )
    yield (
        "truncation",
        update(
            truncation={
                "direction": "Right",
                "max_length": 3,
                "strategy": "LongestFirst",
                "stride": 0,
            }
        ),
    )
    for strategy in ({"Fixed": 4000}, "BatchLongest"):
        yield (
            f"padding_{strategy}",
            update(
                padding={
                    "strategy": strategy,
                    "direction": "Right",
                    "pad_to_multiple_of": None,
                    "pad_id": 0,
                    "pad_type_id": 0,
                    "pad_token": "<|endoftext|>",
                }
            ),
        )
    yield (
        "padding_multiple",
        update(
            padding={
                "strategy": "BatchLongest",
                "direction": "Right",
                "pad_to_multiple_of": 64,
                "pad_id": 0,
                "pad_type_id": 0,
                "pad_token": "<|endoftext|>",
            }
        ),
    )
    yield "added_far", tokens(added("<|mark|>", 900))
    yield "added_middle", tokens(added("<|mark|>", 7))
    yield "added_order", tokens(added("<|other|>", 401), added("<|mark|>", 400))
    yield "added_known", tokens(added("a", 400), added("<|mark|>", 401))
    yield "added_twice", tokens(added("<|mark|>", 400), added("<|mark|>", 401))
    yield (
        "added_twice_otherwise",
        tokens(added("<|mark|>", 400), added("<|mark|>", 401, lstrip=True)),
    )
    yield (
        "added_plain",
        tokens(added("<|mark|>", 400, normalized=True, special=False), added("<|other|>", 401)),
    )
    for flag in ("lstrip", "rstrip", "single_word"):
        yield "added_" + flag, tokens(added("<|mark|>", 400, **{flag: True}))
    yield (
        "added_composed",
        lambda json_: (
            json_.update(normalizer={"type": "NFC"}),
            json_["added_tokens"].append(added("e\u0301", 400, normalized=True, special=False)),
        ),
    )
    yield (
        "added_as_it_stands",
        lambda json_: (
            json_.update(normalizer={"type": "NFC"}),
            json_["added_tokens"].append(added("e\u0301", 400)),
        ),
    )
    yield (
        "far_entry",
        lambda json_: (
            json_["model"]["vocab"].update({"zzzz": 1000}),
            json_["added_tokens"].append(added("<|mark|>", 400)),
        ),
    )
    yield (
        "gap",
        lambda json_: (
            json_["model"]["vocab"].update({"zzzz": 401}),
            json_["added_tokens"].append(added("<|mark|>", 401)),
        ),
    )
    yield (
        "raw_space",
        lambda json_: (
            json_["model"]["vocab"].update({" ": 400}),
            json_["model"].update(ignore_merges=True),
        ),
    )


class TokenizerTest(unittest.TestCase):
    def test_training_gives_the_same_merges(self):
        for seed, vocab in ((1, 400), (2, 1200), (3, 2100)):
            text = prose(seed, 40000)
            with tempfile.TemporaryDirectory() as folder:
                path, done = train(folder, text, vocab)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(path, encoding="utf-8") as file:
                    ours = json.load(file)
                theirs = json.loads(reference_tokenizer(text, vocab).to_str())
                self.assertEqual(len(ours["model"]["vocab"]), vocab)
                self.assertEqual(ours["model"]["merges"], theirs["model"]["merges"])
                self.assertEqual(ours["model"]["vocab"], theirs["model"]["vocab"])
                # The package reads our file, and both encode and decode alike.
                loaded = Tokenizer.from_file(path)
                for sample in (nasty_text(seed, 3000), prose(seed + 10, 200)):
                    ids = encode(path, sample)
                    self.assertEqual(ids, loaded.encode(sample).ids)
                    plain = sample.replace("<|endoftext|>", "")
                    self.assertEqual(decode(path, encode(path, plain)), plain)

    def test_too_little_text_is_an_error_that_says_how_far_it_goes(self):
        with tempfile.TemporaryDirectory() as folder:
            _, done = train(folder, "abab abab", 4000)
            self.assertEqual(done.returncode, 1)
            self.assertIn("the text gives only", done.stderr)
            self.assertIn("lower vocab", done.stderr)

    def test_every_spelling_gives_the_ids_of_the_package_or_is_refused(self):
        """What may change ids is changed in each way; another id than the package's is the only wrong answer."""
        text = prose(7, 4000)
        plain = json.loads(reference_tokenizer(text, 400).to_str())
        samples = [
            nasty_text(8, 300) + "<|mark|> a <|other|>  e\u0301",
            prose(9, 20),
            "\U0002ebf6\u6f22 x\u0301",
        ]
        taken = []
        for name, change in spellings():
            changed = json.loads(json.dumps(plain))
            change(changed)
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "tokenizer.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(changed, file)
                for sample in samples:
                    done = subprocess.run(
                        [PREPARE, "encode", "--tokenizer", path],
                        input=sample.encode(),
                        capture_output=True,
                    )
                    if done.returncode != 0:
                        self.assertEqual(done.returncode, 1, name)
                        self.assertRegex(
                            done.stderr.decode(),
                            r"tokenizer\.json: (model|pre_tokenizer|normalizer|post_processor|truncation|padding|added_tokens)",
                            name,
                        )
                        break
                    ours = [int(word) for word in done.stdout.split()]
                    theirs = Tokenizer.from_str(json.dumps(changed))
                    # What a template puts around a text is not a part of documents.
                    expected = theirs.encode(sample, add_special_tokens=False).ids
                    self.assertEqual(ours, expected, name)
                else:
                    taken.append(name)
        for name in (
            "untyped",
            "split",
            "split_regex",
            "one_sequence",
            "nfc_sequence",
            "split_Removed_False",
            "split_Contiguous_False",
            "split_MergedWithNext_True",
            "split_otherwise",
            "split_digits",
            "no_regex",
            "prefix_space",
            "template_alone",
            "template_end",
            "added_order",
            "added_far",
            "dropout_zero",
        ):
            self.assertIn(name, taken)

    def test_published_tokenizers_on_nasty_text(self):
        paths = glob.glob(os.path.join(SHARED, "tokenizers", "*", "tokenizer.json"))
        if not paths:
            self.skipTest("no published tokenizers here")
        for path in paths:
            theirs = Tokenizer.from_file(path)
            for seed in range(6):
                text = nasty_text(seed, 4000)
                self.assertEqual(
                    encode(path, text),
                    theirs.encode(text, add_special_tokens=False).ids,
                    (path, seed),
                )

    def test_published_tokenizers_on_real_text(self):
        paths = glob.glob(os.path.join(SHARED, "tokenizers", "*", "tokenizer.json"))
        texts = (
            glob.glob(os.path.join(SHARED, "stories", "*dev*"))
            + glob.glob(os.path.join(SHARED, "math", "*dev*"))
            + glob.glob(os.path.join(SHARED, "general", "*"))
        )
        if not paths or not texts:
            self.skipTest("no published tokenizers or texts here")
        for path in paths:
            theirs = Tokenizer.from_file(path)
            for name in texts:
                if os.path.isdir(name):
                    continue
                with (gzip.open if name.endswith(".gz") else open)(name, "rb") as file:
                    text = file.read(1_000_000).decode("utf-8", "ignore")
                self.assertEqual(
                    encode(path, text),
                    theirs.encode(text, add_special_tokens=False).ids,
                    (path, name),
                )


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
