#!/usr/bin/env python3
"""Writes the tar archives of samples_test.cc; FOLDER/expected.json has the texts that tarfile reads in those that
are whole, grouped by name as WebDataset documents it.

samples_files.py FOLDER
"""

import io
import json
import os
import sys
import tarfile

folder = sys.argv[1]
LONG = "long/" * 50 + "n" * 120


def at(name):
    return os.path.join(folder, name)


def add(archive, name, content, **fields):
    info = tarfile.TarInfo(name)
    data = content if isinstance(content, bytes) else content.encode()
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def special(archive, name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    archive.addfile(info)


def fill(archive, names):
    """300 samples of text and picture, with what is no sample between them."""
    for i in range(300):
        key = names(i)
        add(archive, key + ".jpg", bytes(range(256)) * (i % 5))
        if i % 50 == 0:
            special(archive, f"folder{i}.txt", tarfile.DIRTYPE)
            special(archive, f"link{i}.txt", tarfile.SYMTYPE, "elsewhere")
            add(archive, "README", "no sample")
        add(archive, key + ".TXT", f"text {i}: größe 漢字 " + "more " * (i * 7 % 400))
        if i % 50 == 1:
            special(archive, key + ".txt", tarfile.LNKTYPE, "größe")


def texts_of(path):
    texts = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if member.isreg() and not member.islnk() and name.lower().endswith(".txt"):
                key = member.name[: -len(name)] + name.split(".")[0]
                texts[key] = archive.extractfile(member).read().decode()
    return list(texts.values())


FORMATS = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}
written = {}
for name, format_ in FORMATS.items():
    kinds = {"": lambda i: f"{i:06d}"}
    if name != "ustar":
        # Told apart by a character that is not ASCII alone.
        kinds["long_"] = lambda i: f"{LONG}/größe-{chr(0x4E00 + i)}"
    else:
        kinds["split_"] = lambda i: f"{'d' * 90}/{'n' * 80}{i}"
    for prefix, names in kinds.items():
        path = at(f"{prefix}{name}.tar")
        with tarfile.open(path, "w", format=format_) as archive:
            fill(archive, names)
        written[os.path.basename(path)] = texts_of(path)

with tarfile.open(at("fields.tar"), "w") as archive:
    for key, number, words, ids in (("a", 1, ["a", "b"], [1, 2]), ("b", 2, ["c", "d"], [3])):
        add(archive, key + ".jpg", b"\xff\xd8\xff")
        add(archive, key + ".txt", f"T{number}")
        add(archive, key + ".seg.txt", f"S{number}")
        caption = {1: "one", 2: "two"}[number]
        messages = [{"role": "user", "content": f"Q{number}"}]
        row = {"caption": caption, "list": words, "ids": ids, "messages": messages}
        add(archive, key + ".json", json.dumps(row))
with tarfile.open(at("odd.tar"), "w") as archive:
    add(archive, "fine.txt", "good")
    add(archive, "twice.txt", "1")
    add(archive, "twice.txt", "2")
    add(archive, "../../etc/pass\x1b[2Jwd.jpg", "no text")
    # Of 300 MiB, and of pax's own kind of sparse files, so that a few bytes say so.
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    sparse |= {"GNU.sparse.name": "huge.txt", "GNU.sparse.realsize": str(300 << 20)}
    add(archive, "GNUSparseFile.0/huge.txt", b"0\n".ljust(512, b"\0"), pax_headers=sparse)
    add(archive, "last.txt", "last")
with tarfile.open(at("badjson.tar"), "w") as archive:
    add(archive, "x.json", '{"a": ')
with tarfile.open(at("unnamed.tar"), "w") as archive:
    add(archive, "README", "a")
    add(archive, ".hidden", "b")
with tarfile.open(at("many.tar"), "w") as archive:
    for i in range(3_000):
        add(archive, f"{i}.txt", "x" * 100)
with open(at("expected.json"), "w") as file:
    json.dump(written, file)
