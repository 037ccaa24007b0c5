"""scripts/bench."""

import argparse
import datetime
import os
import shutil
import subprocess
import sys
import tempfile

from harness import peers, results, table
from harness.machine import LEVELS, NAMES, this_machine
from harness.row import Row, Setup
from harness.runner import Result, rehearse, run_row, say

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

HELP = """Measures braid beside its peers, in turns, and prints one row a line.

ROWS are names or beginnings of names (--list shows them); none: all. The peers are installed into
build/venv-bench by the first run. Results are added to a JSON file, so that rows may be measured
one after the other; --update-docs adds them to docs/performance.json and makes the tables of
docs/performance.md of that.
"""


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW")
    add("--isa", choices=LEVELS, help="restrict braid and its peers to an instruction set")
    add("--rounds", type=int, default=5, help="turns of each side after the warm-up [5]")
    add("--seconds", type=float, default=2.0, help="of each turn [2]")
    add("--threads", type=int, default=2, help="of each side, where a row does not say [2]")
    add("--json", metavar="FILE", help="where results are added [build/bench/results.json]")
    add("--update-docs", action="store_true", help="also docs/performance.json and .md")
    add("--render", action="store_true", help="only make the tables anew; measures nothing")
    add("--rehearse", action="store_true", help="every side once: fills caches, measures nothing")
    add("--list", action="store_true", help="list the rows")
    add("--quick", action="store_true", help="tiny sizes, one round: whether it runs")
    add("--no-compile", action="store_true", help="peers eager alone: quicker, not at their best")
    add("--text", nargs="+", default=[], metavar="FILE", help="text for the rows of tokenizers")
    add("--tokenizer", default="", metavar="FILE", help="a tokenizer.json for encoding")
    add("--megabytes", type=int, default=1000, help="of each checkpoint that is merged [1000]")
    add("--build", default=os.path.join(ROOT, "build", "release"), help="braid's build folder")
    add("--environment", metavar="DIR", help="use this Python environment instead of an own one")
    return parser.parse_args(words)


def choose(rows: list[Row], words: list[str]) -> list[Row]:
    """The rows whose name is a word or begins with it. Exits with a message if a word names none."""
    for word in words:
        if not any(row.name == word or row.name.startswith(word + ".") for row in rows):
            sys.exit(f"scripts/bench: there is no row {word}; scripts/bench --list shows them")
    return [
        row
        for row in rows
        if not words or any(row.name == word or row.name.startswith(word + ".") for word in words)
    ]


def commit() -> str:
    """The commit that is measured, with a plus if files were changed since."""
    git = ["git", "-C", ROOT]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
    )
    if head.returncode != 0:
        return "no commit"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def of_run(setup: Setup) -> dict:
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "rounds": setup.rounds,
        "seconds": setup.seconds,
        "threads": setup.threads,
        "versions": setup.peers.versions,
    }


def make_setup(arguments: argparse.Namespace, rows: list[Row], scratch: str) -> Setup:
    machine = this_machine()
    if arguments.environment:
        found = peers.existing(os.path.abspath(arguments.environment))
    else:
        found = peers.prepare(
            os.path.join(ROOT, "build"), any(row.name.startswith("merge") for row in rows)
        )
    return Setup(
        root=ROOT,
        build=os.path.abspath(arguments.build),
        scratch=scratch,
        machine=machine,
        peers=found,
        isa=arguments.isa or machine.levels()[-1],
        restricted=arguments.isa is not None,
        threads=min(arguments.threads, machine.cores),
        rounds=1 if arguments.quick else max(1, arguments.rounds),
        seconds=0.05 if arguments.quick else arguments.seconds,
        quick=arguments.quick,
        compile=not arguments.no_compile,
        text=[os.path.abspath(path) for path in arguments.text],
        tokenizer=os.path.abspath(arguments.tokenizer) if arguments.tokenizer else "",
        megabytes=4 if arguments.quick else arguments.megabytes,
    )


def measure(row: Row, setup: Setup) -> Result:
    if setup.isa not in setup.machine.levels():
        return Result(row, row.settings(setup), f"this machine has no {NAMES[setup.isa]}")
    return run_row(row, setup)


def render(order: list[str]) -> None:
    """Makes the tables of docs/performance.md of docs/performance.json."""
    path = os.path.join(ROOT, "docs", "performance.md")
    found = results.load(os.path.join(ROOT, "docs", "performance.json"))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    made = table.replace_section(text, table.sections(found, order), path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(made)


def main(rows: list[Row], words: list[str]) -> int:
    arguments = parse(words)
    if arguments.render:
        render([row.name for row in rows])
        return 0
    chosen = choose(rows, arguments.rows)
    if arguments.list:
        for row in chosen:
            print(f"{row.name:<22} {row.title}" + (f", wanted {row.target}" if row.target else ""))
        return 0
    missing = [
        name
        for name in ("bench/model_turns", "bench/tokenizer_turns", "bin/braid-merge")
        if not os.path.exists(os.path.join(arguments.build, name))
    ]
    if missing:
        sys.exit(
            f"scripts/bench: {arguments.build} lacks {', '.join(missing)}; run scripts/build release"
        )
    files = [arguments.json or os.path.join(ROOT, "build", "bench", "results.json")]
    if arguments.update_docs:
        files.append(os.path.join(ROOT, "docs", "performance.json"))
    os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="run-", dir=os.path.join(ROOT, "build", "bench"))
    failed = 0
    try:
        setup = make_setup(arguments, chosen, scratch)
        print(f"{setup.machine.text()}; {NAMES[setup.isa]}, {setup.threads} threads; {commit()}")
        for row in chosen:
            if arguments.rehearse:
                print(f"{row.name:<22} {rehearse(row, setup) or 'ran'}", flush=True)
                continue
            result = measure(row, setup)
            record = results.record(result, of_run(setup))
            failed += result.failed
            print(table.line(row.name, record), flush=True)
            # After each row, so that what was measured stays if a later row is interrupted.
            for path in files:
                everything = results.load(path)
                results.merge(everything, setup.machine, setup.isa, {row.name: record})
                results.save(path, everything)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if arguments.rehearse:
        return 0
    if arguments.update_docs:
        render([row.name for row in rows])
    say("added to " + ", ".join(os.path.relpath(path) for path in files))
    return 1 if failed else 0
