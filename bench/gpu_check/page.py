"""docs/gpu.md from the result of a check."""


def table(result):
    """The result as Markdown: the machine, each part with its time, the rows of speed, the most expensive kernels."""
    machine = result["machine"]
    lines = [
        f"Checked on {result['date']}, version {result['version']}: "
        + ", ".join(f"{key} {value}" for key, value in machine.items())
        + ".",
        "",
        "| part | result | seconds |",
        "|---|---|---|",
    ]
    for part in result["parts"]:
        verdict = "ok" if part["ok"] else "FAILED: " + part["message"].splitlines()[0]
        lines.append(f"| {part['name']} | {verdict} | {part['seconds']:.0f} |")
    limits = result.get("limits") or {}
    if limits:
        rates = ", ".join(f"{key} {value:,.0f}" for key, value in limits.items())
        lines += [
            "",
            f"Limits that torch reaches in the same run (TFLOP/s, copy in GB/s): {rates}.",
        ]
    rows = result.get("speed") or {}
    if rows:
        lines += speed(rows)
    return "\n".join(lines) + "\n"


def speed(rows):
    lines = [
        "",
        "| training step | braid, fp32, tokens/s | of the fp32 limit | transformers, tokens/s | braid : best |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if "skipped" in row:
            lines.append(f"| {name} | {row['skipped']} | | | |")
            continue
        peers = {key: rate for key, rate in row["peers"].items() if isinstance(rate, float)}
        beside = ", ".join(
            f"{key} {rate:,.0f}" if isinstance(rate, float) else f"{key} {rate}"
            for key, rate in row["peers"].items()
        )
        ratio = f"{row['tokens_per_s'] / max(peers.values()):.2f}" if peers else ""
        share = f"{row['mfu_of_fp32']:.0%}" if "mfu_of_fp32" in row else ""
        lines.append(
            f"| {name}, {row['settings']} | {row['tokens_per_s']:,.0f} | {share} | {beside} | {ratio} |"
        )
    first = next((row for row in rows.values() if "most_time" in row), None)
    if first:
        lines += ["", "Most time of one step of the first row (microseconds, calls):", ""]
        lines += [
            f"- {name}: {time:,.0f}, {calls}" for name, (time, calls) in first["most_time"].items()
        ]
    return lines
