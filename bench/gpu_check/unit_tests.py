"""The trainer's GoogleTest programs on the device: kernels, every kind of model, optimizers, one rank through NCCL."""

import json
import os

from .check import Failure, last_lines

PROGRAMS = ["kernels_functions_test", "device_device_test"]


def run(check):
    """The numbers of tests; fails with the name and the first lines of each test that failed."""
    passed, skipped, failures = 0, 0, []
    for name in PROGRAMS:
        path = os.path.join(check.folder, name + ".json")
        done = check.run(check.program(name), "--gtest_output=json:" + path, timeout_s=120)
        if not os.path.exists(path):
            failures.append(f"{name} ended with {done.returncode}:\n{last_lines(done.stderr)}")
            continue
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for suite in report["testsuites"]:
            for test in suite["testsuite"]:
                if test.get("result") == "SKIPPED":
                    skipped += 1
                elif "failures" in test:
                    text = last_lines(test["failures"][0]["failure"], 6)
                    failures.append(f"{suite['name']}.{test['name']}: {text}")
                else:
                    passed += 1
    if failures:
        raise Failure(f"{len(failures)} of the tests failed\n" + "\n".join(failures[:12]))
    return {"passed": passed, "skipped": skipped}
