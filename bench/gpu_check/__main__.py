"""python3 -m gpu_check BUNDLE: see scripts/gpu-check."""

import argparse
import datetime
import importlib.util
import json
import os
import sys
import tempfile
import time

from . import jobs, machine, page, speed, unit_tests
from .check import Check, Failure

HERE = os.path.dirname(os.path.abspath(__file__))


def load_by_hand(bundle):
    """tests/system/by_hand.py, whose programs are those of the bundle."""
    os.environ["BRAID_BINARY_DIR"] = bundle
    places = [
        os.path.join(bundle, "check", "by_hand.py"),
        os.path.join(HERE, "..", "..", "tests", "system", "by_hand.py"),
    ]
    path = next((place for place in places if os.path.exists(place)), None)
    if path is None:
        raise SystemExit(
            f"gpu-check: {bundle} has no check/by_hand.py; make it with scripts/gpu-bundle"
        )
    spec = importlib.util.spec_from_file_location("by_hand", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def say(text):
    print(text, flush=True)


class Run:
    """Runs the parts in turn, prints as it goes, and writes the result after each."""

    def __init__(self, check, minutes, out, version):
        self.check, self.out = check, out
        self.end = time.monotonic() + 60 * minutes
        self.result = {
            "date": datetime.date.today().isoformat(),
            "version": version,
            "device": check.device,
            "machine": {},
            "parts": [],
        }

    def left(self):
        return self.end - time.monotonic()

    def part(self, name, key, work):
        """True if it held. A part that fails does not end the check: the next one may say why."""
        begun = time.monotonic()
        entry = {"name": name, "ok": True, "message": ""}
        if self.left() < 5:
            entry.update(ok=False, message="not run: the time of the check was up")
        else:
            try:
                self.result[key] = work()
            except Failure as failure:
                entry.update(ok=False, message=str(failure))
            except Exception as error:
                entry.update(ok=False, message=f"{type(error).__name__}: {error}")
        entry["seconds"] = time.monotonic() - begun
        self.result["parts"].append(entry)
        say(f"{'ok    ' if entry['ok'] else 'FAILED'} {entry['seconds']:6.1f} s  {name}")
        if not entry["ok"]:
            say("    " + entry["message"].replace("\n", "\n    "))
        with open(self.out, "w", encoding="utf-8") as file:
            json.dump(self.result, file, indent=1)
        return entry["ok"]


def main():
    parser = argparse.ArgumentParser(prog="scripts/gpu-check", description=__doc__)
    parser.add_argument("bundle", help="the folder that scripts/gpu-bundle made")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--minutes", type=float, default=8, help="begin nothing after this time")
    parser.add_argument("--out", default="gpu-check.json", help="the result")
    parser.add_argument("--quick", action="store_true", help="small shapes: tries the check itself")
    parser.add_argument("--page", help="write the result as Markdown into this file too")
    options = parser.parse_args()
    bundle = os.path.abspath(options.bundle)
    version_file = os.path.join(bundle, "VERSION")
    if not os.path.exists(version_file):
        parser.error(f"{options.bundle} is no bundle of scripts/gpu-bundle: it has no VERSION")
    with open(version_file, encoding="utf-8") as file:
        version = file.read().strip()
    with tempfile.TemporaryDirectory(prefix="braid-gpu-check-") as folder:
        check = Check(bundle, options.device, options.quick, folder)
        run = Run(check, options.minutes, options.out, version)
        by_hand = load_by_hand(bundle)
        if run.part("the machine", "machine", lambda: machine.describe(check)):
            run.part(
                "kernels, models, optimizers, NCCL", "unit_tests", lambda: unit_tests.run(check)
            )
            run.part("a path and its resumption", "path", lambda: jobs.path(check, by_hand))
            run.part(
                "gate, joint phase, evaluation", "composite", lambda: jobs.composite(check, by_hand)
            )
            run.part("out of memory", "memory", lambda: jobs.memory(check, by_hand))
            run.part("limits of the device", "limits", lambda: machine.limits(check))
            limits = run.result.get("limits") or {}
            run.part("speed", "speed", lambda: speed.rows(check, say, limits, run.left))
    if options.page:
        with open(options.page, "w", encoding="utf-8") as file:
            file.write(page.table(run.result))
    failed = [part["name"] for part in run.result["parts"] if not part["ok"]]
    say(f"{len(failed)} parts failed: {', '.join(failed)}" if failed else "every part held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
