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
SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "data")
CODE_POINTS = list(range(9, 14)) + list(range(32, 127)) + [
    0x85, 0xA0, 0x180E, 0x2028, 0x3000, 0x202F, 0xE9, 0x301, 0x65E5, 0x1F600, 0x660, 0xBD, 0x1100, 0x1161, 0x11A8,
    0xFB01, 0x200D, 0x10FFFF, 0xE000]
WORDS = ["<|endoftext|>", "<|padding|>", "  ", " " * 30, "'s", "'ll", "'re", "'S", "the ", "hello", "\r\n", "\t\t"]


def nasty_text(seed, length):
    draw = random.Random(seed)
    pool = [chr(c) for c in CODE_POINTS] + WORDS
    return "".join(draw.choice(pool) for _ in range(length))


def prose(seed, words):
    """Text with a natural spread of word frequencies, made of syllables."""
    draw = random.Random(seed)
    syllables = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "s")]
    lexicon = ["".join(draw.choice(syllables) for _ in range(draw.randint(1, 4))) for _ in range(3000)]
    out = []
    for _ in range(words):
        word = lexicon[min(int(draw.paretovariate(0.7)) - 1, len(lexicon) - 1)]
        out.append(word + draw.choice(["", "", "", ",", ".", "!\n", "é", " 12", "  ", "'s"]))
    return " ".join(out)


def reference_tokenizer(text, vocab):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def encode(path, text):
    done = subprocess.run([PREPARE, "encode", "--tokenizer", path], input=text.encode(), capture_output=True, check=True)
    return [int(word) for word in done.stdout.split()]


def decode(path, ids):
    done = subprocess.run([PREPARE, "decode", "--tokenizer", path, *map(str, ids)], capture_output=True, check=True)
    return done.stdout.decode()[:-1]


def train(folder, text, vocab):
    """Runs the job `tokenizer` by hand on one text file; returns the path of tokenizer.json or the error."""
    source = os.path.join(folder, "source")
    os.makedirs(source, exist_ok=True)
    with open(os.path.join(source, "text.txt"), "w", encoding="utf-8", newline="") as file:
        file.write(text)
    task = {"version": 1, "kind": "tokenizer", "job": "tokenizer", "output": os.path.join(folder, "out"),
            "work": os.path.join(folder, "work"), "inputs": {"source.c": source},
            "spec": {"train": {"vocab": vocab, "bytes": 1 << 30, "corpora": [{"name": "c"}]}}}
    with open(os.path.join(folder, "task.json"), "w") as file:
        json.dump(task, file)
    done = subprocess.run([PREPARE, os.path.join(folder, "task.json")], capture_output=True, text=True)
    return os.path.join(folder, "out", "tokenizer", "tokenizer.json"), done


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

    def test_published_tokenizers_on_nasty_text(self):
        paths = glob.glob(os.path.join(SHARED, "tokenizers", "*", "tokenizer.json"))
        if not paths:
            self.skipTest("no published tokenizers here")
        for path in paths:
            theirs = Tokenizer.from_file(path)
            for seed in range(6):
                text = nasty_text(seed, 4000)
                self.assertEqual(encode(path, text), theirs.encode(text, add_special_tokens=False).ids, (path, seed))

    def test_published_tokenizers_on_real_text(self):
        paths = glob.glob(os.path.join(SHARED, "tokenizers", "*", "tokenizer.json"))
        texts = glob.glob(os.path.join(SHARED, "stories", "*dev*")) + glob.glob(os.path.join(SHARED, "math", "*dev*")) + \
            glob.glob(os.path.join(SHARED, "general", "*"))
        if not paths or not texts:
            self.skipTest("no published tokenizers or texts here")
        for path in paths:
            theirs = Tokenizer.from_file(path)
            for name in texts:
                if os.path.isdir(name):
                    continue
                with (gzip.open if name.endswith(".gz") else open)(name, "rb") as file:
                    text = file.read(1_000_000).decode("utf-8", "ignore")
                self.assertEqual(encode(path, text), theirs.encode(text, add_special_tokens=False).ids, (path, name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
