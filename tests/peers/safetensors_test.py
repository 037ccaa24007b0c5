"""The safetensors reader and writer against the safetensors package: the same verdict on every
file of a table of good and bad ones, the same bytes read, and what braid writes reads back there.
Two differences are meant: repeated keys and extents above 2^63 - 1 are refused here."""

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors import deserialize, safe_open
from safetensors.numpy import load_file, save_file

VERDICT = Path(sys.argv[2]) / "safetensors_verdict"
ONE = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
DATA = b"\x01\x02\x03\x04"
STRICTER = {"repeated tensor", "repeated metadata", "empty tensor beside a huge extent"}


def file_of(header, data=b"", length=None):
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def one(name_or_fields, data=DATA):
    """A file with one tensor "a" whose header entry is given."""
    return file_of('{"a":%s}' % name_or_fields, data)


def fields(dtype='"F32"', shape="[1]", offsets="[0,4]", more=""):
    return '{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, more)


def layout(*tensors):
    return ",".join('"%s":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}' % t for t in tensors)


def table():
    whole = one(ONE)
    cases = {
        # Framing.
        "plain": whole,
        "no file at all": b"",
        "shorter than the length": b"123",
        "length alone": struct.pack("<Q", 2),
        "empty header": file_of(""),
        "no tensors": file_of("{}"),
        "metadata alone": file_of('{"__metadata__":{}}'),
        "header cut": whole[:30],
        "data cut": whole[:-1],
        "one byte too many": whole + b"x",
        "length past the end": file_of('{"a":%s}' % ONE, DATA, length=1000),
        "length of 100,000,001": file_of('{"a":%s}' % ONE, DATA, length=100_000_001),
        "length of 2^64 - 1": file_of('{"a":%s}' % ONE, DATA, length=2**64 - 1),
        "length of 2^63": file_of('{"a":%s}' % ONE, DATA, length=2**63),
        # JSON.
        "space in front": file_of(' \n{"a":%s}' % ONE, DATA),
        "space behind": file_of('{"a":%s} \n\t\r ' % ONE, DATA),
        "zero bytes behind": file_of('{"a":%s}\0\0' % ONE, DATA),
        "text behind": file_of('{"a":%s}{}' % ONE, DATA),
        "byte order mark": file_of(b"\xef\xbb\xbf" + ('{"a":%s}' % ONE).encode(), DATA),
        "comment": file_of('{"a":%s/* */}' % ONE, DATA),
        "trailing comma": file_of('{"a":%s,}' % ONE, DATA),
        "single quotes": file_of("{'a':%s}" % ONE, DATA),
        "root is a list": file_of("[]"),
        "root is null": file_of("null"),
        "broken UTF-8": file_of(b'{"\xff":' + ONE.encode() + b"}", DATA),
        "surrogate in UTF-8": file_of(b'{"\xed\xa0\x80":' + ONE.encode() + b"}", DATA),
        "half a surrogate pair": file_of('{"\\ud800":%s}' % ONE, DATA),
        "surrogate pair": file_of('{"\\ud83d\\ude00":%s}' % ONE, DATA),
        "control character in a name": file_of('{"\x01":%s}' % ONE, DATA),
        "escaped zero in a name": file_of('{"\\u0000":%s}' % ONE, DATA),
        "empty name": file_of('{"":%s}' % ONE, DATA),
        "repeated tensor": file_of('{"a":%s,"a":%s}' % (ONE, ONE), DATA),
        "repeated field": one(fields(more=',"dtype":"F32"')),
        "repeated metadata": file_of('{"__metadata__":{"x":"1","x":"2"}}'),
        "127 levels": one(fields(more=',"x":%s' % ("[" * 125 + "]" * 125))),
        "128 levels": one(fields(more=',"x":%s' % ("[" * 126 + "]" * 126))),
        "10,000 levels": one(fields(more=',"x":%s' % ("[" * 10000 + "]" * 10000))),
        "huge number in an unknown field": one(fields(more=',"x":1e999')),
        "NaN in an unknown field": one(fields(more=',"x":NaN')),
        # Metadata.
        "metadata": file_of('{"__metadata__":{"format":"pt","é":"ü"},"a":%s}' % ONE, DATA),
        "metadata null": file_of('{"__metadata__":null,"a":%s}' % ONE, DATA),
        "metadata number": file_of('{"__metadata__":{"x":1},"a":%s}' % ONE, DATA),
        "metadata list": file_of('{"__metadata__":["x"],"a":%s}' % ONE, DATA),
        # One entry.
        "unknown field": one(fields(more=',"x":1')),
        "entry null": one("null"),
        "entry text": one('"F32"'),
        "entry as a list": one('["F32",[1],[0,4]]'),
        "entry as a short list": one('["F32",[1]]'),
        "entry as a long list": one('["F32",[1],[0,4],1]'),
        "dtype missing": one('{"shape":[1],"data_offsets":[0,4]}'),
        "shape missing": one('{"dtype":"F32","data_offsets":[0,4]}'),
        "offsets missing": one('{"dtype":"F32","shape":[1]}'),
        "dtype number": one(fields(dtype="11")),
        "dtype as a map": one(fields(dtype='{"F32":null}')),
        "dtype as a map of something": one(fields(dtype='{"F32":1}')),
        "dtype as a map of two": one(fields(dtype='{"F32":null,"I32":null}')),
        "dtype in lower case": one(fields(dtype='"f32"')),
        "shape text": one(fields(shape='"1"')),
        "shape null": one(fields(shape="null")),
        "scalar": one(fields(shape="[]")),
        "extent 1.0": one(fields(shape="[1.0]")),
        "extent 1e0": one(fields(shape="[1e0]")),
        "extent 01": one(fields(shape="[01]")),
        "extent -1": one(fields(shape="[-1]")),
        "extent true": one(fields(shape="[true]")),
        "extent text": one(fields(shape='["1"]')),
        "extent of 2^64": one(fields(shape="[18446744073709551616]")),
        "overflow of elements": one(fields(shape="[4294967296,4294967296,4]")),
        "overflow of bytes": one(fields(shape="[4611686018427387905]")),
        "overflow in front of a zero": one(
            fields(shape="[18446744073709551615,2,0]", offsets="[0,0]"), b""
        ),
        "empty tensor beside a huge extent": one(
            fields(shape="[0,18446744073709551615]", offsets="[0,0]"), b""
        ),
        "empty tensor": one(fields(shape="[3,0]", offsets="[0,0]"), b""),
        "offset -0": one(fields(offsets="[-0,4]")),
        "offset 0.0": one(fields(offsets="[0.0,4]")),
        "one offset": one(fields(offsets="[0]")),
        "three offsets": one(fields(offsets="[0,4,8]")),
        "offsets as a map": one(fields(offsets='{"0":0,"1":4}')),
        "offsets backwards": one(fields(offsets="[4,0]")),
        "offsets of 2^64 - 1": one(fields(offsets="[0,18446744073709551615]")),
        "too few bytes": one(fields(shape="[2]")),
        "too many bytes": one(fields(shape="[2]"), DATA * 3),
        # Layout.
        "two tensors, out of order": file_of(
            "{" + layout(("b", 2, 1, 3), ("a", 1, 0, 1)) + "}", b"abc"
        ),
        "hole in front": file_of("{" + layout(("a", 1, 1, 2)) + "}", b"ab"),
        "hole between": file_of("{" + layout(("a", 1, 0, 1), ("b", 1, 2, 3)) + "}", b"abc"),
        "overlap": file_of("{" + layout(("a", 2, 0, 2), ("b", 2, 1, 3)) + "}", b"abc"),
        "the same bytes twice": file_of("{" + layout(("a", 2, 0, 2), ("b", 2, 0, 2)) + "}", b"ab"),
        "empty tensor in front": file_of("{" + layout(("b", 0, 0, 0), ("a", 1, 0, 1)) + "}", b"a"),
        "empty tensor between": file_of(
            "{" + layout(("a", 1, 0, 1), ("e", 0, 1, 1), ("b", 1, 1, 2)) + "}", b"ab"
        ),
        "empty tensor inside another": file_of(
            "{" + layout(("a", 2, 0, 2), ("e", 0, 1, 1)) + "}", b"ab"
        ),
        "data of nobody": file_of("{}", b"ab"),
    }
    # Every type of the format at the size of eight elements, and some that are none.
    for bits, names in {
        4: "F4",
        6: "F6_E2M3 F6_E3M2",
        8: "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I4 U1 F8",
        16: "I16 U16 F16 BF16 F16_E5",
        32: "I32 U32 F32 TF32",
        64: "I64 U64 F64 C64",
        128: "C128 F128",
    }.items():
        for name in names.split():
            cases["dtype " + name] = one(
                fields('"%s"' % name, "[8]", "[0,%d]" % bits), b"\x00" * bits
            )
            cases["dtype %s, one byte short" % name] = one(
                fields('"%s"' % name, "[8]", "[0,%d]" % (bits - 1)), b"\x00" * (bits - 1)
            )
    cases["F4, half a byte left"] = one(fields('"F4"', "[7]", "[0,4]"))
    cases["F6, two bits left"] = one(fields('"F6_E2M3"', "[5]", "[0,3]"), b"abc")
    return cases


