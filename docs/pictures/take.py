#!/usr/bin/env python3
"""Takes the pictures of this folder: the dashboard with a run that trains, and the first page of its report.

    build/venv-browser/bin/python docs/pictures/take.py

It needs the programs of build/release and the browser that tests use (scripts/setup)."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "tests", "system"))

import by_hand  # noqa: E402
from browser import Browser  # noqa: E402
from service import Service, stopped, write_recipe  # noqa: E402

STEPS = 1500
SHOWN = 200  # steps of the joint phase that the picture shows


def steps_of(service, run, job):
    """The lines of its metrics so far; none before it begins."""
    return service.run("-o", "json", "metrics", run, job, code=None).stdout.splitlines()


def size(page, width, height):
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def keep(page, name):
    page.driver.execute_async_script("setTimeout(arguments[0], 500)")  # what moves comes to rest
    page.driver.save_screenshot(os.path.join(HERE, name + ".png"))


def main():
    with Service(workers=2, slots=1) as service:
        recipe = write_recipe(service.folder, by_hand.small_texts(), STEPS)
        run = service.submit(recipe)
        with Browser(service.endpoint()["http"]) as page:
            size(page, 1280, 800)
            page.open()
            page.type("#token", service.token())
            page.click("form button[type=submit]")
            page.says("Runs")
            by_hand.wait_until(
                lambda: len(steps_of(service, run, "joint:both")) > SHOWN, "joint training", 120
            )
            with stopped(service.processes("braid-trainer")):
                page.go(f"#/run/{run}/curves")
                page.wait(
                    lambda: page.find("canvas")[0].get_attribute("data-points") != "0", "no curves"
                )
                keep(page, "dashboard")
            service.run("wait", run)
            service.run("report", run, "--out", os.path.join(service.folder, "report"))
            size(page, 1000, 760)
            page.driver.get("file://" + os.path.join(service.folder, "report", "report.html"))
            keep(page, "report")


if __name__ == "__main__":
    main()
