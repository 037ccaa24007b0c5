#!/usr/bin/env python3
"""How fast the dashboard is in a real browser, over loopback: the first page, and many long runs beside one another.

    build/venv-browser/bin/python bench/dashboard/measure.py [--runs 200] [--points 100000]

Prints a table. It needs the programs of build/release, the browser that tests use
(scripts/setup), and about 100 MB of disk. The runs are those of a coordinator as it is
after trainings: their rows are made by submitting and cancelling, and the metrics are files
of as many points as asked for, of ten different trainings."""

import argparse
import contextlib
import json
import math
import os
import random
import sqlite3
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import by_hand  # noqa: E402
from browser import Browser  # noqa: E402
from service import Service, write_recipe  # noqa: E402

RECIPE = """run: long
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: RATE}, checkpoint: {steps: EVERY, seconds: 0},
        validate: {steps: 1000, sequences: 4}}
"""
FILES = 10  # different ones
BEGAN_MS = 1_764_000_000_000
# When something is shown for the first time, by the clock of the page.
WATCH = """
window.longest = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  window.longest = Math.max(window.longest, one.duration);
})).observe({type: 'longtask', buffered: true});
window.shown = (css, attribute, value) => new Promise((done) => {
  const look = () => {
    const one = document.querySelector(css);
    return one && (!attribute || one.getAttribute(attribute) === value);
  };
  const told = () => requestAnimationFrame(() => done(performance.now()));
  if (look()) return told();
  new MutationObserver((_, observer) => {
    if (!look()) return;
    observer.disconnect();
    told();
  }).observe(document, {subtree: true, childList: true, attributes: true});
});
window.asked = SHOWN;
"""
SENT = """
const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
return all.map((one) => [new URL(one.name).pathname, one.transferSize]);
"""


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=5, help="how often a page is opened")
    return parser.parse_args()


def write_metrics(path, points, seed):
    """A training's file: losses that fall and tremble, validation now and then."""
    draw = random.Random(seed)
    with open(path, "w", encoding="utf-8") as out:
        for step in range(1, points + 1):
            loss = 2 + 3 / math.sqrt(step) + draw.gauss(0, 0.05)
            values = {"loss": loss, "tokens": step * 128, "lr": 1e-3, "gradient_norm": 1.0}
            if step % 1000 == 0:
                values["validation/all"] = loss + 0.1
            # As the trainer writes it: that form is read several times as fast as other JSON.
            line = {"step": step, "time_ms": BEGAN_MS + step * 10, "values": values}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


def make_runs(service, count, points):
    """Runs that have ended, each of which has trained."""
    texts = {"tales": by_hand.small_texts()["tales"]}
    service.run("worker", "cordon", "worker-1")
    runs = []
    for i in range(count):
        text = RECIPE.replace("RATE", f"{1e-3 * (1 + i / count):.6f}")
        recipe = write_recipe(service.folder, texts, points, points, text)
        runs.append(service.submit(recipe))
        service.run("cancel", runs[-1])
    service.stop()
    state = os.path.join(service.folder, "state", "coordinator")
    files = [os.path.join(service.folder, f"metrics-{i}") for i in range(min(FILES, count))]
    for seed, path in enumerate(files):
        write_metrics(path, points, seed)
    with contextlib.closing(sqlite3.connect(os.path.join(state, "braid.db"))) as catalog:
        for i, run in enumerate(runs):
            # That it has had an attempt, whose metrics these are.
            catalog.execute("UPDATE jobs SET epoch = 1 WHERE run = ? AND kind = 'train'", (run,))
            (job,) = catalog.execute(
                "SELECT name FROM jobs WHERE run = ? AND kind = 'train'", (run,)
            ).fetchone()
            folder = os.path.join(state, "metrics", run, job)
            os.makedirs(folder, exist_ok=True)
            os.link(files[i % len(files)], os.path.join(folder, "1.jsonl"))
        catalog.commit()
    service.start()
    return runs


def open_page(page, place, css, attribute=None, value=None):
    """Milliseconds from the beginning of the navigation until the element is drawn."""
    asked = ", ".join(json.dumps(one) for one in (css, attribute, value))
    undo = page.before_each_page(WATCH.replace("SHOWN", f"window.shown({asked})"))
    page.driver.get("about:blank")
    page.open(place)
    took = page.driver.execute_async_script("window.asked.then(arguments[0])")
    undo()
    return took


def row(name, value):
    print(f"| {name} | {value} |", flush=True)


def milliseconds(values):
    return f"{statistics.median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def first_page(page, times):
    driver = page.driver
    cold = []
    for _ in range(times):
        driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        cold.append(open_page(page, "#/runs", "main tbody tr"))
    sent = driver.execute_script(SENT)
    files = [size for path, size in sent if not path.startswith("/api/")]
    warm = [open_page(page, "#/runs", "main tbody tr") for _ in range(times)]
    row("first page, nothing cached", milliseconds(cold))
    row("again", milliseconds(warm))
    row("sent for it", f"{sum(files) / 1e3:.0f} kB of pages in {len(files)} files")


CHART = 'figure[data-key="chart:loss"] canvas'


def compare(page, runs):
    """Milliseconds until the curves of all of them are drawn."""
    page.driver.set_script_timeout(3600)
    return open_page(page, "#/compare/" + ",".join(runs), CHART, "data-lines", str(len(runs)))


def many_runs(page, runs, times):
    row("again", milliseconds([compare(page, runs) for _ in range(times)]))
    page.driver.execute_script("window.longest = 0")
    canvas = page.see(CHART)
    page.driver.execute_async_script(
        """const [canvas, done] = arguments, box = canvas.getBoundingClientRect();
        let i = 0;
        const move = () => {
          canvas.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.left + box.width * i / 60, clientY: box.top + box.height / 2}));
          canvas.dispatchEvent(new MouseEvent('mousemove', {bubbles: true, clientX: box.left + box.width * i / 60, clientY: box.top + box.height / 2}));
          ++i < 60 ? requestAnimationFrame(move) : setTimeout(done, 300);
        };
        move();""",
        canvas,
    )
    longest = page.driver.execute_script("return window.longest")
    row(
        "the longest task while the pointer moves over the chart",
        f"{longest:.0f} ms" if longest else "below 50 ms",
    )


@contextlib.contextmanager
def signed_in(service):
    with Browser(service.endpoint()["http"]) as page:
        # High enough for the charts of all these runs to be seen at once.
        page.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1280, "height": 30000, "deviceScaleFactor": 1, "mobile": False},
        )
        page.open()
        page.type("#token", service.token())
        page.click("form button[type=submit]")
        page.says("Runs")
        yield page


def main():
    asked = parsed()
    with Service(workers=1) as service:
        runs = make_runs(service, asked.runs, asked.points)
        with signed_in(service) as page:
            print(f"{asked.runs} runs of {asked.points:,} points, Chromium "
                  f"{page.driver.capabilities['browserVersion']}, {os.cpu_count()} cores\n\n| what | took |\n|---|---|")  # fmt: skip
            first_page(page, asked.times)
            # Nothing has read these metrics yet, as after an update from a version without curves.
            row(
                f"{asked.runs} runs beside one another, their metrics parsed",
                f"{compare(page, runs) / 1000:.1f} s",
            )
        # Of trainings that have ended under this coordinator, it has kept the curves.
        service.stop()
        service.start()
        with signed_in(service) as page:
            row("after a restart of the coordinator", milliseconds([compare(page, runs)]))
            many_runs(page, runs, asked.times)
        service.run("worker", "cordon", "worker-1", "--open")


if __name__ == "__main__":
    main()
