#!/usr/bin/env python3
"""Writes corpus/unicode_tables.cc: what cutting and composing text needs of Unicode, of fixed
versions.

    python3 -m venv v
    v/bin/pip install unicodedataplus==16.0.0.post1
    v/bin/python scripts/make_unicode_tables.py

The `tokenizers` package classifies characters by one version of Unicode and composes them by an
older one; ids are the same only if both are. tests/peers/unicode_test.py compares every code point
with the package.
"""

import os

import unicodedataplus as unicode

CATEGORIES = "16.0.0"  # of \\p{L}, \\p{N} and all other categories
COMPOSITION = (9, 0)  # NFC leaves alone what is younger
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus", "unicode_tables.cc")
# In the order of the enumeration in corpus/unicode.h.
NAMES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()


def is_known(c):
    """Whether composition knows the character: it was assigned by that version."""
    age = unicode.age(chr(c))
    return age not in ("NA", "Unassigned", "") and tuple(map(int, age.split("."))) <= COMPOSITION


def runs(value_of):
    """(first code point, value) wherever the value changes."""
    last = None
    for c in range(0x110000):
        value = value_of(c)
        if value != last:
            yield c, value
            last = value


def decompositions():
    """(character, first, second or 0, whether NFC makes the character of the two); Hangul is computed."""
    for c in range(0x110000):
        mapping = unicode.decomposition(chr(c))
        if not mapping or mapping.startswith("<") or not is_known(c) or 0xAC00 <= c < 0xD7A4:
            continue
        parts = [int(part, 16) for part in mapping.split()]
        composes = len(parts) == 2 and unicode.normalize(
            "NFC", chr(parts[0]) + chr(parts[1])
        ) == chr(c)
        yield c, parts[0], parts[1] if len(parts) == 2 else 0, composes


def table(file, declaration, items, a_line):
    items = list(items)
    file.write(f"{declaration} = {{\n")
    for at in range(0, len(items), a_line):
        file.write("    " + " ".join(item + "," for item in items[at : at + a_line]) + "\n")
    file.write("};\n")
    return len(items)


def main():
    assert unicode.unidata_version == CATEGORIES, unicode.unidata_version
    with open(OUT, "w", encoding="ascii") as file:
        file.write(
            '// Made by scripts/make_unicode_tables.py; not to be edited.\n#include "corpus/unicode_tables.h"\n\n'
            "namespace braid::corpus {\n\n"
            f'const char kCategoriesVersion[] = "{CATEGORIES}";\n'
            f'const char kCompositionVersion[] = "{".".join(map(str, COMPOSITION))}.0";\n\n'
            "// First code point << 8 | category.\n"
        )
        category_runs = (
            (c << 8) | NAMES.index(name) for c, name in runs(lambda c: unicode.category(chr(c)))
        )
        count = table(file, "const uint32_t kCategoryRuns[]", map(hex, category_runs), 12)
        file.write(
            f"const size_t kCategoryRunCount = {count};\n\n// First code point << 8 | combining class.\n"
        )
        class_runs = (
            (c << 8) | value
            for c, value in runs(lambda c: unicode.combining(chr(c)) if is_known(c) else 0)
        )
        count = table(file, "const uint32_t kCombiningRuns[]", map(hex, class_runs), 12)
        file.write(f"const size_t kCombiningRunCount = {count};\n\n")
        items = (
            "{%#x, %#x, %#x, %s}" % (c, a, b, "true" if composes else "false")
            for c, a, b, composes in decompositions()
        )
        count = table(file, "const Decomposition kDecompositions[]", items, 4)
        file.write(
            f"const size_t kDecompositionCount = {count};\n\n}}  // namespace braid::corpus\n"
        )


if __name__ == "__main__":
    main()
