"""Every code point as `tokenizers` takes it: its kind when text is cut, and what canonical composition makes of it."""

import os
import random
import subprocess
import sys
import unittest

from tokenizers import Regex, normalizers, pre_tokenizers

DUMP = os.path.join(sys.argv[2], "unicode_dump")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def matched(pattern):
    """The code points that are all of a match."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in CODE_POINTS if not split.pre_tokenize_str(chr(c))}


def dump(lines):
    done = subprocess.run(
        [DUMP], input="\n".join(lines + [""]).encode(), capture_output=True, check=True
    )
    kinds, *composed = done.stdout.decode().split("\n")[:-1]
    return kinds, composed


class UnicodeTest(unittest.TestCase):
    def test_every_code_point_is_of_its_kind(self):
        kinds, _ = dump([])
        self.assertEqual(len(kinds), len(CODE_POINTS))
        for kind, pattern in (("L", r"\p{L}"), ("N", r"\p{N}"), ("S", r"\s")):
            ours = {c for c, found in zip(CODE_POINTS, kinds) if found == kind}
            self.assertEqual(sorted(map(hex, ours ^ matched(pattern))), [], kind)

    def test_composition_of_every_code_point(self):
        nfc = normalizers.NFC()
        # Alone, behind and before marks of several classes, and where it might be joined.
        frames = [
            "a%s\u0334",
            "a\u0345%s",
            "a\u0315%s\u0301",
            "a\u05b0%s",
            "a\u0316%s",
            "\u304b%s",
            "\u0928%s\u093c",
            "\u1100%s",
            "\uac00%s",
        ]
        # Ideographs, syllables and the last planes are in no frame: what they do beside others, their neighbours do too.
        framed = [
            c
            for c in CODE_POINTS
            if 13 < c < 0x20000 and not 0x3400 <= c < 0xA000 and not 0xAC08 <= c < 0xD7A0
        ]
        lines = [chr(c) for c in CODE_POINTS if c > 13] + [
            frame % chr(c) for frame in frames for c in framed
        ]
        _, composed = dump(lines)
        wrong = [line for line, ours in zip(lines, composed) if ours != nfc.normalize_str(line)]
        self.assertEqual([[hex(ord(c)) for c in line] for line in wrong[:20]], [], len(wrong))

    def test_composition_of_runs_of_marks(self):
        nfc = normalizers.NFC()
        draw = random.Random(5)
        pool = [
            0x41,
            0x61,
            0x73,
            0xE9,
            0x212B,
            0x1E9B,
            0x301,
            0x302,
            0x307,
            0x323,
            0x327,
            0x328,
            0x334,
            0x345,
            0x34F,
            0x3B1,
            0x1F00,
            0x915,
            0x93C,
            0x958,
            0x9C7,
            0x9BE,
            0xB47,
            0xB56,
            0xFB1D,
            0xFB2C,
            0x5BC,
            0x5C1,
            0x1100,
            0x1161,
            0x11A8,
            0xAC00,
            0xAC01,
            0x1D15E,
            0x1D165,
            0x11935,
            0x11930,
            0x110A5,
            0x110BA,
            0x2F81A,
            0x0F73,
            0x0344,
        ]
        lines = [
            "".join(chr(draw.choice(pool)) for _ in range(draw.randint(1, 12)))
            for _ in range(20000)
        ]
        _, composed = dump(lines)
        wrong = [line for line, ours in zip(lines, composed) if ours != nfc.normalize_str(line)]
        self.assertEqual([[hex(ord(c)) for c in line] for line in wrong[:20]], [], len(wrong))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
