"""What is measured: a file for each kind of row. To add one, write a subclass of harness.row.Row and
list it here."""

from harness.row import Row

from rows import (
    blimp,
    checkpoint,
    encode,
    generate,
    joint,
    merge,
    quickstart,
    start,
    train,
    train_tokenizer,
)

ROWS: list[Row] = [
    *train.rows(),
    *joint.rows(),
    *generate.rows(),
    *blimp.rows(),
    *encode.rows(),
    *train_tokenizer.rows(),
    *merge.rows(),
    *checkpoint.rows(),
    *start.rows(),
    *quickstart.rows(),
]
