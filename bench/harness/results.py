"""Results as JSON, and files of them that several runs add to.

    {"format": 1, "machines": [{"machine": {...}, "runs": {ISA: {ROW: RECORD}}}]}

A record replaces the one of the same row, instruction set and machine; all others stay. Machines
differ by the name of the processor, its cores and its instruction sets, since a virtual machine
often hides the model's number.
"""

import json
import os
from dataclasses import asdict
from typing import Any

from harness.machine import Machine
from harness.runner import Result

FORMAT = 1


def record(result: Result, run: dict[str, Any]) -> dict[str, Any]:
    """`run`: what all rows of a run have in common (date, commit, versions, rounds, ...)."""
    row = result.row
    made = {
        "title": row.title,
        "unit": row.unit,
        "better": row.better,
        "target": row.target,
        "settings": result.settings,
        "run": run,
        "reason": result.reason,
        "missing": result.missing,
    }
    if result.reason:
        return made
    return {
        **made,
        "ours": result.ours,
        "peer": result.peer,
        "ratio": asdict(result.ratio) if result.ratio else None,
        "figures": {name: asdict(figure) for name, figure in result.figures.items()},
        "warm_ups": result.warm_ups,
        "limit": asdict(result.limit) if result.limit else None,
        "share": result.share,
        "verified": result.verified,
        "facts": result.facts,
    }


def empty() -> dict[str, Any]:
    return {"format": FORMAT, "machines": []}


def load(path: str) -> dict[str, Any]:
    """An absent file is one without results."""
    if not os.path.exists(path):
        return empty()
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    if results.get("format") != FORMAT:
        raise SystemExit(f"{path}: format {results.get('format')} is not {FORMAT}; move it away")
    return results


def merge(results: dict, machine: Machine, isa: str, records: dict[str, dict]) -> None:
    about = machine.to_json()
    same = ("cpu", "cores", "levels")
    for entry in results["machines"]:
        if all(entry["machine"][key] == about[key] for key in same):
            entry["machine"] = about
            break
    else:
        entry = {"machine": about, "runs": {}}
        results["machines"].append(entry)
    entry["runs"].setdefault(isa, {}).update(records)


def rounded(value: Any) -> Any:
    """Numbers with five significant digits, as far as a measurement has any."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def save(path: str, results: dict) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(rounded(results), file, indent=1, ensure_ascii=False)
        file.write("\n")
    os.replace(part, path)
