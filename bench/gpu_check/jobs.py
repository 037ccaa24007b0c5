"""Jobs by hand on the device: a path, resumed bit for bit, gate, joint phase, evaluation, and memory that runs out."""

import hashlib
import json
import os
import re

from .check import Failure

TRAIN = {"steps": 24, "validate": {"steps": 8, "sequences": 4}}


class Jobs:
    """The small pipeline of tests/system/by_hand.py; whatever computes with a model runs on the device."""

    def __init__(self, check, by_hand):
        self.check, self.by_hand = check, by_hand
        # The pipeline starts its programs with this environment.
        os.environ.update(check.environment())
        self.pipeline = by_hand.Pipeline(
            os.path.join(check.folder, "jobs"), by_hand.small_texts(), TRAIN
        )

    def run(self, folder, kind, spec, inputs, device=None, **more):
        path = self.by_hand.write_task(
            self.pipeline.at(folder),
            kind,
            spec,
            inputs,
            device=device or self.check.device,
            **more,
        )
        ended = self.by_hand.finish(self.by_hand.start(path, kind), 120)
        if ended.code != 0:
            error = ended.last("error") or {}
            raise Failure(f"{kind} in {folder}: {error.get('message', ended.errors[-600:])}")
        return ended

    def model(self, folder):
        return self.pipeline.at(folder, "output", "model")


def losses(ended):
    """The training loss of each step."""
    values = [event["values"] for event in ended.events if event["event"] == "metric"]
    return [value["loss"] for value in values if "loss" in value]


def digest(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def path(check, by_hand):
    """A path on the device beside the same path on the CPU, and again from a checkpoint of its middle."""
    jobs = Jobs(check, by_hand)
    spec, inputs = jobs.pipeline.path_task("tales")
    device = losses(jobs.run("path-on-device", "train", spec, inputs))
    cpu = losses(jobs.run("path-on-cpu", "train", spec, inputs, device="cpu"))
    if len(device) != TRAIN["steps"] or len(cpu) != TRAIN["steps"]:
        raise Failure(f"{len(device)} and {len(cpu)} steps were reported of {TRAIN['steps']}")
    apart = max(abs(a / b - 1) for a, b in zip(device, cpu))
    if apart > 2e-4:
        raise Failure(f"the losses of device and CPU part by {apart:.1e} within 24 steps")
    middle = by_hand.checkpoints(jobs.pipeline.at("path-on-device"))[0]
    jobs.run("path-resumed", "train", spec, inputs, resume=middle)
    if digest(jobs.model("path-on-device")) != digest(jobs.model("path-resumed")):
        raise Failure(f"resumed from {os.path.basename(middle)}, the training ends with other bits")
    return {"largest_relative_difference_of_losses": apart, "resumed": "the same bits"}


def composite(check, by_hand):
    """Gate, joint phase and evaluation of a composite on the device; its joint phase beside that of the CPU."""
    jobs = Jobs(check, by_hand)
    pipeline = jobs.pipeline
    names = ["path_" + name for name in pipeline.texts]
    parents = {"parent.path_" + name: pipeline.path(name) for name in pipeline.texts}
    data = pipeline.data_inputs(list(pipeline.texts))
    of_data = {role: folder for role, folder in data.items() if role.startswith("data.")}
    jobs.run(
        "gate",
        "gate",
        {"parents": names, "sequences": 4, "sequence": pipeline.SEQUENCE},
        {"model": pipeline.merged(), **parents, **of_data},
    )
    spec, inputs = pipeline.joint_task()
    device = losses(jobs.run("joint-on-device", "joint", spec, inputs))
    cpu = losses(jobs.run("joint-on-cpu", "joint", spec, inputs, device="cpu"))
    first = abs(device[0] / cpu[0] - 1)
    if first > 1e-5:
        raise Failure(
            f"the first loss of the joint phase parts from that of the CPU by {first:.1e}"
        )
    jobs.run(
        "evaluate",
        "evaluate",
        {"name": "composite", "sequence": pipeline.SEQUENCE, "loss": {"sequences": 0}},
        {"model": jobs.model("joint-on-device"), **data},
    )
    with open(
        pipeline.at("evaluate", "output", "evaluation", "evaluation.json"), encoding="utf-8"
    ) as file:
        evaluated = json.load(file)
    return {
        "first_loss_relative_difference": first,
        "last_loss": device[-1],
        "last_loss_on_cpu": cpu[-1],
        "evaluated": sorted(evaluated),
    }


def memory(check, by_hand):
    """A model that is too large is refused in one sentence with sizes and advice."""
    if check.device != "cuda":
        return {"skipped": "the CPU's answer is a test of its own (tests/system/gpu_test.py)"}
    jobs = Jobs(check, by_hand)
    spec, inputs = jobs.pipeline.path_task("tales")
    # 170 GB of parameters alone: more than any GPU of today has.
    spec["model"]["dense"].update({"d": 16384, "heads": 128, "blocks": 10, "ffn": 65536})
    try:
        jobs.run("memory", "train", spec, inputs)
    except Failure as failure:
        message = str(failure)
    else:
        raise Failure("a model of 170 GB fitted; make it larger")
    wanted = r"out of memory: .*; model path_tales takes .* lower train\.batch"
    if not re.search(wanted, message) or "frame #" in message:
        raise Failure("it is not said as it should be: " + message[:600])
    return {"message": message[:400]}
