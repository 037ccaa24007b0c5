"""Encoding of documents by a peer, with an empty cache in every turn, one pass a turn.

encode.py gigatoken|gigatoken-bytes|fastokens|tokenizers TOKENIZER.json TEXT

TEXT is a file of documents separated by NUL bytes. Values: MB/s (10^6 bytes); also the number of
tokens and the SHA-256 of all ids as little-endian 32-bit numbers.
"""

import hashlib
import sys
import time

import numpy
from turns import serve


def gigatoken(path: str, documents: list):
    import gigatoken

    encoder = gigatoken.Tokenizer(path)
    start = time.perf_counter()
    made = encoder.encode_batch(documents, parallel=False)
    return time.perf_counter() - start, flat_awkward(made)


def flat_awkward(made):
    import awkward

    return awkward.to_numpy(awkward.flatten(made))


def fastokens(path: str, documents: list):
    from fastokens import Tokenizer

    encoder = Tokenizer.from_file(path)
    start = time.perf_counter()
    made = [encoder.encode(document) for document in documents]
    return time.perf_counter() - start, flat_lists(made)


def tokenizers(path: str, documents: list):
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(path)
    start = time.perf_counter()
    made = encoder.encode_batch_fast(documents, add_special_tokens=False)
    return time.perf_counter() - start, flat_lists(made)


def flat_lists(made):
    return numpy.concatenate(
        [numpy.array(getattr(one, "ids", one), dtype=numpy.int64) for one in made]
    )


KINDS = {
    "gigatoken": gigatoken,
    "gigatoken-bytes": gigatoken,
    "fastokens": fastokens,
    "tokenizers": tokenizers,
}


def main() -> None:
    kind, tokenizer, text = sys.argv[1:]
    with open(text, "rb") as file:
        content = file.read()
    documents: list = content.split(b"\0")
    if kind != "gigatoken-bytes":
        documents = [document.decode() for document in documents]

    def turn(_: float) -> dict:
        seconds, ids = KINDS[kind](tokenizer, documents)
        ids = numpy.ascontiguousarray(ids, dtype="<i4")
        digest = hashlib.sha256(ids.tobytes()).hexdigest()
        return {
            "values": [len(content) / 1e6 / seconds],
            "tokens": len(ids),
            "sha256": digest,
        }

    serve({}, turn)


if __name__ == "__main__":
    main()
