#!/usr/bin/env python3
"""The arithmetic, the rounds, the files and the tables of scripts/bench, with sides whose turns are made up."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from dataclasses import replace

ROOT = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
sys.path.insert(0, os.path.join(ROOT, "bench"))

from harness import figures, main, results, runner, table
from harness.machine import LEVELS, NAMES, Machine, field
from harness.peers import Peers
from harness.row import Limit, Row, Setup
from harness.runner import run_row
from harness.side import ProcessSide, Side, SideError, Turn

runner.say = lambda text: None  # the turns, as they begin

MACHINE = Machine("Some CPU", 2, 16.0, "Some Linux 1", frozenset({"avx2", "fma"}))
RUN = {
    "date": "2026-01-02",
    "commit": "abc1234",
    "rounds": 3,
    "seconds": 2.0,
    "versions": {"torch": "2.11.0"},
}


def a_setup(**changes):
    setup = Setup(
        root=ROOT,
        build="",
        scratch="",
        machine=MACHINE,
        peers=Peers(sys.executable),
        isa="avx2",
        restricted=False,
        threads=2,
        rounds=3,
        seconds=2.0,
        quick=False,
    )
    return replace(setup, **changes)


class ListedSide(Side):
    """Gives out its turns one after the other, the warm-up first; an error where one stands."""

    def __init__(self, name, *turns, why_not=""):
        super().__init__(name, why_not)
        self.turns, self.closed, self.asked = list(turns), False, []

    def turn(self, seconds):
        self.asked.append(seconds)
        values = self.turns.pop(0)
        if isinstance(values, str):
            raise SideError(values)
        return Turn(values, {"turn": len(self.asked)})

    def close(self):
        self.closed = True


class ListedRow(Row):
    name, title, unit, target = "some.row", "some work", "pieces/s", "1.5"

    def __init__(self, *sides, better="more", limit=None, why_not=""):
        self.made, self.better, self.top, self.why = list(sides), better, limit, why_not

    def settings(self, setup):
        return {"d": 128, "threads": setup.threads}

    def sides(self, setup):
        return list(self.made)

    def limit(self, setup):
        return self.top

    def why_not(self, setup):
        return self.why

    def verify(self, turns):
        return "same ids"


def three(name, *values):
    """A side of three rounds after a warm-up that is like the first."""
    return ListedSide(name, values[0], *values)


class FiguresTest(unittest.TestCase):
    def test_a_figure_is_the_median_of_the_medians_of_the_turns(self):
        made = figures.figure([[1.0, 2.0, 90.0], [5.0], [3.0, 4.0]], "more")
        self.assertEqual((made.median, made.best, made.turns), (3.5, 90.0, (2.0, 5.0, 3.5)))
        self.assertEqual(figures.figure([[3.0], [2.0], [9.0]], "less").best, 2.0)

    def test_a_ratio_is_of_medians_and_its_spread_of_the_rounds(self):
        ours = figures.figure([[10.0], [30.0], [20.0]], "more")
        theirs = figures.figure([[5.0], [10.0], [20.0]], "more")
        self.assertEqual(figures.ratio(ours, theirs, "more"), figures.Ratio(2.0, 1.0, 3.0))

    def test_where_less_is_better_a_ratio_above_one_still_means_ahead(self):
        ours, theirs = figures.figure([[2.0]], "less"), figures.figure([[3.0]], "less")
        self.assertEqual(figures.ratio(ours, theirs, "less").of_medians, 1.5)
        self.assertEqual(figures.best_of({"a": ours, "b": theirs}, "less"), "a")
        self.assertEqual(figures.best_of({"a": ours, "b": theirs}, "more"), "b")

    def test_who_is_far_behind_in_the_warm_up_is_not_measured_further(self):
        warm = {"best": 100.0, "near": 80.0, "behind": 79.0}
        self.assertEqual(figures.worth_measuring(warm, "more"), ["best", "near"])
        times = {"best": 8.0, "near": 10.0, "behind": 10.1}
        self.assertEqual(figures.worth_measuring(times, "less"), ["best", "near"])
        self.assertEqual(figures.worth_measuring({}, "less"), [])


class RunnerTest(unittest.TestCase):
    def test_sides_have_turns_in_turn_and_the_best_peer_counts(self):
        order = []

        class Noting(ListedSide):
            def turn(self, seconds):
                order.append(self.name)
                return super().turn(seconds)

        sides = [
            Noting("braid", [1.0], [10.0], [12.0], [11.0]),
            Noting("slow", [9.0], [5.0], [5.0], [5.0]),
            Noting("fast", [8.0], [6.0], [8.0], [7.0]),
        ]
        result = run_row(ListedRow(*sides), a_setup())
        self.assertEqual(order, ["braid", "slow", "fast"] * 4)
        self.assertEqual(result.peer, "fast")
        self.assertAlmostEqual(result.ratio.of_medians, 11 / 7)
        self.assertAlmostEqual(result.ratio.low, 12 / 8)
        self.assertAlmostEqual(result.ratio.high, 10 / 6)
        self.assertEqual(result.verified, "same ids")
        self.assertTrue(all(side.closed for side in sides))
        self.assertEqual(sides[0].asked, [1.0, 2.0, 2.0, 2.0])

    def test_a_peer_that_is_missing_or_fails_has_its_reason(self):
        row = ListedRow(
            three("braid", [4.0], [4.0], [4.0]),
            ListedSide("absent", why_not="cannot be installed: no wheel"),
            ListedSide("broken", "exit code 1: no such model"),
            ListedSide("behind", [1.0]),
            three("peer", [2.0], [2.0], [2.0]),
        )
        result = run_row(row, a_setup())
        self.assertEqual(
            result.missing,
            {"absent": "cannot be installed: no wheel", "broken": "exit code 1: no such model"},
        )
        self.assertEqual(sorted(result.figures), ["braid", "peer"])
        self.assertEqual(result.warm_ups, {"braid": 4.0, "behind": 1.0, "peer": 2.0})

    def test_a_side_that_a_target_names_is_measured_though_it_is_behind(self):
        named = three("named", [1.0], [1.0], [1.0])
        named.kept = True
        sides = [three("braid", [4.0], [4.0], [4.0]), named, three("peer", [2.0], [2.0], [2.0])]
        result = run_row(ListedRow(*sides), a_setup())
        self.assertEqual(sorted(result.figures), ["braid", "named", "peer"])
        self.assertEqual(result.peer, "peer")

    def test_if_braid_fails_the_row_has_a_reason_and_no_figures(self):
        peer = three("peer", [2.0], [2.0], [2.0])
        result = run_row(ListedRow(ListedSide("braid", "out of memory"), peer), a_setup())
        self.assertEqual((result.reason, result.figures), ("out of memory", {}))
        self.assertTrue(peer.closed)
        self.assertTrue(result.failed)
        unable = run_row(ListedRow(why_not="one core"), a_setup())
        self.assertEqual((unable.reason, unable.failed), ("one core", False))

    def test_an_exception_ends_a_row_and_not_the_run(self):
        row = ListedRow(three("braid", [4.0], [4.0], [4.0]))
        row.verify = lambda turns: turns["nobody"]
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            result = run_row(row, a_setup())
        self.assertEqual((result.reason, result.failed), ("KeyError: 'nobody'", True))
        self.assertIn("Traceback", errors.getvalue())

    def test_the_share_of_a_limit_that_is_no_peer(self):
        limit = Limit(three("products", [100.0], [80.0], [90.0]), "at::mm", "GFLOP/s", 0.5)
        row = ListedRow(
            three("braid", [90.0], [90.0], [90.0]),
            three("peer", [60.0], [60.0], [60.0]),
            limit=limit,
        )
        result = run_row(row, a_setup())
        self.assertAlmostEqual(result.share, 0.5)
        self.assertEqual((result.peer, sorted(result.figures)), ("peer", ["braid", "peer"]))
        self.assertTrue(limit.side.closed)

    def test_a_limit_that_is_a_peer_is_measured_once(self):
        products = three("products", [100.0], [100.0], [100.0])
        row = ListedRow(
            three("braid", [40.0], [40.0], [40.0]), products, limit=Limit(products, "mm", "GFLOP/s")
        )
        result = run_row(row, a_setup())
        self.assertAlmostEqual(result.share, 0.4)
        self.assertAlmostEqual(result.ratio.of_medians, 0.4)
        self.assertEqual(len(products.asked), 4)


class ProcessSideTest(unittest.TestCase):
    SERVER = (
        "import json, sys\n"
        "print('chatter', flush=True)\n"
        "print(json.dumps({'ready': True}), flush=True)\n"
        "for line in sys.stdin: print(json.dumps({'values': [float(line)], 'x': 1}), flush=True)\n"
    )

    def side(self, script):
        return ProcessSide("side", [sys.executable, "-c", script], {"PYTHONUTF8": "1"})

    def test_asks_a_program_for_turns(self):
        side = self.side(self.SERVER)
        self.assertEqual(side.open(), {"ready": True})
        self.assertEqual(side.turn(0.5), Turn([0.5], {"x": 1}))
        self.assertEqual(side.turn(2.0).values, [2.0])
        self.assertGreater(side.peak_bytes(), 1_000_000)
        side.close()
        side.close()  # again does nothing

    def test_says_what_a_program_died_of(self):
        side = self.side("import sys; sys.exit('no such shape')")
        with self.assertRaisesRegex(SideError, "^exit code 1: no such shape$"):
            side.open()
        side.close()

    def test_says_which_program_is_not_there(self):
        side = ProcessSide("side", ["/nowhere/program"], {})
        with self.assertRaisesRegex(SideError, "^/nowhere/program: No such file or directory$"):
            side.open()


def a_record(**changes):
    row = ListedRow(
        three("braid", [14123.0], [15000.0], [14000.0]),
        three("peer, tuned", [9000.0], [10000.0], [9800.0]),
        ListedSide("peer", [1000.0]),
        ListedSide("other", why_not="cannot be installed: no wheel"),
        limit=Limit(three("products", [150.0], [150.0], [150.0]), "at::mm", "GFLOP/s", 0.005),
    )
    return {**results.record(run_row(row, a_setup()), RUN), **changes}


class TableTest(unittest.TestCase):
    maxDiff = None

    def test_numbers_have_three_digits(self):
        for value, text in (
            (14123.0, "14,100"),
            (999.6, "1,000"),
            (1234567.0, "1,230,000"),
            (981.4, "981"),
            (4.8649, "4.86"),
            (0.01234, "0.0123"),
            (10.0, "10.0"),
            (0, "0"),
        ):
            self.assertEqual(table.number(value), text)

    def test_the_line_of_a_row(self):
        self.assertEqual(
            table.line("some.row", a_record()),
            "some.row                 14,100 pieces/s  peer, tuned 9,800  ratio 1.44 (1.43 - 1.57)"
            "  wanted 1.5  47 % of 150 GFLOP/s (at::mm)  same ids",
        )
        self.assertEqual(
            table.line("some.row", {"reason": "the processor has no bf16"}),
            "some.row               not measured: the processor has no bf16",
        )

    def test_the_tables_of_a_machine(self):
        everything = results.empty()
        absent = results.record(run_row(ListedRow(why_not="no GPU"), a_setup()), RUN)
        results.merge(everything, MACHINE, "avx2", {"some.row": a_record(), "gone": absent})
        self.assertEqual(
            table.sections(everything, ["gone", "later", "some.row"]).splitlines(),
            [
                "## Some CPU, 2 cores, AVX2",
                "",
                "16 GB, Some Linux 1; no bf16 in hardware. torch 2.11.0.",
                "",
                "| row | what | braid | best peer | ratio (of the rounds) | wanted | share of the limit |",
                "|---|---|---|---|---|---|---|",
                "| `gone` | some work | not measured: no GPU | | | 1.5 | |",
                "| `some.row` | some work | 14,100 pieces/s | 9,800, peer, tuned | **1.44 (1.43 - 1.57)** "
                "| 1.5 | 47 % of 150 GFLOP/s (at::mm) |",
                "",
                "| row | settings | other sides | same in both | measured |",
                "|---|---|---|---|---|",
                "| `gone` | d 128, threads 2 | | | 2026-01-02, abc1234, 3 rounds of 2 s a side |",
                "| `some.row` | d 128, threads 2 | peer 1,000 (warm-up); other: cannot be installed: no wheel "
                "| same ids | 2026-01-02, abc1234, 3 rounds of 2 s a side |",
                "",
                "Not measured here yet: `later`.",
            ],
        )

    def test_only_what_is_between_the_marks_is_replaced(self):
        text = f"# Speed\n\nBy hand.\n\n{table.BEGIN}\n\nold\n\n{table.END}\n\n## Lost\n\nWhy.\n"
        made = table.replace_section(text, "new", "performance.md")
        self.assertEqual(made, text.replace("old", "new"))
        self.assertEqual(table.replace_section(made, "new", "performance.md"), made)
        with self.assertRaisesRegex(SystemExit, "performance.md: has not the lines .*begin"):
            table.replace_section("# Speed\n", "new", "performance.md")


class ResultsTest(unittest.TestCase):
    def test_rows_that_are_measured_apart_come_together(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "deeper", "results.json")
            for isa, name, reason in (
                ("avx2", "first", "a"),
                ("avx2", "second", "b"),
                ("generic", "first", "c"),
                ("avx2", "first", "d"),
            ):
                everything = results.load(path)
                results.merge(everything, MACHINE, isa, {name: {"reason": reason}})
                results.save(path, everything)
            everything = results.load(path)
            for other in (
                replace(MACHINE, cpu="Another CPU"),
                replace(
                    MACHINE,
                    flags=frozenset({"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}),
                ),
            ):
                results.merge(everything, other, "avx2", {"first": {"reason": "e"}})
            self.assertEqual(
                [entry["runs"] for entry in everything["machines"]],
                [
                    {
                        "avx2": {"first": {"reason": "d"}, "second": {"reason": "b"}},
                        "generic": {"first": {"reason": "c"}},
                    },
                    {"avx2": {"first": {"reason": "e"}}},
                    {"avx2": {"first": {"reason": "e"}}},
                ],
            )

    def test_a_record_can_be_written(self):
        text = json.dumps(results.rounded(a_record()))
        self.assertEqual(json.loads(text)["figures"]["braid"]["median"], 14123.0)
        self.assertEqual(results.rounded([0.123456789, "x", 7]), [0.12346, "x", 7])

    def test_a_file_of_another_format_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.json")
            with open(path, "w") as file:
                file.write('{"format": 7}')
            with self.assertRaisesRegex(SystemExit, "format 7 is not 1; move it away"):
                results.load(path)


class MachineTest(unittest.TestCase):
    def test_levels_are_what_the_flags_say(self):
        def levels(*flags):
            return replace(MACHINE, flags=frozenset(flags)).levels()

        avx512 = ("avx512f", "avx512bw", "avx512vl", "avx512dq")
        self.assertEqual(levels(), ["generic"])
        amx = ("amx_tile", "amx_bf16")
        self.assertEqual(levels("avx2", "fma", *avx512, *amx), ["generic", "avx2", "avx512"])
        self.assertEqual(levels("avx2", "fma"), ["generic", "avx2"])
        self.assertEqual(levels("avx2", "fma", *avx512), ["generic", "avx2", "avx512"])
        self.assertEqual(levels("avx2", "fma", *avx512, "avx512_bf16", *amx), list(LEVELS))
        self.assertEqual(levels(*avx512), ["generic"])
        self.assertEqual(sorted(NAMES), sorted(LEVELS))

    def test_fields_of_the_kernels_files(self):
        text = "processor\t: 0\nmodel name\t: AMD  EPYC\nmodel name\t: other\n"
        self.assertEqual((field(text, "model name"), field(text, "flags")), ("AMD EPYC", ""))

    def test_variables_only_where_an_instruction_set_was_asked_for(self):
        self.assertNotIn("ATEN_CPU_CAPABILITY", a_setup().env())
        env = a_setup(restricted=True, isa="generic").env(threads=1)
        self.assertEqual((env["ATEN_CPU_CAPABILITY"], env["OMP_NUM_THREADS"]), ("default", "1"))

    def test_avx512_includes_its_products_of_bf16_where_the_machine_has_them(self):
        def kernels(*flags):
            machine = replace(MACHINE, flags=frozenset(flags))
            return [machine.variables(level)["BRAID_ISA"] for level in ("avx2", "avx512")]

        self.assertEqual(kernels("avx512f"), ["avx2", "avx512"])
        self.assertEqual(kernels("avx512f", "avx512_bf16"), ["avx2", "avx512_bf16"])

    def test_tiles_are_asked_for_by_name_and_kept_from_all_in_smaller_sets(self):
        flags = frozenset({"avx512f", "avx512_bf16", "amx_tile", "amx_bf16"})
        machine = replace(MACHINE, flags=flags)
        self.assertEqual(machine.variables("amx"), {"BRAID_ISA": "amx"})
        smaller = machine.variables("avx512")
        self.assertEqual(smaller["BRAID_ISA"], "avx512_bf16")
        self.assertEqual(smaller["ONEDNN_MAX_CPU_ISA"], "AVX512_CORE_BF16")
        self.assertEqual(smaller["MKL_ENABLE_INSTRUCTIONS"], "AVX512")


class RowsTest(unittest.TestCase):
    def test_every_row_has_a_name_of_its_own_and_settings(self):
        from rows import ROWS

        names = [row.name for row in ROWS]
        self.assertEqual(len(names), len(set(names)))
        for row in ROWS:
            self.assertIn(row.better, ("more", "less"), row.name)
            self.assertTrue(row.title and row.unit, row.name)

    def test_rows_are_chosen_by_name_or_beginning(self):
        rows = [ListedRow(), ListedRow(), ListedRow()]
        for row, name in zip(rows, ("train.a", "train.ab", "merge"), strict=True):
            row.name = name
        self.assertEqual(main.choose(rows, ["train.a"]), rows[:1])
        self.assertEqual(main.choose(rows, ["merge", "train"]), rows)
        self.assertEqual(main.choose(rows, []), rows)
        with self.assertRaisesRegex(SystemExit, "there is no row tra; scripts/bench --list shows"):
            main.choose(rows, ["tra"])

    def test_operations_of_the_papers_models(self):
        from rows import models

        # docs/papers/papaformer.md#s2.2 counts attention's squares, and no output maps.
        share = models.composite(models.CONNECTIONS["share_linear"], 50278, 128, 3, 4, 256)
        for spec, forward, widths in (
            (models.dense(50278, 256, 8, 8, 256), 43.6, 8 * [256]),
            (models.dense(50278, 128, 3, 4, 256), 14.7, 3 * [128]),
            (share, 34.3, 2 * [256] + 6 * [128]),
        ):
            squares, maps = (sum(4 * 256 * d for d in widths), sum(2 * d * d for d in widths))
            made = models.training_flop(spec) / 3 + squares - maps
            self.assertAlmostEqual(made / 1e6, forward, delta=0.05)


if __name__ == "__main__":
    unittest.main()
