"""Corpora that are token ids already, as nanoGPT, llm.c and Megatron write them with numpy: their
shards are those of the text, to the byte, where tokenizers makes the ids."""

import filecmp
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy
import tokenizers

PREPARE = os.path.join(sys.argv[1], "braid-prepare")
HOME = tempfile.TemporaryDirectory(prefix="braid-token-files-")
TEXTS = [
    f"number {i}: " + "the cat sat on the mat, wölfe and foxes — waiting\n" * (i % 7 + 1)
    for i in range(400)
]


def at(*names):
    return os.path.join(HOME.name, *names)


def train_tokenizer(folder, entries):
    os.makedirs(folder)
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=entries,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(TEXTS, trainer)
    made.save(os.path.join(folder, "tokenizer.json"))
    return made


TOKENIZER = train_tokenizer(at("tokenizer"), 330)
EOT = TOKENIZER.token_to_id("<|endoftext|>")
IDS = [TOKENIZER.encode(text).ids for text in TEXTS]


def prepare(name, files, tokenizer="tokenizer", **corpus):
    """The folder of the shards, or the message of the error."""
    folder = at("job-" + name)
    for part in ("output", "work"):
        os.makedirs(os.path.join(folder, part))
    spec = {
        "corpus": {"name": "web", "files": [os.path.join(HOME.name, files)], **corpus},
        "validation": {"documents": 0.1},
        "seed": 7,
    }
    task = {
        "version": 1,
        "kind": "prepare",
        "job": "prepare:web",
        "attempt": "test/prepare#1",
        "inputs": {"tokenizer": at(tokenizer)},
        "output": os.path.join(folder, "output"),
        "work": os.path.join(folder, "work"),
        "data_roots": [HOME.name],
        "rank": 0,
        "world": 1,
        "generation": 1,
        "threads": 2,
        "device": "cpu",
        "spec": spec,
    }
    with open(os.path.join(folder, "task.json"), "w") as file:
        json.dump(task, file)
    ended = subprocess.run(
        [PREPARE, os.path.join(folder, "task.json")], capture_output=True, text=True
    )
    events = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    if ended.returncode == 0:
        return os.path.join(folder, "output", "shards")
    return next(event for event in events if event["event"] == "error")["message"]


def stream(begin=False):
    """All ids in one array, the end-of-text token behind each document, or in front of each as llm.c has it."""
    parts = [[EOT, *ids] if begin else [*ids, EOT] for ids in IDS]
    return numpy.array(sum(parts, []))


def write_megatron(name, dtype, code, append_eod):
    parts = [numpy.array([*ids, EOT] if append_eod else ids, dtype=dtype) for ids in IDS]
    with open(at(name + ".bin"), "wb") as file:
        for part in parts:
            file.write(part.tobytes(order="C"))
    lengths = numpy.array([len(part) for part in parts], dtype=numpy.int32)
    pointers = numpy.zeros(len(parts), dtype=numpy.int64)
    pointers[1:] = numpy.cumsum(lengths[:-1], dtype=numpy.int64) * numpy.dtype(dtype).itemsize
    with open(at(name + ".idx"), "wb") as file:
        file.write(b"MMIDIDX\x00\x00")
        file.write(struct.pack("<Q", 1) + struct.pack("<B", code))
        file.write(struct.pack("<QQ", len(parts), len(parts) + 1))
        file.write(lengths.tobytes(order="C") + pointers.tobytes(order="C"))
        file.write(numpy.arange(len(parts) + 1, dtype=numpy.int64).tobytes(order="C"))


class TokenFilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(at("text.jsonl"), "w") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in TEXTS)
        cls.of_text = prepare("text", "text.jsonl")

    def same_as_of_text(self, shards):
        self.assertTrue(os.path.isdir(shards), shards)
        for part in ("train", "validation"):
            for file in ("tokens.bin", "documents.idx"):
                ours, theirs = (os.path.join(one, part, file) for one in (shards, self.of_text))
                self.assertGreater(os.path.getsize(theirs), 100)
                self.assertTrue(filecmp.cmp(ours, theirs, shallow=False), (part, file))

    def test_nanogpt(self):
        stream().astype(numpy.uint16).tofile(at("nano.bin"))
        self.same_as_of_text(prepare("nano", "nano.bin", token_files="nanogpt"))

    def test_nanogpt_in_several_files(self):
        half = sum(len(ids) + 1 for ids in IDS[:150]) - 3  # within a document
        for name, part in (("part_a.bin", stream()[:half]), ("part_b.bin", stream()[half:])):
            part.astype(numpy.uint16).tofile(at(name))
        self.same_as_of_text(prepare("parts", "part_*.bin", token_files="nanogpt"))

    def test_llm_c(self):
        for name, magic, version, dtype in (
            ("gpt2", 20240520, 1, numpy.uint16),
            ("llama3", 20240801, 7, numpy.uint32),
        ):
            ids = stream(begin=True).astype(dtype)
            size = 7001  # of all files but the last, wherever a document is
            for number in range(0, len(ids), size):
                part = ids[number : number + size]
                header = numpy.zeros(256, dtype=numpy.int32)
                header[:3] = magic, version, len(part)
                with open(at(f"{name}_{number:08}.bin"), "wb") as file:
                    file.write(header.tobytes() + part.tobytes())
            self.same_as_of_text(prepare(name, name + "_*.bin", token_files="llm_c"))

    def test_megatron(self):
        for dtype, code in ((numpy.uint16, 8), (numpy.int32, 4)):
            for append_eod in (True, False):
                name = f"megatron_{code}_{append_eod}"
                write_megatron(name, dtype, code, append_eod)
                self.same_as_of_text(prepare(name, name + ".*", token_files="megatron"))

    def test_ids_of_a_larger_tokenizer_are_named(self):
        train_tokenizer(at("smaller"), 300)
        ids = stream()
        ids.astype(numpy.uint16).tofile(at("larger.bin"))
        first = int((ids >= 300).argmax())
        message = prepare("larger", "larger.bin", tokenizer="smaller", token_files="nanogpt")
        self.assertIn(
            f"larger.bin: token {first}, the id {ids[first]}, is none of the tokenizer, which has "
            "0 .. 299; tokenizer.file must be the one that made the file",
            message,
        )

    def test_a_cap_on_tokens_cuts_as_that_of_text(self):
        stream().astype(numpy.uint16).tofile(at("capped.bin"))
        ours = prepare("capped", "capped.bin", token_files="nanogpt", tokens=5001)
        theirs = prepare("capped-text", "text.jsonl", tokens=5001)
        for part in ("train", "validation"):
            self.assertTrue(
                filecmp.cmp(
                    *(os.path.join(one, part, "tokens.bin") for one in (ours, theirs)), False
                )
            )


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
