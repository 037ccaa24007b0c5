"""The text that is made of results: a line for the terminal, tables for docs/performance.md."""

from typing import Any

from harness.machine import LEVELS, NAMES

BEGIN = "<!-- made by scripts/bench: begin -->"
END = "<!-- made by scripts/bench: end -->"


def number(value: float) -> str:
    """Three significant digits, thousands apart: 14,100; 981; 4.86; 0.0123."""
    if value == 0:
        return "0"
    value = float(f"{value:.3g}")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def cells_of(*cells: str) -> str:
    """A line of a table."""
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def ratio_text(record: dict[str, Any]) -> str:
    ratio = record.get("ratio")
    if not ratio:
        return ""
    return f"{ratio['of_medians']:.2f} ({ratio['low']:.2f} - {ratio['high']:.2f})"


def share_text(record: dict[str, Any]) -> str:
    limit = record.get("limit")
    if not limit:
        return ""
    return f"{100 * record['share']:.0f} % of {number(limit['median'])} {limit['unit']} ({limit['what']})"


def settings_text(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def ours_of(record: dict[str, Any]) -> float:
    return record["figures"][record["ours"]]["median"]


def line(name: str, record: dict[str, Any]) -> str:
    """One row for the terminal."""
    if record["reason"]:
        return f"{name:<22} not measured: {record['reason']}"
    text = f"{name:<22} {number(ours_of(record)):>8} {record['unit']}"
    if record["peer"]:
        theirs = record["figures"][record["peer"]]["median"]
        text += f"  {record['peer']} {number(theirs)}  ratio {ratio_text(record)}"
    if record["target"]:
        text += f"  wanted {record['target']}"
    if record["limit"]:
        text += f"  {share_text(record)}"
    return text + (f"  {record['verified']}" if record["verified"] else "")


def row_of_table(name: str, record: dict[str, Any]) -> str:
    if record["reason"]:
        why = f"not measured: {record['reason']}"
        return cells_of(f"`{name}`", record["title"], why, "", "", record["target"], "")
    peer = record["peer"]
    return cells_of(
        f"`{name}`",
        record["title"],
        f"{number(ours_of(record))} {record['unit']}",
        f"{number(record['figures'][peer]['median'])}, {peer}" if peer else "",
        f"**{ratio_text(record)}**" if record["ratio"] else "",
        record["target"],
        share_text(record),
    )


def others_text(record: dict[str, Any]) -> str:
    """The sides that are not in the table: how they did in the rounds or in the warm-up, or why not."""
    named = {record.get("ours"), record.get("peer")}
    parts = [
        f"{name} {number(figure['median'])}"
        for name, figure in record.get("figures", {}).items()
        if name not in named
    ]
    parts += [
        f"{name} {number(value)} (warm-up)"
        for name, value in record.get("warm_ups", {}).items()
        if name not in record["figures"]
    ]
    parts += [f"{name}: {why}" for name, why in record["missing"].items()]
    return "; ".join(parts)


def run_text(run: dict[str, Any]) -> str:
    return f"{run['date']}, {run['commit']}, {run['rounds']} rounds of {run['seconds']:g} s a side"


def versions_text(records: dict[str, dict]) -> str:
    versions: dict[str, str] = {}
    for record in records.values():
        versions.update(record["run"]["versions"])
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def section(machine: dict[str, Any], isa: str, records: dict[str, dict], order: list[str]) -> str:
    largest = machine["levels"][-1]
    title = f"## {machine['cpu']}, {machine['cores']} cores, {NAMES[isa]}"
    if isa != largest:
        title += f" (of {NAMES[largest]})"
    names = [name for name in order if name in records]
    names += sorted(name for name in records if name not in order)
    lines = [
        title,
        "",
        f"{machine['memory_gb']:.0f} GB, {machine['system']}; "
        + ("bf16 in hardware" if machine["bf16"] else "no bf16 in hardware")
        + f". {versions_text(records)}.",
        "",
        "| row | what | braid | best peer | ratio (of the rounds) | wanted | share of the limit |",
        "|---|---|---|---|---|---|---|",
        *(row_of_table(name, records[name]) for name in names),
        "",
        "| row | settings | other sides | same in both | measured |",
        "|---|---|---|---|---|",
    ]
    for name in names:
        record = records[name]
        lines.append(
            cells_of(
                f"`{name}`",
                settings_text(record["settings"]),
                others_text(record),
                record.get("verified", ""),
                run_text(record["run"]),
            )
        )
    absent = [f"`{name}`" for name in order if name not in records]
    if absent:
        lines += ["", f"Not measured here yet: {', '.join(absent)}."]
    return "\n".join(lines)


def sections(results: dict[str, Any], order: list[str]) -> str:
    """All tables, a machine and an instruction set after the other."""
    made = []
    for entry in results["machines"]:
        for isa in reversed(LEVELS):
            if entry["runs"].get(isa):
                made.append(section(entry["machine"], isa, entry["runs"][isa], order))
    return "\n\n".join(made)


def replace_section(text: str, made: str, path: str) -> str:
    """`text` with what stands between the marks replaced; everything else is kept as it is."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise SystemExit(f"{path}: has not the lines {BEGIN} and {END}; put them back")
    return f"{text[:begin]}{BEGIN}\n\n{made}\n\n{text[end:]}"
