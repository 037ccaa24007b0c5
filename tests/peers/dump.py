"""Runs model_dump: what braid's network makes of given weights and tokens."""

import json
import os
import subprocess
import tempfile

from safetensors.torch import load_file, save_file


class DumpError(Exception):
    pass


def read_model(folder):
    """(model, weights) of a checkpoint folder."""
    with open(os.path.join(folder, "config.json")) as file:
        return json.load(file)["model"], load_file(os.path.join(folder, "model.safetensors"))


def write_model(folder, model, weights):
    os.mkdir(folder)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"format": 1, "model": model}, file)
    save_file(
        {key: value.float().contiguous() for key, value in weights.items()},
        os.path.join(folder, "model.safetensors"),
    )


def run_network(program, cases):
    """cases: name -> (model, weights, request), request as programs/model_dump.cc says with ids and labels as tensors, and
    with teachers as a list of (model, weights), whose places in it `teaching` names.
    Returns name -> tensors, or a DumpError where braid answered with an error."""
    with tempfile.TemporaryDirectory() as root:
        folders = {}
        for number, (name, (model, weights, request)) in enumerate(cases.items()):
            folders[name] = folder = os.path.join(root, str(number))
            write_model(folder, model, weights)
            for place, (teacher, its_weights) in enumerate(request.get("teachers", [])):
                write_model(os.path.join(folder, f"teacher.{place}"), teacher, its_weights)
            with open(os.path.join(folder, "request.json"), "w") as file:
                json.dump(
                    {
                        **{key: value for key, value in request.items() if key != "teachers"},
                        "ids": request["ids"].tolist(),
                        "labels": request["labels"].tolist(),
                    },
                    file,
                )
        subprocess.run([program, *folders.values()], check=True)
        return {name: result(folder) for name, folder in folders.items()}


def result(folder):
    error = os.path.join(folder, "error.txt")
    if os.path.exists(error):
        with open(error) as file:
            return DumpError(file.read())
    return load_file(os.path.join(folder, "result.safetensors"))
