"""Writes a Llama of random values as a Hugging Face folder: write_llama.py MODEL.json FOLDER SEED."""

import json
import sys

import torch
from train import llama


def main() -> None:
    path, folder, seed = sys.argv[1:]
    torch.manual_seed(int(seed))
    with open(path, encoding="utf-8") as file:
        llama(json.load(file)).save_pretrained(folder)


if __name__ == "__main__":
    main()
