"""Ids of tokenizers in the shapes of current models against the `tokenizers` package, which makes them."""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre

PREPARE = os.path.join(sys.argv[1], "braid-prepare")
END = "<|end|>"
MARK = "\u2581"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# With the letters told apart by case, as later models have it.
BY_CASE = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m"
    r"|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t"
    r"|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ODD = [
    "'s", "'S", "'LL", "'\u017f", "\u212a", " ", "   ", "\n", "\r\n", "\n\n", "\t", "123", "4567",
    "\u00a0", "\u2028", "\u180e", "\u0085", "\u3000", "e\u0301", END, "<s>", MARK, MARK * 2, "<0x0A>",
    "1\u06f3\u0967", "\u00bd", "\u2167", "\ufeff", "\u200d", "\U0001f999", "\u0915\u093f", "...", "\x00",
]  # fmt: skip


def character(draw):
    while True:
        code = draw.choice(
            [
                draw.randint(32, 126),
                draw.randint(0x80, 0x3000),
                draw.randint(0x3000, 0xFFFF),
                draw.randint(0x10000, 0x1FFFF),
                draw.randint(0x20000, 0x10FFFF),
            ]
        )
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def fuzzed(seed, length):
    draw = random.Random(seed)
    words = ["the ", "a cat", "don't", "It'Ll", "Hello", "wor", "ld"]
    return "".join(
        draw.choice(words if draw.random() < 0.4 else ODD)
        if draw.random() < 0.6
        else character(draw)
        for _ in range(length)
    )


def byte_level(regex, digits=False, nfc=False, whole=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    steps = [pre.Digits(individual_digits=True)] if digits else []
    if regex:
        steps.append(pre.Split(Regex(regex), "isolated"))
    steps.append(pre.ByteLevel(add_prefix_space=False, use_regex=not regex))
    tokenizer.pre_tokenizer = pre.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, pre.ByteLevel.alphabet()


def sentence_piece(metaspace=None):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if metaspace:
        tokenizer.pre_tokenizer = metaspace
    else:
        steps = [normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer, []


def shapes():
    yield "llama3", byte_level(LLAMA3, whole=True)
    yield "qwen", byte_level(LLAMA3.replace("{1,3}", ""), nfc=True)
    yield "smollm", byte_level(None, digits=True)
    yield "by_case", byte_level(BY_CASE)
    yield "llama2", sentence_piece()
    for scheme in ("first", "always", "never"):
        metaspace = pre.Metaspace(replacement=MARK, prepend_scheme=scheme, split=scheme == "always")
        yield "metaspace_" + scheme, sentence_piece(metaspace)


def trained(tokenizer, alphabet):
    """As text, with the end of documents marked as braid does it."""
    special = ["<unk>", "<s>", END] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=1100,
        # Other characters have no entry, and become bytes.
        limit_alphabet=300,
        show_progress=False,
        initial_alphabet=alphabet,
        special_tokens=special if tokenizer.model.byte_fallback else special[:3],
    )
    text = [
        fuzzed(seed, 300) + "the cat and the 1234 words of it's world. " * 3 for seed in range(20)
    ]
    tokenizer.train_from_iterator(text, trainer)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [one for one in made["added_tokens"] if one["id"] < 3]
    made["added_tokens"][2]["end_of_text"] = True
    return json.dumps(made)


class TokenizerShapesTest(unittest.TestCase):
    def test_ids_and_text_are_those_of_the_package(self):
        for name, (tokenizer, alphabet) in shapes():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "tokenizer.json")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(trained(tokenizer, alphabet))
                theirs = Tokenizer.from_file(path)
                # Documents with the end between them, so that one call encodes all.
                text = END.join(fuzzed(100 + seed, 400) for seed in range(25))
                done = subprocess.run(
                    [PREPARE, "encode", "--tokenizer", path],
                    input=text.encode(),
                    capture_output=True,
                )
                self.assertEqual(done.returncode, 0, done.stderr)
                ids = [int(word) for word in done.stdout.split()]
                self.assertEqual(ids, theirs.encode(text, add_special_tokens=False).ids)
                self.assertGreater(len(set(ids)), 300)

    def test_added_tokens_are_found_where_the_package_finds_them(self):
        tokenizer, alphabet = sentence_piece()
        made = json.loads(trained(tokenizer, alphabet))
        theirs = Tokenizer.from_str(json.dumps(made))
        theirs.add_tokens(
            [AddedToken("cat", normalized=True), AddedToken(" dog", normalized=False)]
        )
        made = json.loads(theirs.to_str())
        made["added_tokens"][2]["end_of_text"] = True
        text = "cat the cat dog\n dogcat" + END + "cat"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokenizer.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(made, file)
            done = subprocess.run(
                [PREPARE, "encode", "--tokenizer", path, text], capture_output=True, check=True
            )
        ids = [int(word) for word in done.stdout.split()]
        self.assertEqual(ids, theirs.encode(text, add_special_tokens=False).ids)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
