"""BLiMP of the job `evaluate` against a score of our own: ids of the `tokenizers` package, logits of the restatement
(PaPaformer 8.1; acceptance check 8: a model of random weights is right in 50 +- 4 % of the pairs)."""

import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
import unittest

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system")
)
if len(sys.argv) > 2:
    os.environ["BRAID_BINARY_DIR"] = os.path.dirname(sys.argv[1])
import by_hand  # noqa: E402
import configurations as table  # noqa: E402
from dump import read_model  # noqa: E402
from restatement import logits  # noqa: E402

PUBLISHED = os.path.join(
    os.path.dirname(by_hand.SOURCE_DIR), "shared", "data", "eval", "blimp", "blimp.tar.gz"
)
PAIRS = 30  # of each paradigm
PARADIGMS = 67


def sentence_scores(spec, weights, sequences, eos):
    """Sum of log p of every id, after the end token; sequences of one length make a batch."""
    scores, lengths = [0.0] * len(sequences), {}
    for i, ids in enumerate(sequences):
        lengths.setdefault(len(ids), []).append(i)
    for members in lengths.values():
        ids = torch.tensor([[eos] + sequences[i] for i in members])
        log_p = logits(spec, weights, ids)[:, :-1].log_softmax(-1)
        for i, score in zip(members, log_p.gather(-1, ids[:, 1:, None]).sum((1, 2)).tolist()):
            scores[i] = score
    return scores


def extract_published(folder):
    with tarfile.open(PUBLISHED) as archive:
        for member in archive:
            if member.name.endswith(".jsonl"):
                with open(os.path.join(folder, os.path.basename(member.name)), "wb") as file:
                    shutil.copyfileobj(archive.extractfile(member), file)


def write_made_up(folder):
    """Pairs of a small grammar: of two neighbouring words the order is right and wrong, so that both have the same words."""
    draw = random.Random(8)
    words = {
        "adjective": "old red tall small brave quiet".split(),
        "noun": "fox hen bear goat farmer child river house".split(),
        "verb": "saw heard followed carried found liked".split(),
    }
    pattern = ["The", "adjective", "noun", "verb", "the", "adjective", "noun"]
    for paradigm in range(PARADIGMS):
        rows, swap = [], 1 + paradigm % (len(pattern) - 2)
        for _ in range(PAIRS):
            good = [draw.choice(words[slot]) if slot in words else slot for slot in pattern]
            bad = good[:swap] + [good[swap + 1], good[swap]] + good[swap + 2 :]
            rows.append(
                {
                    "sentence_good": " ".join(good) + ".",
                    "sentence_bad": " ".join(bad) + ".",
                    "UID": f"order_{paradigm}",
                }
            )
        with open(os.path.join(folder, f"order_{paradigm}.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


class BlimpTest(unittest.TestCase):
    """On the published pairs where a checkout has them beside it, elsewhere on as many made up."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid-blimp-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = os.path.join(self.folder, "blimp")
        os.mkdir(self.data)
        (extract_published if os.path.exists(PUBLISHED) else write_made_up)(self.data)
        self.pipeline = by_hand.Pipeline(os.path.join(self.folder, "run"), by_hand.small_texts())

    def random_model(self):
        """The folder of a checkpoint whose weights are drawn anew, its spec and its weights."""
        folder = self.pipeline.path("tales")
        spec, trained = read_model(folder)
        draw = torch.Generator().manual_seed(1)
        weights = {
            name: value
            if name.endswith("norm.weight")
            else 0.02 * torch.randn(value.shape, generator=draw)
            for name, value in trained.items()
        }
        weights["embed.weight"][spec["pad_id"]] = 0
        save_file(weights, os.path.join(folder, "model.safetensors"))
        return folder, spec, {name: value.double() for name, value in weights.items()}

    def test_every_paradigm_is_scored_as_specified(self):
        folder, spec, weights = self.random_model()
        self.assertEqual(set(weights), set(table.shapes_of(spec)))
        at = os.path.join(self.folder, "evaluate")
        by_hand.must(
            by_hand.run(
                at,
                "evaluate",
                {"name": "random", "sequence": 32, "blimp": {"pairs": PAIRS}},
                {"model": folder, "tokenizer": self.pipeline.tokenizer(), "blimp": self.data},
            )
        )
        with open(os.path.join(at, "output", "evaluation", "evaluation.json")) as file:
            ours = json.load(file)["blimp"]
        paradigms = sorted(
            name.removesuffix(".jsonl") for name in os.listdir(self.data) if name.endswith(".jsonl")
        )
        self.assertEqual(len(paradigms), PARADIGMS)
        self.assertEqual(sorted(ours["paradigms"]), paradigms)
        tokenizer = Tokenizer.from_file(os.path.join(self.pipeline.tokenizer(), "tokenizer.json"))
        means = []
        for paradigm in paradigms:
            with open(os.path.join(self.data, paradigm + ".jsonl"), encoding="utf-8") as file:
                rows = [json.loads(line) for line in file][:PAIRS]
            sentences = [row[kind] for kind in ("sentence_good", "sentence_bad") for row in rows]
            encoded = [
                tokenizer.encode(" " + sentence, add_special_tokens=False).ids
                for sentence in sentences
            ]
            scores = sentence_scores(spec, weights, encoded, spec["eos_id"])
            gaps = [good - bad for good, bad in zip(scores[:PAIRS], scores[PAIRS:])]
            surely, perhaps = sum(gap > 1e-4 for gap in gaps), sum(gap >= -1e-4 for gap in gaps)
            right = ours["paradigms"][paradigm] / 100 * PAIRS
            self.assertTrue(
                surely - 1e-6 <= right <= perhaps + 1e-6, (paradigm, surely, right, perhaps)
            )
            means.append(right / PAIRS)
        self.assertAlmostEqual(ours["mean"], 100 * sum(means) / PARADIGMS, places=6)
        self.assertAlmostEqual(ours["mean"], 50, delta=4)


if __name__ == "__main__":
    unittest.main(argv=["blimp_test", *sys.argv[3:]], verbosity=2)
