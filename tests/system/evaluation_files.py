"""Miniature files in the forms of BLiMP, GLUE and SuperGLUE, for models that know nothing yet."""

import json
import os

ROWS = 12
WORDS = ["fox", "hen", "bear", "goat", "cow", "dog"]


def sentence(row, salt=0):
    return f"The {WORDS[(row + salt) % len(WORDS)]} saw the {WORDS[(row * 5 + salt + 1) % len(WORDS)]} on day {row}."


# Task -> a row as an object; `yes` says which of two classes. MNLI has three, STS-B a score.
GLUE = {
    "CoLA": lambda row, yes: {"sentence": sentence(row), "label": int(yes)},
    "SST-2": lambda row, yes: {"sentence": sentence(row), "label": int(yes)},
    "MRPC": lambda row, yes: {
        "sentence1": sentence(row),
        "sentence2": sentence(row, 1),
        "label": int(yes),
    },
    "STS-B": lambda row, yes: {
        "sentence1": sentence(row),
        "sentence2": sentence(row, 2),
        "label": row % 6 * 0.9,
    },
    "QQP": lambda row, yes: {
        "question1": sentence(row),
        "question2": sentence(row, 1),
        "label": int(yes),
    },
    "MNLI": lambda row, yes: {
        "premise": sentence(row),
        "hypothesis": sentence(row, 3),
        "label": ["entailment", "neutral", "contradiction"][row % 3],
    },
    "QNLI": lambda row, yes: {
        "question": "Who?",
        "sentence": sentence(row),
        "label": "entailment" if yes else "not_entailment",
    },
}
SUPERGLUE = {
    "BoolQ": lambda row, yes: {
        "question": "was it the fox",
        "passage": sentence(row),
        "label": yes,
    },
    "WSC": lambda row, yes: {
        "text": sentence(row),
        "label": yes,
        "target": {"span1_text": "fox", "span1_index": 1, "span2_text": "it", "span2_index": 3},
    },
    "MultiRC": lambda row, yes: {
        "passage": {
            "text": sentence(row),
            "questions": [
                {
                    "question": "Who?",
                    "idx": 0,
                    "answers": [
                        {"text": "the fox", "label": int(yes), "idx": 0},
                        {"text": "a cow", "label": 0, "idx": 1},
                    ],
                }
            ],
        }
    },
    "RTE": lambda row, yes: {
        "premise": sentence(row),
        "hypothesis": sentence(row, 1),
        "label": "entailment" if yes else "not_entailment",
    },
}


def write_lines(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in lines)


def write_suite(folder, tasks, validation, rows=ROWS):
    """Rows of both classes for each task; `validation` is the suite's name of that split."""
    for task, row_of in tasks.items():
        splits = ["dev_matched", "dev_mismatched"] if task == "MNLI" else [validation]
        for split in ["train", *splits]:
            write_lines(
                os.path.join(folder, task, split + ".jsonl"),
                [json.dumps(row_of(row, row % 2 == 0)) for row in range(rows)],
            )


def write_glue(folder):
    """All of GLUE but WNLI; RTE as it is published, a table."""
    write_suite(folder, GLUE, "dev")
    for split in ("train", "dev"):
        rows = [
            f"{row}\t{sentence(row)}\t{sentence(row, 1)}\t{'entailment' if row % 2 else 'not_entailment'}"
            for row in range(ROWS)
        ]
        write_lines(
            os.path.join(folder, "RTE", split + ".tsv"),
            ["index\tsentence1\tsentence2\tlabel", *rows],
        )


def write_superglue(folder):
    """BoolQ, WSC, MultiRC, and the RTE that comes with them."""
    write_suite(folder, SUPERGLUE, "val")


def write_blimp(folder, paradigms=2, pairs=6):
    for paradigm in range(paradigms):
        name = ["anaphor_number_agreement", "wh_island"][paradigm]
        rows = [
            {
                "sentence_good": sentence(row),
                "sentence_bad": sentence(row).replace("The", "They"),
                "UID": name,
                "linguistics_term": "anaphor_agreement" if paradigm == 0 else "island_effects",
                "field": "morphology",
                "pairID": str(row),
            }
            for row in range(pairs)
        ]
        write_lines(os.path.join(folder, name + ".jsonl"), [json.dumps(row) for row in rows])
