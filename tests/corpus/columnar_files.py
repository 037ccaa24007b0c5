#!/usr/bin/env python3
"""Writes the Parquet and Arrow files of columnar_test.cc, and what pyarrow itself reads in them: FOLDER/expected.json has
the texts of each, or the ids.

columnar_files.py FOLDER
"""

import json
import os
import sys

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

folder = sys.argv[1]
TEXTS = [f"Text {i}: größe, 漢字 and 🙂" + " more" * (i % 7) for i in range(2_500)]
PLAIN = pa.table({"id": range(len(TEXTS)), "text": TEXTS})


def at(name):
    return os.path.join(folder, name)


def stream(name, table, **options):
    with ipc.new_stream(at(name), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=1_000)


def file(name, table, **options):
    with ipc.new_file(at(name), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=1_000)


def texts_of(table, column="text"):
    return table.column(column).to_pylist()


def wide(kind):
    """The texts in another type of column."""
    return pa.table({"text": pa.array(TEXTS).cast(kind)})


written = {}
for codec in ("none", "snappy", "zstd", "gzip", "brotli", "lz4"):
    pq.write_table(PLAIN, at(f"{codec}.parquet"), compression=codec, row_group_size=600)
    written[f"{codec}.parquet"] = texts_of(pq.read_table(at(f"{codec}.parquet")))
pq.write_table(
    PLAIN, at("v2.parquet"), data_page_version="2.0", version="2.6", use_dictionary=False
)
written["v2.parquet"] = texts_of(pq.read_table(at("v2.parquet")))
for name, kind in {
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "binary": pa.binary(),
    "dictionary": pa.dictionary(pa.int16(), pa.string()),
}.items():
    table = wide(kind)
    stream(f"{name}.stream", table)
    if name != "string_view":
        pq.write_table(table, at(f"{name}.parquet"))
        written[f"{name}.parquet"] = TEXTS
    with ipc.open_stream(at(f"{name}.stream")) as reader:
        back = [
            one.decode() if isinstance(one, bytes) else one for one in texts_of(reader.read_all())
        ]
    written[f"{name}.stream"] = back
for codec in (None, "zstd", "lz4"):
    stream(f"{codec}.stream", PLAIN, compression=codec)
    file(f"{codec}.arrow", PLAIN, compression=codec)
    with ipc.open_file(at(f"{codec}.arrow")) as reader:
        written[f"{codec}.arrow"] = texts_of(reader.read_all())
    with ipc.open_stream(at(f"{codec}.stream")) as reader:
        written[f"{codec}.stream"] = texts_of(reader.read_all())
feather.write_feather(PLAIN, at("two.feather"))
written["two.feather"] = texts_of(feather.read_table(at("two.feather")))

# Fields within fields, as chat sets have them.
nested = pa.table(
    {
        "a.b": ["own", "own"],
        "answer": [
            {"parts": [{"text": "one"}, {"text": "two"}], "n": 1},
            {"parts": [{"text": "three"}], "n": 2},
        ],
        "lines": [["a", "b"], ["c"]],
        "question": ["Q1", "Q2"],
        "tags": pa.array([[("k", "v")], [("k", "w")]], pa.map_(pa.string(), pa.string())),
        "input_ids": pa.array([[1, 2, 3], [4]], pa.list_(pa.uint16())),
        "conversations": [
            [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}],
            [{"from": "human", "value": None}],
        ],
    }
)
pq.write_table(nested, at("nested.parquet"))
stream("nested.stream", nested)

# Two sets of chats in one, with a column of each.
union = pa.table(
    {
        "messages": [None, [{"role": "user", "content": "M"}]],
        "conversations": [[{"from": "human", "value": "C"}], None],
    }
)
pq.write_table(union, at("union.parquet"))
stream("union.stream", union)

# What is no text, and rows without one.
odd = {
    "none": pa.array([None, "here", None], pa.string()),
    "number": pa.array([1, 2, 3]),
    "negative": pa.array([[1], [-2], [3]], pa.list_(pa.int64())),
    "real": pa.array([0.5, 1.5, 2.5]),
    "date": pa.array([0, 1, 2], pa.date32()),
    "bytes": pa.array([b"\xff\xfe", b"\x80", b"\xc0"]),
    "flag": pa.array([True, False, None]),
    "decimal": pa.array([1, 2, 3]).cast(pa.decimal128(22, 2)),
    "struct": pa.array([{"x": 1}] * 3),
}
pq.write_table(pa.table(odd), at("odd.parquet"))
stream("odd.stream", pa.table(odd))
pq.write_table(PLAIN.slice(0, 0), at("empty.parquet"))
stream("empty.stream", PLAIN.slice(0, 0))
stream("twice.stream", pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"]))

# Hostile: an offset beyond the texts, behind a whole and valid description.
batch = pa.record_batch({"text": pa.array(["abcdefgh", "ijklmnop"])})
offsets = pa.py_buffer(b"\0\0\0\0\0\xff\xff\x7f\x10\0\0\0")
bad = pa.StringArray.from_buffers(2, offsets, batch.column(0).buffers()[2])
stream("offsets.stream", pa.Table.from_arrays([bad], ["text"]))
file("offsets.arrow", pa.Table.from_arrays([bad], ["text"]))

# Hostile: two runs of an index into a dictionary of three entries, the second of which points to a fourth one.
runs = pa.DictionaryArray.from_arrays(
    pa.array([0] * 40 + [2] * 40, pa.int8()), pa.array(["a", "b", "c"])
)
pq.write_table(
    pa.table([runs], schema=pa.schema([pa.field("text", runs.type, nullable=False)])),
    at("index.parquet"),
    compression="none",
    write_statistics=False,
)
with open(at("index.parquet"), "r+b") as parquet:
    content = parquet.read()
    assert content.count(b"\x02\x50\0\x50\x02") == 1
    parquet.seek(0)
    parquet.write(content.replace(b"\x02\x50\0\x50\x02", b"\x02\x50\0\x50\x03"))

# Texts, the second of which is latin1, by itself and within other values.
latin = pa.array([b"one", b"gr\xf6\xdfe", b"three"]).view(pa.string())
starts = pa.array([0, 1, 2, 3], pa.int32())
texts = {
    "text": latin,
    "large": latin.cast(pa.large_binary()).view(pa.large_string()),
    "lists": pa.ListArray.from_arrays(starts, latin),
    "struct": pa.StructArray.from_arrays([latin], ["text"]),
    "map": pa.MapArray.from_arrays(starts, pa.array(["k"] * 3), latin),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), latin),
}
stream("latin.stream", pa.table(texts))
file("latin.arrow", pa.table(texts))
pq.write_table(pa.table(texts), at("latin.parquet"))


def repeated(name, texts, counts):
    """Texts that are in the file once, and are plain ones for those who read it."""
    places = [place for place, count in enumerate(counts) for _ in range(count)]
    column = pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(texts))
    pq.write_table(pa.table({"text": column}), at(name), compression="zstd", store_schema=False)


repeated("same.parquet", ["x" * 2**20], [2_000])
repeated("sorted.parquet", ["short", "x" * 2**20], [20_000, 2_000])

# A text above the limit of a document.
large = pa.table({"id": [1, 2], "text": ["x" * (2**28 + 1), "here"]})
stream("large.stream", large, compression="zstd")

with open(at("expected.json"), "w", encoding="utf-8") as out:
    json.dump(written, out)
