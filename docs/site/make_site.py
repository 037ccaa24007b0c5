"""Builds the documentation site of copies of the repository's pages and of pages that it makes; scripts/docs calls it."""

import argparse
import os
import re
import shutil
import subprocess
import sys

import links
import reference

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The navigation: captions, and the pages below each in the order of reading.
CONTENTS = {
    "Begin": [
        "README",
        "docs/start",
        "docs/your_data",
        "docs/merging",
        "docs/reading",
        "docs/howto",
    ],
    "Machines": [
        "docs/two_machines",
        "docs/slurm",
        "docs/deploy",
        "docs/gpu",
        "docs/operating",
        "docs/security",
        "docs/alerts",
        "docs/traces",
    ],
    "Tools": ["docs/dashboard", "docs/python", "docs/troubleshooting"],
    "Reference": [
        "docs/reference/cli",
        "docs/recipe",
        "docs/api",
        "docs/reference/calls",
        "docs/reference/metrics",
    ]
    + ["docs/formats", "docs/tasks", "docs/models"],
    "The papers": ["docs/corrections", "docs/papers/papaformer", "docs/papers/dual_path"],
    "Behind it": [
        "docs/reliability",
        "docs/science",
        "docs/outer_steps",
        "docs/performance",
        "docs/performance_service",
        "docs/architecture",
    ]
    + ["CONTRIBUTING", "CHANGELOG", "SECURITY"],
}
REDIRECT = """<!doctype html>
<meta charset="utf-8"><title>braid</title>
<meta http-equiv="refresh" content="0; url=docs/index.html">
<a href="docs/index.html">braid</a>
"""
# A link to something in the repository, not to a place on the same page or on the network.
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^()\s#]+)(?=[)#])")


def pages():
    """The pages of the repository, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.splitlines() if os.path.exists(os.path.join(ROOT, path))]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def copied(path, source):
    """The text of a page for the site: a link to a folder leads to its README. Files that are linked to are copied, too."""

    def target(match):
        linked = os.path.normpath(os.path.join(os.path.dirname(path), match.group(1)))
        there = os.path.join(ROOT, linked)
        if not os.path.exists(there):
            sys.exit(f"scripts/docs: {path}: there is no {match.group(1)}")
        if os.path.isdir(there):
            return match.group(1).rstrip("/") + "/README.md"
        if os.path.isfile(there) and not linked.endswith(".md"):
            os.makedirs(os.path.dirname(os.path.join(source, linked)), exist_ok=True)
            shutil.copyfile(there, os.path.join(source, linked))
        return match.group(1)

    return LINK.sub(target, read(os.path.join(ROOT, path)))


def navigation():
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
        + "".join(f"/{page}\n" for page in listed)
        + "```\n"
        for caption, listed in CONTENTS.items()
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--programs", required=True, help="the folder with braid's programs")
    options.add_argument("--out", required=True, help="the folder of the site")
    given = options.parse_args()
    source = os.path.abspath(given.out) + ".source"
    site = os.path.abspath(given.out)
    for folder in (source, site):
        shutil.rmtree(folder, ignore_errors=True)
    for path in pages():
        write(os.path.join(source, path), copied(path, source))
    with open(os.path.join(source, "docs", "index.md"), "a", encoding="utf-8") as index:
        index.write(navigation())
    try:
        made = {
            "cli": reference.commands(given.programs),
            "calls": reference.calls(os.path.join(ROOT, "docs", "openapi.json")),
            "metrics": reference.metrics(given.programs),
        }
    except OSError as error:
        sys.exit(f"scripts/docs: {error}: build the programs first, scripts/build release")
    for name, text in made.items():
        write(os.path.join(source, "docs", "reference", name + ".md"), text)
    words = [
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-c",
        os.path.join(ROOT, "docs", "site"),
    ]
    done = subprocess.run([sys.executable, *words, "-d", source + "/.doctrees", source, site])
    if done.returncode != 0:
        sys.exit("scripts/docs: a page or a link is wrong, see above")
    write(os.path.join(site, "index.html"), REDIRECT)
    wrong = list(links.faults(site))
    if wrong:
        sys.exit("".join(f"scripts/docs: {fault}\n" for fault in wrong))
    shutil.rmtree(source)
    print(os.path.join(given.out, "index.html"))


if __name__ == "__main__":
    main()