def reference(path):
    """Whether the package accepts the file, by both of its doors, and the digest of each tensor."""
    verdicts = []
    tensors = {}
    try:
        with safe_open(path, "np"):
            verdicts.append(True)
    except Exception:  # the package's errors have several types
        verdicts.append(False)
    try:
        tensors = {
            name: (
                view["dtype"],
                list(view["shape"]),
                hashlib.sha256(bytes(view["data"])).hexdigest(),
            )
            for name, view in deserialize(path.read_bytes())
        }
        verdicts.append(True)
    except Exception:
        verdicts.append(False)
    assert verdicts[0] == verdicts[1] or path.stat().st_size == 0, (path, verdicts)
    return verdicts[1], tensors


def judge(paths):
    lines = subprocess.run(
        [VERDICT, *paths], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(lines) == len(paths), lines
    return [json.loads(line) for line in lines]


def verdicts_agree(folder):
    cases = table()
    paths = [folder / f"{i}.safetensors" for i in range(len(cases))]
    for path, content in zip(paths, cases.values()):
        path.write_bytes(content)
    accepted = 0
    for name, path, ours in zip(cases, paths, judge(paths)):
        theirs, tensors = reference(path)
        if name in STRICTER:
            assert theirs and not ours["accepted"], (name, theirs, ours)
            continue
        assert ours["accepted"] == theirs, (name, "the package says", theirs, "braid says", ours)
        if not theirs:
            assert str(path) in ours["message"], (name, ours)
            continue
        accepted += 1
        found = {n: (t["dtype"], t["shape"], t["sha256"]) for n, t in ours["tensors"].items()}
        assert found == tensors, (name, found, tensors)
    print(
        f"{len(cases)} files, {accepted} accepted by both, {len(STRICTER)} refused by braid alone"
    )


def random_damage_is_judged_alike(folder):
    """Single bytes of a good file's header changed: same verdict, unless a key now appears twice."""
    good = folder / "good.safetensors"
    save_file(
        {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "v": np.arange(4, dtype=np.int64)},
        good,
        {"format": "np"},
    )
    content = good.read_bytes()
    random = np.random.default_rng(7)
    paths = []
    for i in range(600):
        damaged = bytearray(content)
        damaged[int(random.integers(0, len(content) - 56))] = int(
            random.choice(list(b'{}[]",:0123456789 \x00aF\xff'))
        )
        paths.append(folder / f"damaged-{i}.safetensors")
        paths[-1].write_bytes(damaged)
    alike = 0
    for path, ours in zip(paths, judge(paths)):
        if not ours["accepted"] and "appears twice" in ours["message"]:
            continue
        theirs, tensors = reference(path)
        assert ours["accepted"] == theirs, (path.read_bytes(), theirs, ours)
        alike += 1
    print(f"{alike} damaged files judged alike")


def written_files_read_there(folder):
    path = folder / "written.safetensors"
    subprocess.run([VERDICT, "--write", path], check=True)
    tensors = load_file(path)
    expected = {
        "b.weight": np.arange(15, dtype=np.float32).reshape(3, 5),
        "a.weight": np.arange(15, 22, dtype=np.float32),
        "ids": np.arange(22, 26, dtype=np.int64),
        "scalar": np.float32(26),
        "none": np.zeros((0, 3), np.float32),
    }
    assert tensors.keys() == expected.keys()
    for name, values in expected.items():
        assert tensors[name].dtype == values.dtype and tensors[name].shape == values.shape, name
        assert np.array_equal(tensors[name], values), name
    with safe_open(path, "np") as file:
        assert file.metadata() == {"format": "pt", "made_by": 'braid "test"'}, file.metadata()
    # The layout is the package's own: data behind the header is byte for byte what it would write.
    theirs = folder / "theirs.safetensors"
    save_file({name: np.asarray(value) for name, value in expected.items()}, theirs)
    data = [
        content[8 + struct.unpack("<Q", content[:8])[0] :]
        for content in (path.read_bytes(), theirs.read_bytes())
    ]
    assert data[0] == data[1]
    assert (len(path.read_bytes()) - len(data[0])) % 8 == 0
    print("written files read back, laid out as the package lays them out")


with tempfile.TemporaryDirectory() as name:
    verdicts_agree(Path(name))
    random_damage_is_judged_alike(Path(name))
    written_files_read_there(Path(name))
