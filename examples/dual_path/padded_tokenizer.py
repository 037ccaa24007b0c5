#!/usr/bin/env python3
"""Pads GPT-2's vocabulary to the 50304 rows of the published dual-path models.

    padded_tokenizer.py TOKENIZER.json FOLDER

writes FOLDER/tokenizer.json with entries that no text contains, 50303 in all; braid adds the row of
the pad id.
"""

import json
import os
import sys

ENTRIES = 50303


def main(source, folder):
    with open(source, encoding="utf-8") as file:
        tokenizer = json.load(file)
    ids = set(tokenizer["model"]["vocab"].values()) | {
        token["id"] for token in tokenizer["added_tokens"]
    }
    if len(ids) > ENTRIES or ids != set(range(len(ids))):
        sys.exit(
            f"{source}: expected ids 0 to n - 1 with n at most {ENTRIES}, found {len(ids)} up to {max(ids)}"
        )
    for token in range(len(ids), ENTRIES):
        tokenizer["added_tokens"].append(
            {
                "id": token,
                "content": f"<|unused_{token}|>",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        )
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
