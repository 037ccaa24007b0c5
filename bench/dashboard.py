#!/usr/bin/env python3
"""How long the dashboard takes to compare many long trainings.

    build/venv-browser/bin/python bench/dashboard.py [--runs 200] [--points 100000]

It starts a coordinator in a folder of its own with so many runs that have ended, each with one
training of so many points (the same file, under many names), and opens their comparison in the
browser that tests use: first with nothing in memory, then again. It prints a JSON line for each:
the seconds from the call of the page until its table is there, until the first line is drawn, and until
all are."""

import argparse
import json
import math
import os
import sqlite3
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "system"))

import by_hand  # noqa: E402
from browser import Browser  # noqa: E402
from service import Service, write_recipe  # noqa: E402

RECIPE = """run: RUN
seed: SEED
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {optimizer: {lr: RATE}}
"""
# Of storage/catalog/records.h: a job and a run that have succeeded.
JOB_SUCCEEDED, RUN_SUCCEEDED = 5, 2
# Seconds since the page was called at which each was so, as the page itself sees it.
WATCH = """
const [hash, lines, done] = arguments, begun = performance.now(), seen = {};
location.hash = hash;
const look = () => {
  const canvas = document.querySelector('figure[data-key="chart:loss"] canvas');
  const drawn = Number(canvas?.dataset.lines || 0), at = (performance.now() - begun) / 1000;
  if (!seen.table && document.querySelector('#results tbody tr')) seen.table = at;
  if (!seen.first && drawn > 0) seen.first = at;
  if (drawn >= lines && !document.getElementById('reading')) return done({ ...seen, all: at });
  requestAnimationFrame(look);
};
look();
"""


def submit(service, count):
    """Runs that differ in rate and seed, as if they had been trained."""
    name, token = service.authorization()
    folder = os.path.join(service.folder, "put")
    os.makedirs(folder)
    write_recipe(folder, {"tales": by_hand.small_texts()["tales"]}, 1)
    os.remove(os.path.join(folder, "recipe.yaml"))
    source = service.json("artifact", "put", folder, "--kind", "source")["id"]
    runs = []
    for i in range(count):
        text = RECIPE.replace("RUN", f"run-{i}").replace("SEED", str(i % 5))
        request = {
            "recipe": text.replace("RATE", f"{1 + i // 5}e-4"),
            "sources": {"source.tales": source},
        }
        call = urllib.request.Request(
            f"http://{service.endpoint()['http']}/api/v1/Runs/SubmitRun",
            json.dumps(request).encode(),
            {name: token, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call) as answer:
            runs.append(json.load(answer)["id"])
    return runs


def lines_of(points):
    for step in range(1, points + 1):
        values = {
            "epoch": 1,
            "gradient_norm": 1 + math.sin(step) / 3,
            "loss": 2 + 8 / math.sqrt(step) + math.sin(step * 7.1) / 10,
            "loss_ignore_last": 2 + 8 / math.sqrt(step) + math.sin(step * 7.3) / 10,
            "lr": 0.001 * (1 - step / points),
            "tokens": step * 4096,
        }
        if step % 100 == 0:
            values["validation/all"] = 2 + 8 / math.sqrt(step)
        yield json.dumps({"step": step, "values": values}, separators=(",", ":")) + "\n"


def make_up(service, runs, points):
    """Metrics and ends of all runs. No coordinator runs meanwhile."""
    state = os.path.join(service.folder, "state", "coordinator")
    first = os.path.join(service.folder, "metrics.jsonl")
    with open(first, "w", encoding="utf-8") as out:
        out.writelines(lines_of(points))
    for run in runs:
        folder = os.path.join(state, "metrics", run, "dense")
        os.makedirs(folder)
        os.link(first, os.path.join(folder, "1.jsonl"))
    catalog = sqlite3.connect(os.path.join(state, "braid.db"))
    with catalog:
        catalog.execute("UPDATE jobs SET state = ?, epoch = 1, ended_ms = 1", [JOB_SUCCEEDED])
        catalog.execute("UPDATE runs SET state = ?, ended_ms = 1", [RUN_SUCCEEDED])
    catalog.close()


def measure(service, runs, lines):
    with Browser(service.endpoint()["http"]) as page:
        page.driver.set_script_timeout(600)
        page.open()
        page.type("#token", service.token())
        page.click("form button[type=submit]")
        page.says("Runs")
        return page.driver.execute_async_script(WATCH, "#/compare/" + ",".join(runs), lines)


def main():
    flags = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    flags.add_argument("--runs", type=int, default=200)
    flags.add_argument("--points", type=int, default=100000)
    asked = flags.parse_args()
    with Service(workers=0) as service:
        runs = submit(service, asked.runs)
        service.stop()
        make_up(service, runs, asked.points)
        service.start()
        groups = math.ceil(asked.runs / 5)
        for what in ("nothing in memory", "again"):
            took = measure(service, runs, groups)
            print(json.dumps({"what": what, "runs": asked.runs, "points": asked.points, **took}))


if __name__ == "__main__":
    main()
