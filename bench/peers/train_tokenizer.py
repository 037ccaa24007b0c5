"""Training of a byte-level BPE tokenizer by a peer, one pass a turn.

train_tokenizer.py tokenizers|gigatoken TEXT ENTRIES OUT

TEXT is a file of documents separated by NUL bytes; the merges are written to OUT, one a line, as
two byte strings in hexadecimal. Values: MB/s (10^6 bytes).
"""

import json
import sys
import time

from turns import serve

END = "<|endoftext|>"


def bytes_of_characters() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {
        **{chr(byte): byte for byte in shown},
        **{chr(256 + i): byte for i, byte in enumerate(hidden)},
    }


def merges_of_json(content: dict) -> list[tuple[bytes, bytes]]:
    """The merges of a tokenizer.json, in their order."""
    table = bytes_of_characters()
    merges = [m.split(" ") if isinstance(m, str) else m for m in content["model"]["merges"]]
    return [tuple(bytes(table[c] for c in part) for part in merge) for merge in merges]


def by_tokenizers(documents: list[str], entries: int):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=entries,
        special_tokens=[END],
        initial_alphabet=sorted(bytes_of_characters()),
        min_frequency=0,
        show_progress=False,
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(documents, trainer)
    seconds = time.perf_counter() - start
    return seconds, merges_of_json(json.loads(tokenizer.to_str()))


def by_gigatoken(documents: list[str], entries: int):
    import gigatoken

    content = "\0".join(documents).encode()
    start = time.perf_counter()
    _, merges = gigatoken.train_bpe(content, entries, [END], separator=b"\0")
    return time.perf_counter() - start, [tuple(map(bytes, merge)) for merge in merges]


def main() -> None:
    kind, text, entries, out = sys.argv[1:]
    with open(text, encoding="utf-8", newline="") as file:
        content = file.read()
    documents, size = content.split("\0"), len(content.encode())
    train = by_tokenizers if kind == "tokenizers" else by_gigatoken

    def turn(_: float) -> dict:
        seconds, merges = train(documents, int(entries))
        with open(out, "w", encoding="utf-8") as file:
            file.writelines(f"{a.hex()} {b.hex()}\n" for a, b in merges)
        return {"values": [size / 1e6 / seconds]}

    serve({}, turn)


if __name__ == "__main__":
    main()
